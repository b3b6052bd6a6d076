"""Is the contract: what a record holds, how tracks are cut into records, what the manifest says.

format        encodes and parses one record
shard_files   names and reads the files of records
wire_format   knows the bytes around records and where waveforms lie in them
excerpts      cuts a track into excerpts
manifest      lists the tracks and shards of a folder of records
entries       says what is known of one track, of one shard
comparison    compares records with the manifest and with the corpus
full_tracks   joins the excerpts of whole tracks
overview      draws a track
"""
