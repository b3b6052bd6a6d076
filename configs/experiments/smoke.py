"""Holds a small Wave-U-Net that learns to separate synthetic URMP pieces on two CPU cores.

    make smoke

About three minutes of training; 13 dB above the mixture on pieces it has not heard, 11 dB without
labels. Remixing makes the difference: the 13 training pieces alone show 13 sets of instruments, by
which a network with labels recognises the piece instead of learning what an instrument sounds like
(7 dB).
"""

from configs.networks import WaveUNetSettings
from configs.schema import Augmentation, Config, Data
from configs.training import Train

MODEL = WaveUNetSettings(num_levels=6, num_filters=16, estimate_frames=4101)
CONFIG = Config(
    name="smoke",
    data=Data(splits="synthetic", excerpt_secs=10.0, context_frames=1015),
    model=MODEL,
    augmentation=Augmentation(min_gain=0.5, max_gain=1.2, remix=0.5),
    train=Train(
        steps=1500,
        batch_size=8,
        learning_rate=1e-3,
        schedule="cosine",
        steps_per_call=50,
        checkpoint_steps=250,
        validation_steps=500,
    ),
)
