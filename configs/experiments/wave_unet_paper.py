"""Holds M1 to M6 of the Wave-U-Net paper (Stoller, Ewert, Dixon, ISMIR 2018), on MUSDB18.

    python -m data_prep.write --config=wave_unet_m4 --corpus=musdb --root=MUSDB18 --out=records/m4
    python -m trainer.task --config=wave_unet_m4 --records=records/m4 --workdir=runs/m4

Each differs from one before it by one thing. Sized for a TPU; expect days on a CPU.
"""

from dataclasses import replace

from configs.experiments.musdb import CONFIG as MUSDB
from configs.experiments.musdb import MODEL

# Vocals and accompaniment, mono, zeros at the borders of a patch.
M1_MODEL = replace(MODEL, padding="same", estimate_frames=16384)
M1 = replace(
    MUSDB,
    name="wave_unet_m1",
    data=replace(MUSDB.data, sources=("vocals", "accompaniment")),
    model=M1_MODEL,
    train=replace(MUSDB.train, batch_size=16),
)

# The accompaniment is what the vocals leave of the mixture.
M2_MODEL = replace(M1_MODEL, output="difference", residual="accompaniment")
M2 = replace(M1, name="wave_unet_m2", model=M2_MODEL)

# Real context around a patch.
M3_MODEL = replace(M2_MODEL, padding="valid", estimate_frames=16389)
M3 = replace(M2, name="wave_unet_m3", model=M3_MODEL)

# Stereo.
M4 = replace(M3, name="wave_unet_m4", audio=replace(M3.audio, channels=2))

# What lies between two frames is weighed by a parameter for each feature.
M5 = replace(M4, name="wave_unet_m5", model=replace(M3_MODEL, upsampling="learned"))

# M4 on all four sources.
M6 = replace(
    M4,
    name="wave_unet_m6",
    data=MUSDB.data,
    model=replace(M3_MODEL, residual="other"),
)

CONFIGS = (M1, M2, M3, M4, M5, M6)
