"""Holds networks that put clips of unlabelled music in order, to learn what follows what.

    python -m data_prep.write --config=smoke_ordering --corpus=music --root=MUSIC --out=records/m
    python -m trainer.task --config=smoke_ordering --records=records/m --workdir=runs/ordering

The small one hears the mel spectrum of clips of 0.2 s, and says of every two which comes first. The
others have the encoders and the sorter of an earlier system of this family, on its waveforms.
"""

from dataclasses import replace

from configs.clip_encoder import ClipEncoderSettings
from configs.experiments.smoke_networks import SMOKE_MASK
from configs.schema import Augmentation
from configs.tasks import OrderingSettings

SMOKE_ORDERING = replace(
    SMOKE_MASK,
    name="smoke_ordering",
    # Unless a file of splits is given: music is split by file.
    data=replace(SMOKE_MASK.data, splits="official"),
    model=ClipEncoderSettings(),
    task=OrderingSettings(features=100, overlay=0.7),
    augmentation=Augmentation(),
    # Tracks are few: against learning them by heart weights decay, and stretches overlay.
    train=replace(
        SMOKE_MASK.train,
        steps=4000,
        batch_size=64,
        optimizer="adamw",
        weight_decay=0.3,
        learning_rate=2e-3,
        average_decay=0.995,
        clip_norm=1.0,
        warmup_steps=50,
        steps_per_call=20,
        checkpoint_steps=250,
        validation_steps=500,
    ),
)

ORDERING_DENSE = replace(
    SMOKE_ORDERING,
    name="ordering_dense",
    model=ClipEncoderSettings(body="dense", width=1000, depth=2),
    task=OrderingSettings(features=100, overlay=0.7, head="sorter"),
)

ORDERING_WAVEFORM = replace(
    ORDERING_DENSE,
    name="ordering_waveform",
    model=ClipEncoderSettings(body="waveform", width=32, depth=4),
)

CONFIGS = (SMOKE_ORDERING, ORDERING_DENSE, ORDERING_WAVEFORM)
