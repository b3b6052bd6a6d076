"""Files to waveforms: the only decoder of the project.

tracks      what a track is: its files, its parts, its form
loading     decodes the parts of a track, whichever corpus it is of
stems       decodes a stem file in one pass
waveforms   reads, resamples, fits and adds waveforms
activity    measures levels, and where a source sounds
"""
