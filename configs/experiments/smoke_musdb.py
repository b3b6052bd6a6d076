"""Holds the small network on four sources for a few steps: real MUSDB18 input flows.

make smoke
"""

from dataclasses import replace

from configs import instruments
from configs.experiments.smoke import CONFIG as SMOKE
from configs.experiments.smoke import MODEL

CONFIG = replace(
    SMOKE,
    name="smoke_musdb",
    data=replace(SMOKE.data, sources=instruments.MUSDB, splits="official"),
    model=replace(MODEL, conditioning="none", conditioned_at="none", gate_heads=False),
    train=replace(SMOKE.train, steps=20, steps_per_call=10, checkpoint_steps=20),
)
