"""Tells whether two splits share a recording.

sketches      reduces a waveform to what another copy of it has, too
candidates    finds pairs of waveforms with sketches so alike that they are suspicious
leaks         compares the samples of suspicious pairs
"""
