"""Corpora to records: tracks are read, cut into excerpts, encoded into sharded TFRecords and listed in a manifest."""

import os

# Before TensorFlow is imported anywhere: its start-up notices would bury the first lines a user should read.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
