"""Waveforms of any length through a network.

tiling      full-length estimates from overlapping patches
exported    what a SavedModel holds
"""
