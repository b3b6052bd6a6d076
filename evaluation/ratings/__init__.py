"""Reads what listeners said of the sounds on a page, and sums it up beside the metrics.

saved      the table that a page saves
matching   which sounds of which runs the ratings are of
summary    means, intervals, and how far the ratings agree with the metric
words      the same as text and as parts of a page
"""
