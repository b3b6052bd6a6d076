"""Turns records into batches.

excerpts    holds or reads the excerpts of a split
drawing     draws what the examples of a step are made of
patches     cuts and mixes them
"""
