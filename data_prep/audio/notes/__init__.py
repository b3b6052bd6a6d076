"""Reads the notes of a piece from MIDI, and tells whether they are notes of a recording.

midi          reads Standard MIDI Files
voices        tells which instrument plays a track of a MIDI file
general_midi  names the programs of General MIDI
contrast      measures how much stronger a mixture is where its notes sound
"""
