"""M3 of Wave-U-Net (Stoller et al., ISMIR 2018): M2 with real context around a patch."""

from dataclasses import replace

from configs.wave_unet_m2 import CONFIG as M2

CONFIG = replace(
    M2,
    name="wave_unet_m3",
    model=replace(M2.model, padding="valid", estimate_frames=16389),
)
