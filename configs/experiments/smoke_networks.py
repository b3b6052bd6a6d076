"""Holds small networks of other kinds for the music of the experiment smoke.

    python -m data_prep.write --config=smoke_mask --corpus=urmp --root=URMP --out=records/urmp
    python -m trainer.task --config=smoke_mask --records=records/urmp --workdir=runs/smoke_mask

One masks 64 bands of a spectrogram; in as many bins as there are it would learn the training pieces
by heart. Masks add up to 1 over the instruments that play.

    python -m data_prep.write --config=smoke --corpus=urmp --root=URMP --out=records/urmp
    python -m trainer.task --config=smoke_band_split --records=records/urmp --workdir=runs/bands
    python -m trainer.task --config=smoke_query --records=records/urmp --workdir=runs/query

One attends to bands of a spectrum. One is the trunk of smoke with one head, which answers queries;
it has the records and the examples of smoke, and asks one thing of each.
"""

from dataclasses import replace

from configs.band_split import BandSplitSettings
from configs.experiments.smoke import CONFIG as SMOKE
from configs.experiments.smoke import MODEL
from configs.networks import StftMaskSettings
from configs.query import QueryNetworkSettings, QuerySettings

SMOKE_MASK = replace(
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
SMOKE_BAND_SPLIT = replace(
    SMOKE,
    name="smoke_band_split",
    model=BandSplitSettings(
        window_frames=1024,
        hop_frames=256,
        estimate_frames=65536,
        bands="mel",
        num_bands=24,
        width=48,
        depth=2,
        num_heads=4,
        head_size=16,
        mask_depth=1,
        mask_wider=1,
    ),
    train=replace(SMOKE.train, batch_size=2),
)
SMOKE_QUERY = replace(
    SMOKE,
    name="smoke_query",
    model=QueryNetworkSettings(
        num_levels=MODEL.num_levels,
        num_filters=MODEL.num_filters,
        estimate_frames=MODEL.estimate_frames,
    ),
    task=QuerySettings(),
)
CONFIGS = (SMOKE_MASK, SMOKE_BAND_SPLIT, SMOKE_QUERY)
