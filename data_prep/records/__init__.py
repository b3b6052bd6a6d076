"""The contract: what a record holds, how tracks are cut into records, what the manifest says of them.

format        encodes and parses one record
excerpts      cuts a track into excerpts
manifest      lists the tracks and shards of a folder of records
full_tracks   puts whole tracks together again from their excerpts
"""
