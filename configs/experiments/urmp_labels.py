"""Holds URMP, 13 slots, steered by instrument labels: FiLM at the bottleneck, gated heads.

    python -m data_prep.write --config=urmp_labels --corpus=urmp --root=URMP --out=records/urmp
    python -m trainer.task --config=urmp_labels --records=records/urmp --workdir=runs/urmp_labels

Sized for a TPU; expect days on a CPU. No score is promised: none has been published that compares.
"""

from dataclasses import replace

from configs.experiments.urmp import CONFIG as URMP
from configs.networks import WaveUNetSettings

CONFIG = replace(URMP, name="urmp_labels", model=WaveUNetSettings())
