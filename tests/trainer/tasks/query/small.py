"""A small experiment that answers queries, and records for it."""

import configs
from data_prep import write

SMALL = [
    "audio.sample_rate=4000",
    "data.excerpt_secs=1",
    "data.context_frames=200",
    "data.encoding=float32",
    "model.num_levels=2",
    "model.num_filters=4",
    "model.estimate_frames=501",
    "model.query_size=8",
    "model.query_bands=12",
    "model.query_filters=8",
    "model.query_window=256",
    "task.query_secs=1",
    "train.batch_size=4",
]


def small_config(*overrides):
    """The experiment smoke_query, much smaller."""
    return configs.load("smoke_query", [*SMALL, *overrides])


def write_records(corpus, out):
    """Writes the records of a corpus; returns their manifest."""
    return write.write(small_config(), "urmp", corpus, out)
