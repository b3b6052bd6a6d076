"""Holds the section ``train`` of a config: optimisation, and the rhythm of the loop.

A task has an optimizer for each of its objectives.
"""

from dataclasses import dataclass
from typing import Literal

from configs.checks import require, require_legal_words, require_within

# What a number of 32 bits holds, with room for what it is multiplied with.
SMALLEST_FLOAT = 1e-30
LARGEST_FLOAT = 1e30
_OPTIMIZER_LIMITS = {
    "learning_rate": (SMALLEST_FLOAT, LARGEST_FLOAT),
    "weight_decay": (0, LARGEST_FLOAT),
}


@dataclass(frozen=True)
class OptimizerSettings:
    """Says how gradients change weights: Adam, AdamW, or stochastic gradient descent."""

    kind: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: float = 1e-4
    # Of adam and adamw: the decay of the means of the gradient and of its square (Kingma and Ba,
    # ICLR 2015).
    beta_1: float = 0.9
    beta_2: float = 0.999
    # Of sgd.
    momentum: float = 0.0
    # Of adamw; biases do not decay.
    weight_decay: float = 0.01

    def check(self, prefix: str) -> None:
        """Raises a ``ValueError`` where a setting makes no sense; ``prefix`` names its section.

        Whoever has an optimizer calls it: the optimizer does not know by which name it is set.
        """
        require_legal_words(self, prefix)
        require_within(self, prefix, _OPTIMIZER_LIMITS)
        for name in ("beta_1", "beta_2", "momentum"):
            value = getattr(self, name)
            require(0 <= value < 1, f"{prefix}.{name}", value, "from 0 to below 1")


# As many steps as the loop can count, and what follows from them.
_MOST_STEPS = 10**9
# The lowest and the highest value of a field.
_LIMITS = {
    "steps": (1, _MOST_STEPS),
    # Over the cores of the largest pods, 100 on each.
    "batch_size": (1, 2**20),
    "accumulate": (1, 2**20),
    "warmup_steps": (0, _MOST_STEPS),
    "decay_steps": (1, _MOST_STEPS),
    "plateau_validations": (1, _MOST_STEPS),
    "clip_norm": (0, LARGEST_FLOAT),
    # What generators of random numbers take.
    "seed": (0, 2**32 - 1),
    "steps_per_call": (1, _MOST_STEPS),
    "checkpoint_steps": (1, _MOST_STEPS),
    "keep_checkpoints": (1, _MOST_STEPS),
    "validation_steps": (1, _MOST_STEPS),
    "patience": (0, _MOST_STEPS),
}


@dataclass(frozen=True)
class Begun:
    """Says what a run has begun with: the loop notes it, and no experiment sets it."""

    # Whose variables were taken; empty where all began fresh.
    checkpoint: str = ""
    # Paths of variables, in order.
    taken: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()


@dataclass(frozen=True)
class Train:
    """Says how weights are optimised, and the rhythm of the loop."""

    # In all, not additional ones.
    steps: int = 200_000
    # Over all replicas.
    batch_size: int = 64
    # Equal parts of a batch that are taken one after the other, in the memory of one; their
    # gradients are summed, and the weights move once.
    accumulate: int = 1
    # The run, a folder or an address, whose variables this one begins with where path and shape
    # agree; empty: all of them begin fresh.
    begin_from: str = ""
    # What is taken from there stays as it is.
    freeze_begun: bool = False
    # Compute again in the backward pass what a block of a network computed in the forward pass, in
    # place of keeping it: less memory, more time.
    rematerialise: bool = False
    # This and the next five are the settings of ``OptimizerSettings``.
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: float = 1e-4
    beta_1: float = 0.9
    beta_2: float = 0.999
    momentum: float = 0.0
    weight_decay: float = 0.01
    # Cosine ends at 0 at the last step.
    schedule: Literal["constant", "exponential", "cosine", "plateau"] = "constant"
    # Of a straight line from 0 to the schedule.
    warmup_steps: int = 0
    # Exponential: once every decay_steps; plateau: after plateau_validations.
    decay_rate: float = 0.96
    decay_steps: int = 10_000
    # In a row that are not better than the best before.
    plateau_validations: int = 5
    # Of the gradient of the global batch; 0 does not clip.
    clip_norm: float = 0.0
    # Of the moving average of the weights, such as 0.999; 0 keeps none.
    average_decay: float = 0.0
    compute_dtype: Literal["float32", "bfloat16"] = "float32"
    # Of excerpts; auto: if they take less than half of the memory that is free.
    cache: Literal["auto", "memory", "none"] = "auto"
    seed: int = 0
    # Draw first an instrument, each as likely, and then a patch of a record that stores it; else
    # every patch is as likely, and rare instruments are rare.
    balance: bool = False
    # On the device between two looks of the host.
    steps_per_call: int = 100
    checkpoint_steps: int = 1000
    keep_checkpoints: int = 3
    # From one validation to the next.
    validation_steps: int = 5000
    # Also before the first step; the untrained network is never the best.
    validate_untrained: bool = False
    # Validations in a row without a better one that end the run; 0 never does.
    patience: int = 0

    def __post_init__(self) -> None:
        require_within(self, "train", _LIMITS)
        require_legal_words(self, "train")
        parts = self.accumulate
        expected = f"a divisor of train.batch_size, {self.batch_size}"
        require(self.batch_size % parts == 0, "train.accumulate", parts, expected)
        frozen = self.freeze_begun
        expected = "false without train.begin_from, as nothing is taken"
        require(bool(self.begin_from) or not frozen, "train.freeze_begun", frozen, expected)
        decay = self.average_decay
        require(0 <= decay < 1, "train.average_decay", decay, "from 0 to below 1")
        rate = self.decay_rate
        require(0 < rate <= 1, "train.decay_rate", rate, "a factor above 0 and at most 1")
        self.own_optimizer.check("train")

    @property
    def own_optimizer(self) -> OptimizerSettings:
        """Returns the optimizer of a task's first objective; its other ones have their own."""
        return OptimizerSettings(
            kind=self.optimizer,
            learning_rate=self.learning_rate,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
        )
