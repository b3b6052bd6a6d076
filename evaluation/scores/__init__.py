"""Holds the table of scores, and computes what follows from it.

table         rows, columns and statuses
aggregates    medians and means
improvement   how far systems are above the mixture
bootstrap     intervals over tracks
paired        differences between runs
significance  tests of differences
comparable    whether runs compare at all
about         how rows were made
conditions    what an audit of the labels found
results       writes results track by track
saved         reads results
csv_rows      reads the rows of tables that anybody may have changed
"""
