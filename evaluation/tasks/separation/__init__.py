"""Evaluates separation.

room            scores a run, and makes its page
track_sources   tracks with estimates, of a run or out of folders, to the same tables
folders         scores what any other system wrote
comparison      compares runs
"""
