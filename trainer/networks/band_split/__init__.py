"""Holds the network that attends to bands of a spectrum, and its parts.

network     the network, and what its settings make of it
bands       how bins become bands, and bands masks of bins
attention   attention along one axis, and what surrounds it
centred     short-time spectra of a whole chunk, and their inverse
"""
