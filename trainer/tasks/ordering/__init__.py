"""Learns without labels to put clips of music in order.

step       its networks and objective, for any Keras backend
heads      what compares clips: chain, pairs, sorter, and whether they are of one excerpt
puzzles    draws puzzles, of records to learn from and of tracks to be asked about
asked      networks that are asked about puzzles
answers    one order of what a network says, and how right it is
task       its examples, validation and summaries
"""
