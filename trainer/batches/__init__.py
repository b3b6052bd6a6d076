"""Records to batches.

excerpts    holds or reads the excerpts of a split
patches     cuts, mixes and augments examples
"""
