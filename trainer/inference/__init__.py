"""Puts waveforms of any length, rate and channels through a network.

base            what every separator is: a function of waveforms
told            what it may be told of a piece beside labels
separator       that of one network
average         that of several passes or networks
averaged_runs   which runs have a mean
passes          in which ways a network hears a song
checkpoint_flags  how commands name a checkpoint
identity        what tells a network from others
listener        which instruments sound in a waveform
layer_features  what the layers of a tagger make of one, for other purposes
streams         waveforms that come in blocks
tiling          full-length estimates from overlapping windows
in_graph        the same in a graph, for exports
memory          how long these windows are
channels        the rule of mono and stereo
"""
