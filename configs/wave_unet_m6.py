"""M6 of Wave-U-Net (Stoller et al., ISMIR 2018): M4 on all four sources."""

from dataclasses import replace

from configs.musdb import CONFIG as MUSDB
from configs.wave_unet_m4 import CONFIG as M4

CONFIG = replace(
    M4,
    name="wave_unet_m6",
    data=MUSDB.data,
    model=replace(M4.model, residual="other"),
)
