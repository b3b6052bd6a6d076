"""Holds networks that hear which instruments sound: a small one, and published ones.

    python -m data_prep.write --config=smoke_tagger --corpus=urmp --root=URMP --out=records/urmp
    python -m trainer.task --config=smoke_tagger --records=records/urmp --workdir=runs/tagger

The small one answers 22 times a second.

    python -m data_prep.write --config=singing_cnn --corpus=musdb --root=MUSDB18 --out=records/v
    python -m trainer.task --config=singing_cnn --records=records/v --workdir=runs/singing

Detectors of singing have the analysis that was published; what they learn from, and how, is this
project's. ``musicnn`` is what ``trainer.import_musicnn`` makes runs of, on the instruments of URMP.
"""

from dataclasses import replace

from configs.experiments.musdb import CONFIG as MUSDB
from configs.experiments.smoke_networks import SMOKE_MASK
from configs.experiments.urmp import URMP
from configs.schema import Audio, Augmentation
from configs.tagger import TaggerSettings
from configs.tasks import TaggingSettings

# Most examples mix instruments of several pieces, because 13 pieces alone show 13 sets of
# instruments.
SMOKE_TAGGER = replace(
    SMOKE_MASK,
    name="smoke_tagger",
    # As many columns as the records of smoke_mask have context for.
    model=TaggerSettings(hop_frames=1024, depth=5),
    task=TaggingSettings(),
    augmentation=Augmentation(
        min_gain=0.3, max_gain=1.5, remix=0.8, silence=0.3, flip_polarity=True
    ),
    train=replace(
        SMOKE_MASK.train,
        steps=1500,
        batch_size=8,
        learning_rate=2e-3,
        clip_norm=1.0,
        warmup_steps=50,
        average_decay=0.998,
        steps_per_call=20,
        checkpoint_steps=250,
        validation_steps=500,
    ),
)

# Schlüter, Grill, ISMIR 2015: 70 columns a second. It answers ten times a second: a picture takes
# half a GFLOP.
SINGING_CNN = replace(
    MUSDB,
    name="singing_cnn",
    data=replace(MUSDB.data, sources=("vocals", "accompaniment"), context_frames=20_000),
    model=TaggerSettings(
        body="singing_cnn",
        window_frames=1024,
        hop_frames=315,
        num_bands=80,
        lowest_hz=27.5,
        highest_hz=8000.0,
        mel_scale="htk",
        loudness="log_magnitude",
        column_hops=7,
        # A second.
        estimate_frames=22050,
    ),
    task=TaggingSettings(median_secs=0.8),
    augmentation=Augmentation(min_gain=0.3, max_gain=1.5, remix=0.5, flip_polarity=True),
    train=replace(
        MUSDB.train,
        steps=20_000,
        batch_size=8,
        learning_rate=1e-3,
        schedule="cosine",
        clip_norm=1.0,
        warmup_steps=500,
    ),
)

# Leglaive, Hennequin, Badeau, ICASSP 2015: sequences of 218 columns, 7 s; one set of bands in place
# of two.
SINGING_BLSTM = replace(
    SINGING_CNN,
    name="singing_blstm",
    audio=Audio(sample_rate=16_000),
    model=TaggerSettings(
        body="blstm",
        window_frames=1024,
        hop_frames=512,
        num_bands=80,
        mel_scale="htk",
        loudness="log_magnitude",
        width=40,
        depth=3,
        # A sequence.
        estimate_frames=158 * 512,
    ),
)

# Pons et al., ISMIR 2018: pictures of 3 s, here an answer for each half of one.
MUSICNN = replace(
    URMP,
    name="musicnn",
    audio=Audio(sample_rate=16_000),
    model=TaggerSettings(
        body="musicnn",
        window_frames=512,
        hop_frames=256,
        num_bands=96,
        loudness="log_power",
        column_hops=93,
        # An answer.
        estimate_frames=93 * 256,
    ),
    task=TaggingSettings(),
    augmentation=SMOKE_TAGGER.augmentation,
    train=replace(SINGING_CNN.train, batch_size=32),
)

CONFIGS = (SMOKE_TAGGER, SINGING_CNN, SINGING_BLSTM, MUSICNN)
