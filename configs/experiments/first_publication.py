"""Holds the five runs of "Music Source Separation with TPU" (Jeju 2018), by their numbers.

    python -m data_prep.write --config=published_989518 --corpus=urmp --root=URMP --out=records/urmp
    python -m trainer.task --config=published_989518 --records=records/urmp --workdir=runs/989518

All are the Wave-U-Net expanded to 13 slots, the violin being what the others leave. Sized for a
TPU; expect days on a CPU.
"""

from dataclasses import replace

from configs.experiments.urmp import MODEL, URMP
from configs.tasks import SeparationSettings

# The squared error summed over slots.
SUMMED = SeparationSettings(mse=0.0, sse=1.0)

# A decaying learning rate, mean squared error.
DECAYING = replace(
    URMP,
    name="published_579521",
    model=replace(MODEL, output="difference", residual="vn"),
    train=replace(URMP.train, learning_rate=1e-5, schedule="exponential"),
)

# As that, with a constant learning rate; the others vary this one.
EXPANDED = replace(
    DECAYING,
    name="published_989518",
    train=replace(DECAYING.train, schedule="constant"),
)

# Labels multiplied into the bottleneck, summed squared error.
MULTIPLIED = replace(
    EXPANDED,
    name="published_687286",
    model=replace(
        MODEL,
        output="difference",
        residual="vn",
        conditioning="outer",
        conditioned_at="bottleneck",
    ),
    task=SUMMED,
)

# Ten times the learning rate.
FASTER = replace(
    EXPANDED,
    name="published_808202",
    train=replace(EXPANDED.train, learning_rate=1e-4),
)

# In bfloat16, summed squared error.
BFLOAT16 = replace(
    EXPANDED,
    name="published_839001",
    task=SUMMED,
    train=replace(EXPANDED.train, compute_dtype="bfloat16"),
)

CONFIGS = (DECAYING, EXPANDED, MULTIPLIED, FASTER, BFLOAT16)
