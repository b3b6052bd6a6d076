"""Describes an optimizer and its settings; a task has one for each of its objectives."""

from dataclasses import dataclass
from typing import Literal

from configs.checks import require, require_legal_words, require_within

# What a number of 32 bits holds, with room for what it is multiplied with.
SMALLEST_FLOAT = 1e-30
LARGEST_FLOAT = 1e30
_LIMITS = {
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

    def __post_init__(self) -> None:
        self.check("optimizer")

    def check(self, prefix: str) -> None:
        """Raises a ``ValueError`` where a setting makes no sense; ``prefix`` names its section."""
        require_legal_words(self, prefix)
        require_within(self, prefix, _LIMITS)
        for name in ("beta_1", "beta_2", "momentum"):
            value = getattr(self, name)
            require(0 <= value < 1, f"{prefix}.{name}", value, "from 0 to below 1")
