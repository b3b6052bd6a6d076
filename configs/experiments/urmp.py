"""Holds URMP, 13 slots: the expanded Wave-U-Net of the first publication, with labels, with notes.

    python -m data_prep.write --config=urmp --corpus=urmp --root=URMP --out=records/urmp
    python -m trainer.task --config=urmp --records=records/urmp --workdir=runs/urmp

``urmp`` knows no labels and has direct heads; ``urmp_labels`` is steered by instrument labels, with
FiLM at the bottleneck and gated heads; ``urmp_notes`` is told what each instrument plays and when,
too, and learns to do without. All take the same records.

Sized for a TPU; expect days on a CPU. No score is promised: none has been published that compares.
"""

from dataclasses import replace

from configs.networks import WaveUNetSettings
from configs.schema import Augmentation, Config

MODEL = WaveUNetSettings(conditioning="none", conditioned_at="none", gate_heads=False)
URMP = Config(name="urmp", model=MODEL)
URMP_LABELS = replace(URMP, name="urmp_labels", model=WaveUNetSettings())
# A patch of 6.7 s of a quintet has about 270 notes.
URMP_NOTES = replace(
    URMP,
    name="urmp_notes",
    model=WaveUNetSettings(timing="notes", gate_timing=True, max_notes=512),
    augmentation=Augmentation(note_dropout=0.2, note_jitter_ms=25),
)
CONFIGS = (URMP, URMP_LABELS, URMP_NOTES)
