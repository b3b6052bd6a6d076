"""Turns records into batches.

excerpts    holds or reads the excerpts of a split
drawing     draws what the examples of a step are made of
positions   draws where in the records they lie
patches     cuts and mixes them
questions   draws what is asked of them, and recordings to ask with
notes       draws and cuts the notes that they are told
timbre      tunes and colours their sources
"""
