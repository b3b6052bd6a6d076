"""Separation: estimate every source of a mixture.

step         its loss, for any Keras backend
losses       the terms of that loss
task         its examples, validation and summaries
validation   how far the network is on tracks it does not learn from
"""
