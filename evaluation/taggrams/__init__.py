"""Says what instruments are heard in files, and in sound as it arrives.

heard     what was heard in one file
spans     from when to when each instrument is heard
tables    the same as CSV, as JSON and as a label track
envelope  the outline of a waveform of any length
pixels    what of all this falls on each pixel
picture   instruments by time, below the waveform
forms     the files that are written of one, by their suffixes
batch     many files
live      raw PCM, a line a second
"""
