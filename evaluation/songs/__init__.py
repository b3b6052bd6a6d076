"""Separates files of sound into files of their sources.

separators       what can separate songs
networks         the networks of runs, and untrained ones
separator_flags  the flags that name either, or a method without a network
song_notes       the notes of a song, from a MIDI file
choice           which instruments play, and which stems are wanted
places           where the stems of a song go
finished         what of them is there already, known by content
queries          asks for recordings, for what is heard, or for everything
heard_blocks     what was read of a song, beside its estimates
stems            one song: its estimates, its residual, its peak, its files
batch            many songs
loaded           the same for waveforms, and for other programs
console          the command that an installation brings
"""
