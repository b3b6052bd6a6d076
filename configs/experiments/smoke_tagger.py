"""Holds a small network that hears which instruments play in the records of smoke_mask.

    python -m data_prep.write --config=smoke_tagger --corpus=urmp --root=URMP --out=records/urmp
    python -m trainer.task --config=smoke_tagger --records=records/urmp --workdir=runs/tagger

It answers 43 times a second. Most examples mix instruments of several pieces, because 13 pieces
alone show 13 sets of instruments.
"""

from dataclasses import replace

from configs.experiments.smoke_mask import CONFIG as SMOKE_MASK
from configs.schema import Augmentation
from configs.tagger import TaggerSettings
from configs.tasks import TaggingSettings

CONFIG = replace(
    SMOKE_MASK,
    name="smoke_tagger",
    model=TaggerSettings(),
    task=TaggingSettings(),
    augmentation=Augmentation(
        min_gain=0.3, max_gain=1.5, remix=0.8, silence=0.3, flip_polarity=True
    ),
    train=replace(
        SMOKE_MASK.train,
        steps=600,
        batch_size=8,
        learning_rate=2e-3,
        clip_norm=1.0,
        warmup_steps=50,
        steps_per_call=20,
        checkpoint_steps=200,
        validation_steps=200,
    ),
)
