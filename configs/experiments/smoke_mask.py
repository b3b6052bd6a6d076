"""Holds a small network of masks for the records of the experiment smoke.

    python -m data_prep.write --config=smoke_mask --corpus=urmp --root=URMP --out=records/urmp
    python -m trainer.task --config=smoke_mask --records=records/urmp --workdir=runs/smoke_mask

It masks 64 bands of a spectrogram; in as many bins as there are it would learn the training pieces
by heart. Masks add up to 1 over the instruments that play.
"""

from dataclasses import replace

from configs.experiments.smoke import CONFIG as SMOKE
from configs.networks import StftMaskSettings

CONFIG = replace(
    SMOKE,
    name="smoke_mask",
    data=replace(SMOKE.data, context_frames=21504),
    model=StftMaskSettings(
        window_frames=2048,
        estimate_frames=32768,
        mask="softmax",
        num_bands=64,
        width=96,
        depth=8,
    ),
)
