"""Corpora to records: a job per track, then shards.

checks      what is wrong with a corpus, before anything is written
prepare     makes the excerpts of a track
shards      packs excerpts into shards and uploads them
"""
