"""Learns classes or numbers of files of sound from what a tagger hears in them.

labelled      files and what is known of them; too few, and one under two names
folders       finds them in a folder for each class
table         reads them from a table
mfcc          the rival of the tagger's features: means of cepstra
hearing       a file of sound to features
kept          features on a disk, so that none is computed twice
batch         many files
folds         which groups are held out together
linear        logistic and ridge regression
measures      what is right of what was said, and how far that would move
held_out      what is said of files that nothing was learnt of
words         tables on a terminal
model_folder  what is learnt, on a disk
training      all of it in order
answers       what a model says of other files
"""
