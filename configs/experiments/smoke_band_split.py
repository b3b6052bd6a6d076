"""Holds a small network of band-split attention for the records of the experiment smoke.

python -m data_prep.write --config=smoke --corpus=urmp --root=URMP --out=records/urmp
python -m trainer.task --config=smoke_band_split --records=records/urmp --workdir=runs/bands
"""

from dataclasses import replace

from configs.band_split import BandSplitSettings
from configs.experiments.smoke import CONFIG as SMOKE

CONFIG = replace(
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
