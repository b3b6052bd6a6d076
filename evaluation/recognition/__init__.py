"""Lets a tagger say which instruments play, where a separator would be told.

recogniser        a tagger as a function of songs: the labels of each
recognised        a separator that is told what the tagger heard
recognition_flag  the flag that names the tagger
"""
