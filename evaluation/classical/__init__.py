"""Separates music by the methods that need no network, to be scored and used as networks are.

methods        finds a method by its name
names          what each makes, of songs and in tables
separator      what every one of them is: a function of songs
unmixing       ICA and PCA on two channels
hpss           the harmonic and the percussive part
repet          what repeats, and what does not
factorisation  magnitudes as spectra and activations (NMF)
nmf            NMF with known spectra
dictionaries   learns these from the training split of records, and keeps them
blind_nmf      NMF of a song by itself, whose parts only references can assign
streams        masks short-time spectra of songs that come in blocks
samples        a bounded number of rows of a long stream
rows           the estimates of every method beside those of a system, as tracks on a disk
"""
