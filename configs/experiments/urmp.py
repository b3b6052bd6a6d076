"""Holds URMP, 13 slots: the expanded Wave-U-Net of the first publication, and with labels.

    python -m data_prep.write --config=urmp --corpus=urmp --root=URMP --out=records/urmp
    python -m trainer.task --config=urmp --records=records/urmp --workdir=runs/urmp

``urmp`` knows no labels and has direct heads; ``urmp_labels`` is steered by instrument labels, with
FiLM at the bottleneck and gated heads. Both take the same records.

Sized for a TPU; expect days on a CPU. No score is promised: none has been published that compares.
"""

from dataclasses import replace

from configs.networks import WaveUNetSettings
from configs.schema import Config

MODEL = WaveUNetSettings(conditioning="none", conditioned_at="none", gate_heads=False)
URMP = Config(name="urmp", model=MODEL)
URMP_LABELS = replace(URMP, name="urmp_labels", model=WaveUNetSettings())
CONFIGS = (URMP, URMP_LABELS)
