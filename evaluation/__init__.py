"""Turns checkpoints into estimates, scores and reports.

``load_separator`` gives the network of a run to other programs, ``untrained_separator`` that of an
experiment with random weights.

evaluate     scores a run, or the files of any other system
compare      says whether runs differ
audit        what the labels do
separate     audio files into their sources
tag          which instruments are heard in files, or in sound as it arrives
classify     learns classes of files of sound, and says them
sweep        trains and scores a table of settings
feature_play sounds that excite features of a run which orders clips
play         a page on which the sounds of a network are played
smoke        the whole pipeline on music that it makes itself
options      the flags that name a run, for these commands

estimates    who estimated what, as tracks on a disk
metrics      the signal mathematics of the metrics
scoring      tracks to scores, in processes of bounded memory
scores       the table of scores and what is computed from it
classical    separation without a network, to compare one with
recognition  labels that a tagger hears, for who would be told them
songs        files of sound to files of their sources
server       a page that does so
taggrams     what is heard in files: tables, labels, pictures; and live
player       a page that makes one-shots by itself
classes      files of sound to classes or numbers, learnt from examples
sweeps       which runs a table has, and its page
listening    what a page lets people hear
ratings      what listeners say of it
document     how a page looks
report       what a page says
tasks        what each task scores and shows
"""

from evaluation.songs.loaded import LoadedSeparator, load_separator, untrained_separator

__all__ = ["LoadedSeparator", "load_separator", "untrained_separator"]
