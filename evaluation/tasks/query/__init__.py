"""Evaluates the answering of queries.

room       scores a run, and makes its page
asked      asks the tracks of a split what is there, by name and by recordings
presence   tells how right that is
"""
