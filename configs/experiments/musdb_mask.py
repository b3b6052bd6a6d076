"""Holds a network of Open-Unmix's sizes for the records of musdb_hq: a recurrent one per source.

    python -m data_prep.write --config=musdb_mask --corpus=musdb --root=MUSDB18 --out=records/hq
    python -m trainer.task --config=musdb_mask --records=records/hq --workdir=runs/musdb_mask

Stöter et al., "Open-Unmix - A Reference Implementation for Music Source Separation", JOSS 2019.
Its normalisation over batches is a fixed scale and shift here, its Wiener filter is left out, and
nothing is dropped at random while it learns.
"""

from dataclasses import replace

from configs.experiments.musdb_hq import CONFIG as MUSDB_HQ
from configs.networks import StftMaskSettings

CONFIG = replace(
    MUSDB_HQ,
    name="musdb_mask",
    model=StftMaskSettings(
        window_frames=4096,
        # Six seconds.
        estimate_frames=2**18,
        body="blstm",
        mask="relu",
        # Those below 16 kHz.
        num_bins=1487,
        width=512,
        depth=3,
        own_bodies=True,
        conditioning="none",
        gate_heads=False,
    ),
)
