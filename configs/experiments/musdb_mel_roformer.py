"""Holds Mel-RoFormer in its published size, on MUSDB18-HQ.

    python -m data_prep.write --config=musdb_hq --corpus=musdb --root=MUSDB18 --out=records/hq
    python -m trainer.task --config=musdb_mel_roformer --records=records/hq --workdir=runs/mel

Wang et al., "Mel-band RoFormer for music source separation", ISMIR 2023: 60 bands that overlap and
chunks of 8 s. One trunk serves all four sources, each of which has masks of its own.
"""

from dataclasses import replace

from configs.band_split import BandSplitSettings
from configs.experiments.musdb_bs_roformer import CONFIG as MUSDB_BS_ROFORMER

CONFIG = replace(
    MUSDB_BS_ROFORMER,
    name="musdb_mel_roformer",
    model=BandSplitSettings(
        bands="mel", width=384, depth=6, mask_depth=2, conditioning="none", gate_heads=False
    ),
)
