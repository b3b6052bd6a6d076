"""Declares a table of files: ``tracks.csv`` with the columns track, source, file, and maybe split.

    track,source,file,split
    song 1,mixture,mixes/1.wav,train
    song 1,voice,takes/17.flac,train

Paths are from its folder. Several files of one source are summed. Without a mixture the sum of the
sources is one.
"""

from data_prep.corpora.layouts.layout import Layout

NUM_TRACKS = None
SAMPLE_RATE = None

LAYOUT = Layout(
    title="listed",
    expected="tracks.csv, a table with the columns track, source, file, and a line for each file",
    table="tracks.csv",
)
