"""Turns corpora into records: reads tracks, cuts them into excerpts and encodes these.

write          a corpus as records, after checking it
verify         records against their manifest and their corpus
show           what records hold, or one track as a figure and as sound
costs          what records in a bucket cost
synthetic      a corpus of made-up music or drums
one_shots      single sounds for a generator of sounds
solve_splits   which splits of URMP can cover which instruments

corpora        a reader for each corpus
audio          files to waveforms
fingerprints   whether two tracks are the same recording
records        the contract: what records and their manifest say
writing        tracks to shards, and the checks on the way
splitting      splits of URMP that cover most
shots          single sounds, from folders or cut from stems
synthesis      music and drums by dice
storage        a disk or a bucket behind one Folder
runtime        how commands run
"""
