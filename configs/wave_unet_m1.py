"""M1 of Wave-U-Net (Stoller et al., ISMIR 2018): vocals and accompaniment, mono, zeros at the borders of a patch."""

from dataclasses import replace

from configs.musdb import CONFIG as MUSDB

CONFIG = replace(
    MUSDB,
    name="wave_unet_m1",
    data=replace(MUSDB.data, sources=("vocals", "accompaniment")),
    model=replace(MUSDB.model, padding="same", estimate_frames=16384),
    train=replace(MUSDB.train, batch_size=16),
)
