"""M4 of Wave-U-Net (Stoller et al., ISMIR 2018): M3 in stereo."""

from dataclasses import replace

from configs.wave_unet_m3 import CONFIG as M3

CONFIG = replace(
    M3,
    name="wave_unet_m4",
    audio=replace(M3.audio, channels=2),
)
