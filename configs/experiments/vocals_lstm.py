"""Holds a small recurrent network that tells vocals from the rest, one column after the other.

    python -m data_prep.write --config=vocals_lstm --corpus=musdb --root=MUSDB18 --out=records/v
    python -m trainer.task --config=vocals_lstm --records=records/v --workdir=runs/vocals_lstm

It hears columns of 1024 frames, goes through them in one direction alone, and decides of every bin
whether it belongs to the vocals, and whether to the rest: 311 thousand parameters. It learns from
the cross-entropy with the ideal binary masks.
"""

from dataclasses import replace

from configs.experiments.smoke import CONFIG as SMOKE
from configs.experiments.smoke_musdb import CONFIG as SMOKE_MUSDB
from configs.networks import StftMaskSettings

CONFIG = replace(
    SMOKE_MUSDB,
    name="vocals_lstm",
    data=replace(SMOKE_MUSDB.data, sources=("vocals", "accompaniment"), context_frames=32000),
    model=StftMaskSettings(
        window_frames=1024,
        estimate_frames=32768,
        body="lstm",
        mask="binary",
        width=90,
        depth=1,
        context_columns=120,
        conditioning="none",
        gate_heads=False,
    ),
    train=replace(SMOKE.train, steps=600, validation_steps=200, checkpoint_steps=200),
)
