"""Puts waveforms of any length, rate and channels through a network.

separator   a network as a function of waveforms
tiling      full-length estimates from overlapping windows
memory      how long these windows are
channels    the rule of mono and stereo
"""
