"""Holds URMP, 13 slots, no labels: the expanded Wave-U-Net of the first publication, direct heads.

    python -m data_prep.write --config=urmp --corpus=urmp --root=URMP --out=records/urmp
    python -m trainer.task --config=urmp --records=records/urmp --workdir=runs/urmp

Sized for a TPU; expect days on a CPU. No score is promised: none has been published that compares.
"""

from configs.networks import WaveUNetSettings
from configs.schema import Config

MODEL = WaveUNetSettings(conditioning="none", conditioned_at="none", gate_heads=False)
CONFIG = Config(name="urmp", model=MODEL)
