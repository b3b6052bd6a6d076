"""How weights change: the optimizer, its learning rate, clipping and the average of the weights."""

import math
from typing import Any

import keras
from keras import ops

from configs import Train


class LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate as a function of the steps taken, which follows from the config, times ``factor``.

    ``factor`` is a variable that the plateau schedule lowers between steps; a checkpoint keeps it.
    """

    def __init__(self, settings: Train) -> None:
        super().__init__()
        self._settings = settings
        self.factor = keras.Variable(
            1.0, trainable=False, aggregation="only_first_replica", name="factor"
        )

    def __call__(self, step: Any) -> Any:
        """The rate of the step after so many; warm-up is a straight line to the schedule."""
        settings, step = self._settings, ops.cast(step, "float32")
        rate = settings.learning_rate * ops.convert_to_tensor(self.factor)
        if settings.schedule == "exponential":
            rate *= settings.decay_rate ** (step / settings.decay_steps)
        if settings.schedule == "cosine":
            rate *= 0.5 * (1 + ops.cos(math.pi * ops.minimum(step / settings.steps, 1.0)))
        if settings.warmup_steps:
            rate *= ops.minimum((step + 1) / settings.warmup_steps, 1.0)
        return rate

    def get_config(self) -> dict[str, Any]:
        """Keras asks for it; nothing is made from it, because the config of the run says it all."""
        return {}


class WeightAverage:
    """An exponential moving average of the weights, which often separates better than the weights themselves.

    Its decay is (1 + n) / (10 + n) after n steps until that exceeds the final one: early averages follow the weights.
    """

    def __init__(self, network: keras.Model, decay: float) -> None:
        self._decay, self._weights = decay, network.trainable_variables
        self.variables = [
            keras.Variable(
                ops.convert_to_numpy(weight),
                trainable=False,
                aggregation="only_first_replica",
                name=f"average_{i}",
            )
            for i, weight in enumerate(self._weights)
        ]

    def update(self, num_steps: Any) -> None:
        """Move towards the weights after a step; called in a replica."""
        num_steps = ops.cast(num_steps, "float32")
        decay = ops.minimum(self._decay, (1 + num_steps) / (10 + num_steps))
        for average, weight in zip(self.variables, self._weights, strict=True):
            average.assign(weight + decay * (average - weight))


class Optimisation:
    """Everything that changes the weights of a network, and what a checkpoint must hold of it.

    Made inside the scope of a strategy, its state with it: Keras cannot make that at the first step there.
    """

    def __init__(self, settings: Train, network: keras.Model) -> None:
        """Adam (Kingma, Ba, ICLR 2015) or AdamW (Loshchilov, Hutter, ICLR 2019)."""
        self._settings, self._weights = settings, network.trainable_variables
        self._rate = LearningRate(settings)
        # The gradients of a mean over many, mostly silent slots are as small as the usual epsilon of 1e-7.
        # The name begins the paths of the state in a checkpoint: Keras would count optimizers.
        options: dict[str, Any] = {
            "learning_rate": self._rate,
            "epsilon": 1e-10,
            "name": "optimizer",
        }
        if settings.optimizer == "adamw":
            self._optimizer = keras.optimizers.AdamW(weight_decay=settings.weight_decay, **options)
            self._optimizer.exclude_from_weight_decay(var_names=["bias"])
        else:
            self._optimizer = keras.optimizers.Adam(**options)
        self._optimizer.build(self._weights)
        self._average = (
            WeightAverage(network, settings.average_decay) if settings.average_decay else None
        )

    def apply(self, gradients: list[Any]) -> None:
        """Take a step; called in every replica with gradients of its share of the loss, which are summed."""
        if self._settings.clip_norm:
            gradients = clip_over_replicas(gradients, self._settings.clip_norm)
        self._optimizer.apply(gradients, self._weights)
        if self._average:
            self._average.update(self._optimizer.iterations)

    @property
    def learning_rate(self) -> float:
        """Of the next step."""
        return float(self._optimizer.learning_rate)

    def lower_learning_rate(self) -> None:
        """Multiply all further learning rates by ``train.decay_rate``."""
        self._rate.factor.assign(self._rate.factor * self._settings.decay_rate)

    @property
    def average(self) -> dict[str, keras.Variable]:
        """The average of every weight by the path of the weight; empty where none is kept."""
        means = self._average.variables if self._average else []
        return {weight.path: mean for weight, mean in zip(self._weights, means, strict=bool(means))}

    @property
    def variables(self) -> dict[str, keras.Variable]:
        """The state by name, without the average of the weights."""
        return {
            variable.path: variable for variable in (*self._optimizer.variables, self._rate.factor)
        }


def clip_over_replicas(gradients: list[Any], norm: float) -> list[Any]:
    """Gradients whose sum over replicas has at most a global norm; called in every replica.

    A Keras optimizer clips before it sums over replicas, which bounds another quantity. So they are summed here; what
    it then sums once more is this sum divided among the replicas.
    """
    summed, num_replicas = sum_over_replicas(gradients)
    length = ops.sqrt(sum(ops.sum(ops.square(gradient)) for gradient in summed))
    scale = norm / ops.maximum(length, norm) / num_replicas
    return [gradient * scale for gradient in summed]


def sum_over_replicas(gradients: list[Any]) -> tuple[list[Any], int]:
    """The sum of each gradient over the replicas, and their number; called in every replica."""
    if (
        keras.backend.backend() != "tensorflow"
    ):  # there one program spans the cores and has summed them (jax_step)
        return gradients, 1
    import tensorflow as tf  # not above: preflight has none

    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, gradients), context.num_replicas_in_sync
