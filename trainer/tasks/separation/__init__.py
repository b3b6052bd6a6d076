"""Learns to estimate every source of a mixture.

step         its networks and objectives, for any Keras backend
losses       the terms of its loss
loudness     what waveforms are to the ear, before they are compared
task         its examples, validation and summaries
validation   how far the network is on tracks it does not learn from
"""
