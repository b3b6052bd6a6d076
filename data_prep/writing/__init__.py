"""Turns corpora into records: each track is prepared by itself, then tracks become shards.

examination  reads all tracks, checks and prepares them
checks      finds what is wrong with a corpus, before anything is written
prepare     makes the records of a track
scratch     keeps these until they are part of a shard
parts       names the parts of a job of several machines
shards      joins the records of tracks to shards and puts them in place
finished    tells whether finished records are what is wanted
progress    tells how far that is
"""
