"""The table of scores and what is computed from it.

table        rows, columns and statuses
aggregates   medians and means
bootstrap    intervals over tracks
paired       tests between runs
results      writes results track by track
saved        reads results
"""
