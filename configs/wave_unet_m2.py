"""M2 of Wave-U-Net (Stoller et al., ISMIR 2018): M1, the accompaniment being what the vocals leave of the mixture."""

from dataclasses import replace

from configs.wave_unet_m1 import CONFIG as M1

CONFIG = replace(
    M1,
    name="wave_unet_m2",
    model=replace(M1.model, output="difference", residual="accompaniment"),
)
