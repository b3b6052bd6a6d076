"""Turns corpora into records: each track is prepared by itself, then tracks become shards.

checks      finds what is wrong with a corpus, before anything is written
prepare     makes the records of a track
shards      joins the records of tracks to shards and puts them in place
finished    tells whether finished records are what is wanted
progress    tells how far that is
"""
