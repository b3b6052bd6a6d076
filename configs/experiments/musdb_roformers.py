"""Holds band-split RoFormers in their published sizes, on MUSDB18-HQ.

    python -m data_prep.write --config=musdb_hq --corpus=musdb --root=MUSDB18 --out=records/hq
    python -m trainer.task --config=musdb_bs_roformer --records=records/hq --workdir=runs/bs
    python -m trainer.task --config=musdb_mel_roformer --records=records/hq --workdir=runs/mel

Lu et al., "Music source separation with band-split RoPE transformer", ICASSP 2024: 62 bands side by
side and chunks of 8 s. Wang et al., "Mel-band RoFormer for music source separation", ISMIR 2023: 60
bands that overlap. One trunk serves all four sources, each of which has masks of its own. They are
sized for a TPU; `python -m trainer.preflight` says what fits on a core.
"""

from dataclasses import replace

from configs.band_split import BandSplitSettings
from configs.experiments.musdb_hq import CONFIG as MUSDB_HQ
from configs.tasks import SeparationSettings

BS_ROFORMER = replace(
    MUSDB_HQ,
    name="musdb_bs_roformer",
    model=BandSplitSettings(width=512, depth=12, conditioning="none", gate_heads=False),
    task=SeparationSettings(mse=0.0, l1=1.0, stft=1.0),
)

MEL_ROFORMER = replace(
    BS_ROFORMER,
    name="musdb_mel_roformer",
    model=BandSplitSettings(
        bands="mel", width=384, depth=6, mask_depth=2, conditioning="none", gate_heads=False
    ),
)

CONFIGS = (BS_ROFORMER, MEL_ROFORMER)
