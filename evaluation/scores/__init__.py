"""The table of scores and what is computed from it.

table        rows, columns and statuses
aggregates   medians and means
bootstrap    intervals over tracks
paired       tests between runs
comparable   whether two runs compare at all
about        how rows were made
conditions   what an audit of the labels found
results      writes results track by track
saved        reads results
"""
