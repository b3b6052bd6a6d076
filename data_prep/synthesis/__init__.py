"""Makes music and drums by dice, for corpora that need no download.

composition    writes pieces as notes
timbres        plays notes as sound
corpus_folder  keeps a corpus whole, and which one it is
controls       makes sound of which nothing can be learnt
takes          lets several players play together, and writes the files of a piece or a song
bands          lets a band play songs of which each player's notes are known
layouts        writes songs of a band as published corpora lie on a disk
drums          plays single drum sounds by dice or from patches, and writes kits of them
"""
