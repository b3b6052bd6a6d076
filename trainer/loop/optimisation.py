"""Changes weights: optimizers, learning rates, clipping and the average of weights."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import keras
from keras import ops

from configs import OptimizerSettings, Train
from trainer.loop.protocol import Networks, Objective

# Paths of the state of a task's only optimizer begin with this word in a checkpoint, as they always
# did.
_ONLY_NAME = "optimizer"


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


class ObjectiveOptimizer:
    """Moves the weights of one objective, each update by the gradients of its loss."""

    def __init__(self, settings: Train, objective: Objective, name: str, factor_name: str) -> None:
        self.objective = objective
        self._clip_norm = settings.clip_norm
        self.rate = LearningRate(
            settings, objective.optimizer.learning_rate, objective.updates_per_step, factor_name
        )
        self._optimizer = make_optimizer(objective.optimizer, self.rate, name)
        self._optimizer.build(objective.weights)

    def apply(self, gradients: list[Any]) -> None:
        """Moves the weights; called in every replica with gradients of its share of the loss.

        They are summed over the replicas.
        """
        if self._clip_norm:
            gradients = clip_over_replicas(gradients, self._clip_norm)
        self._optimizer.apply(gradients, self.objective.weights)

    @property
    def num_steps(self) -> Any:
        """Counts the steps of the loop that were taken."""
        if self.objective.updates_per_step == 1:
            return self._optimizer.iterations
        return self._optimizer.iterations // self.objective.updates_per_step

    @property
    def learning_rate(self) -> float:
        """Returns the rate of the next update."""
        return float(self._optimizer.learning_rate)

    @property
    def variables(self) -> Iterator[keras.Variable]:
        """Yields the state."""
        yield from self._optimizer.variables
        yield self.rate.factor


class Optimisation:
    """Holds everything that changes weights, and what a checkpoint must hold of it.

    Made inside the scope of a strategy, its state with it: Keras cannot make that at the first step
    there.
    """

    def __init__(
        self, settings: Train, networks: Networks, objectives: Sequence[Objective]
    ) -> None:
        self._settings = settings
        self.networks = networks
        self.optimizers = []
        for objective in objectives:
            is_only = len(objectives) == 1
            # The name begins the paths of the state in a checkpoint: Keras would count optimizers.
            name = _ONLY_NAME if is_only else objective.name
            factor_name = "factor" if is_only else f"{objective.name}_factor"
            self.optimizers.append(ObjectiveOptimizer(settings, objective, name, factor_name))
        self._weights = [
            weight for network in networks.values() for weight in network.trainable_variables
        ]
        self._average = None
        if settings.average_decay:
            self._average = WeightAverage(self._weights, settings.average_decay)

    def end_step(self) -> None:
        """Updates the average once all objectives of a step are taken; called in every replica."""
        if self._average is not None:
            self._average.update(self.optimizers[0].num_steps)

    @property
    def learning_rate(self) -> float:
        """Returns the rate of the next update of the first objective."""
        return self.optimizers[0].learning_rate

    def lower_learning_rate(self) -> None:
        """Multiplies all further learning rates by ``train.decay_rate``."""
        for optimizer in self.optimizers:
            factor = optimizer.rate.factor
            factor.assign(factor * self._settings.decay_rate)

    @property
    def average(self) -> dict[str, keras.Variable]:
        """Returns the average of every weight by its path; empty where none is kept."""
        if self._average is None:
            return {}
        pairs = zip(self._weights, self._average.variables, strict=True)
        return {weight.path: mean for weight, mean in pairs}

    def count_parameters(self) -> int:
        """Counts the parameters of all networks."""
        return sum(network.count_params() for network in self.networks.values())

    @property
    def weights(self) -> list[keras.Variable]:
        """Returns all variables of the networks."""
        return [weight for network in self.networks.values() for weight in network.variables]

    @property
    def trainable_weights(self) -> list[keras.Variable]:
        """Returns the variables of the networks that training changes."""
        return self._weights

    @property
    def variables(self) -> dict[str, keras.Variable]:
        """Returns the state of the optimizers by its paths, without the average of the weights."""
        state = {}
        for optimizer in self.optimizers:
            state.update({variable.path: variable for variable in optimizer.variables})
        return state


def make_optimizer(
    settings: OptimizerSettings, rate: LearningRate, name: str
) -> keras.optimizers.Optimizer:
    """Makes the optimizer that a config asks for.

    Adam: Kingma, Ba, ICLR 2015. AdamW: Loshchilov, Hutter, ICLR 2019.
    """
    if settings.kind == "sgd":
        return keras.optimizers.SGD(rate, momentum=settings.momentum, name=name)
    # The gradients of a mean over many, mostly silent slots are as small as the usual epsilon of
    # 1e-7.
    options: dict[str, Any] = {
        "learning_rate": rate,
        "beta_1": settings.beta_1,
        "beta_2": settings.beta_2,
        "epsilon": 1e-10,
        "name": name,
    }
    if settings.kind == "adam":
        return keras.optimizers.Adam(**options)
    optimizer = keras.optimizers.AdamW(weight_decay=settings.weight_decay, **options)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


def clip_over_replicas(gradients: list[Any], norm: float) -> list[Any]:
    """Scales gradients whose sum over replicas exceeds a global norm; called in every replica.

    A Keras optimizer clips before it sums over replicas, which bounds another quantity. So they are
    summed here; what it then sums once more is this sum divided among the replicas.
    """
    summed, num_replicas = sum_over_replicas(gradients)
    length = ops.sqrt(sum(ops.sum(ops.square(gradient)) for gradient in summed))
    scale = norm / ops.maximum(length, norm) / num_replicas
    return [gradient * scale for gradient in summed]


def sum_over_replicas(gradients: list[Any]) -> tuple[list[Any], int]:
    """Returns each gradient summed over the replicas, and the number of replicas."""
    # On JAX one program spans the cores and has summed them (trainer.tpu.jax_step).
    if keras.backend.backend() != "tensorflow":
        return gradients, 1
    # Not at the top: preflight has no TensorFlow.
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    summed = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
    return summed, context.num_replicas_in_sync
