"""Learns to answer queries: what is asked for, what it leaves, and whether it is there.

step         its network and objective, for any Keras backend
separator    the network as a separator, asked by name or by audio
presence     which names are in a track, and from which probability on
recordings   a recording of each instrument to ask with, out of records
validation   how far a network is on whole tracks
task         its examples, validation and summaries
"""
