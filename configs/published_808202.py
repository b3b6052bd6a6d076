"""Run 808202 of the first publication: as 989518, at ten times the learning rate."""

from dataclasses import replace

from configs.published_989518 import CONFIG as EXPANDED

CONFIG = replace(
    EXPANDED,
    name="published_808202",
    train=replace(EXPANDED.train, learning_rate=1e-4),
)
