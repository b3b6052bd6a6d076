"""Learns to hear which instruments sound, column by column.

step         its network and objective, for any Keras backend
truth        where the sources of a mixture are audible
measures     how right answers are
thresholds   from which probability on an instrument counts as heard
listening    whole tracks, column by column
pieces       which instruments a whole piece has
tagger       the tagger of a run, with its thresholds
task         its examples, validation and summaries
"""
