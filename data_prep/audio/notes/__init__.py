"""Reads the notes of a piece, and tells whether they are notes of its recording.

tables        reads text files as URMP has them
midi          reads Standard MIDI Files
voices        tells which instrument plays a track of a MIDI file
general_midi  names the programs of General MIDI
checks        finds what is wrong with the notes of a part
contrast      measures how much louder a recording is where its notes sound
"""
