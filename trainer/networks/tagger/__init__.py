"""Holds the network that hears which instruments sound, and its parts.

network    the network: what it hears, a body, answers
front      what a body hears of a waveform
body       what all bodies have in common, and pictures around answers
dilated    the body of convolutions in both directions, then along time
columns    the body that goes from column to column
genres     the bodies of genre networks of the earlier system
singing    the body of a published singing detector
musicnn    the bodies of published taggers of music
bodies     the list of all
"""
