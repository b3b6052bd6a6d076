"""M5 of Wave-U-Net (Stoller et al., ISMIR 2018): M4 with learned upsampling."""

from dataclasses import replace

from configs.wave_unet_m4 import CONFIG as M4

CONFIG = replace(
    M4,
    name="wave_unet_m5",
    model=replace(M4.model, upsampling="learned"),
)
