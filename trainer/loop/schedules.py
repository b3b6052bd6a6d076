"""Defines what changes with the steps: the learning rate, and the average of the weights."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from configs import Train


class LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """Is the learning rate as a function of the updates taken, times ``factor``.

    ``factor`` is a variable that the plateau schedule lowers between steps; a checkpoint keeps it.
    """

    def __init__(
        self,
        settings: Train,
        peak: float | None = None,
        updates_per_step: int = 1,
        name: str = "factor",
    ) -> None:
        """Makes a schedule.

        Args:
            settings: the schedule and its warm-up.
            peak: the rate that it scales, that of ``settings`` if left out.
            updates_per_step: how often the optimizer counts during one step of the loop.
            name: of the factor, in a checkpoint.
        """
        super().__init__()
        self._settings = settings
        self._peak = settings.learning_rate if peak is None else peak
        self._updates_per_step = updates_per_step
        self.factor = keras.Variable(
            1.0, trainable=False, aggregation="only_first_replica", name=name
        )

    def __call__(self, updates: Any) -> Any:
        """Returns the rate after so many updates; warm-up is a straight line to the schedule."""
        settings = self._settings
        if self._updates_per_step > 1:
            updates = updates // self._updates_per_step
        step = ops.cast(updates, "float32")
        rate = self._peak * ops.convert_to_tensor(self.factor)
        if settings.schedule == "exponential":
            rate *= settings.decay_rate ** (step / settings.decay_steps)
        if settings.schedule == "cosine":
            rate *= 0.5 * (1 + ops.cos(math.pi * ops.minimum(step / settings.steps, 1.0)))
        if settings.warmup_steps:
            rate *= ops.minimum((step + 1) / settings.warmup_steps, 1.0)
        return rate

    def get_config(self) -> dict[str, Any]:
        """Returns nothing, which Keras asks for: the config of the run says it all."""
        return {}


class WeightAverage:
    """Is an exponential moving average of weights, which often does better than they do.

    Its decay is (1 + n) / (10 + n) after n steps until that exceeds the final one: early averages
    follow the weights.
    """

    def __init__(self, weights: Sequence[keras.Variable], decay: float) -> None:
        self._decay = decay
        self._weights = weights
        self.variables = [
            keras.Variable(
                ops.convert_to_numpy(weight),
                trainable=False,
                aggregation="only_first_replica",
                name=f"average_{i}",
            )
            for i, weight in enumerate(weights)
        ]

    def update(self, num_steps: Any) -> None:
        """Moves towards the weights after a step; called in a replica."""
        num_steps = ops.cast(num_steps, "float32")
        decay = ops.minimum(self._decay, (1 + num_steps) / (10 + num_steps))
        for average, weight in zip(self.variables, self._weights, strict=True):
            average.assign(weight + decay * (average - weight))
