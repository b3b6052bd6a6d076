"""Changes weights: the optimizer of every objective, and clipping."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
from keras import ops

from configs import Begun, OptimizerSettings, Train
from trainer.loop.protocol import Networks, Objective
from trainer.loop.schedules import LearningRate, WeightAverage

# Paths of the state of a task's only optimizer begin with this word in a checkpoint, as they always
# did.
_ONLY_NAME = "optimizer"
# Of a run all of whose variables began fresh.
NOT_BEGUN = Begun()


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

    Made inside the scope of devices, its state with it: Keras cannot make that at the first step
    there.
    """

    def __init__(
        self,
        settings: Train,
        networks: Networks,
        objectives: Sequence[Objective],
        begun: Begun = NOT_BEGUN,
    ) -> None:
        """Makes the optimizers.

        Raises:
            ValueError: an objective has no weights.
        """
        for objective in objectives:
            if not objective.weights:
                raise ValueError(
                    f"train.freeze_begun leaves no variable that {objective.name} could change; "
                    f"leave it out, or begin from another run."
                )
        self._settings = settings
        self.networks = networks
        self.begun = begun
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

    @property
    def num_parts(self) -> int:
        """Returns of how many parts, taken one after the other, a batch is the sum."""
        return self._settings.accumulate

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


def require_even_batches(
    settings: Train, num_replicas: int, replicas: str = "replicas of this machine"
) -> None:
    """Refuses a batch that does not divide into equal parts for all replicas.

    Args:
        settings: with the size of a batch, and the parts that a replica takes one after the other.
        num_replicas: how many there are.
        replicas: what an error calls them.

    Raises:
        ValueError: it does not divide.
    """
    needed = num_replicas * settings.accumulate
    if settings.batch_size % needed == 0:
        return
    expected = f"a multiple of the {num_replicas} {replicas}"
    if settings.accumulate > 1:
        expected += f" times train.accumulate, {settings.accumulate}: of {needed}"
    raise ValueError(f"train.batch_size is {settings.batch_size}; expected {expected}.")


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
    # On JAX one program spans the cores and has summed them (trainer.devices.jax_step).
    if keras.backend.backend() != "tensorflow":
        return gradients, 1
    # Not at the top: preflight has no TensorFlow.
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    summed = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
    return summed, context.num_replicas_in_sync
