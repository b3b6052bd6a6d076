"""Run 989518 of the first publication: as 579521, with a constant learning rate."""

from dataclasses import replace

from configs.published_579521 import CONFIG as DECAYING

CONFIG = replace(
    DECAYING,
    name="published_989518",
    train=replace(DECAYING.train, schedule="constant"),
)
