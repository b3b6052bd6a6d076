"""Turns sound files into waveforms: a corpus, and a song to separate, are decoded here alone.

tracks        says what a track is: its files, or its mixture and sources
loading       decodes a track, whichever corpus it is of
parts         opens the waveforms of a track one after the other, and measures them as they are read
stems         decodes a stem file in one pass
waveforms     reads sound files, whole or in blocks; fits and adds waveforms
decoding      decodes a file of any kind in blocks, and tells where it is damaged
damage        says what could not be decoded
endings       tells whether a file has its end
sound_frames  makes arrays of what FFmpeg decodes
conversion    changes the rate and the number of channels
activity      measures levels, and tells where a source sounds
spectrograms  measures waveforms over time and frequency, for pictures
annotations   says what is known of a piece beside its sound
part_notes    reads the notes of a part, and compares them with its sound
notes         reads MIDI, and compares notes with a mixture
"""
