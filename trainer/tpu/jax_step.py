"""The whole training step on Keras's JAX backend: what preflight compiles, and the benchmark times.

Forward pass, loss and optimizer are those of the TensorFlow loop (trainer.loop.train); what is said here once more is how
a step is put together, and a test holds the two against each other.
"""

from collections.abc import Callable
from typing import Any

import jax
import keras

from configs import Config
from trainer.loop.optimisation import Optimisation
from trainer.networks.wave_unet import make_network
from trainer.tasks.separation.step import Batch, loss_of_batch

State = list[Any]
"""The weights, the optimizer's state and the averages of the weights, in the order of ``JaxStep.paths``."""


class JaxStep:
    """A step as a pure function of the state and a batch, and the state that a training begins with."""

    def __init__(self, config: Config, axis: str | None = None, num_replicas: int = 1) -> None:
        """Over several cores the step runs in ``jax.shard_map``, each core with its share of the batch.

        Args:
            config: the experiment.
            axis: the axis of the mesh over which replicas sum their gradients; none on one device.
            num_replicas: how many there are.
        """
        self._config, self._axis, self._num_replicas = config, axis, num_replicas
        self._network = make_network(config)
        self._optimisation = Optimisation(config.train, self._network)
        self._weights = self._network.trainable_variables
        averages = self._optimisation.average
        state = {
            **{weight.path: weight for weight in self._weights},
            **self._optimisation.variables,
        }
        state |= {f"average/{path}": average for path, average in averages.items()}
        self.paths, self._variables = list(state), list(state.values())

    @property
    def num_parameters(self) -> int:
        """Of the network."""
        return int(self._network.count_params())

    @property
    def state(self) -> State:
        """What a training begins with."""
        return [variable.value for variable in self._variables]

    def __call__(self, state: State, batch: Batch) -> tuple[State, Any]:
        """The state after a step, and the loss of the batch before it."""
        loss, gradients = jax.value_and_grad(self._loss)(state[: len(self._weights)], batch)
        if self._axis:
            loss, gradients = jax.lax.psum((loss, gradients), self._axis)
        with keras.StatelessScope(
            state_mapping=list(zip(self._variables, state, strict=True))
        ) as scope:
            self._optimisation.apply(gradients)
        return [scope.get_current_value(variable) for variable in self._variables], loss

    def _loss(self, weights: State, batch: Batch) -> Any:
        """What a replica owes of the mean over the global batch."""
        mapping = list(zip(self._weights, weights, strict=True))
        with keras.StatelessScope(
            state_mapping=mapping
        ):  # the network computes with these values, not its own
            return loss_of_batch(self._network, batch, self._config.task) / self._num_replicas


def compiled(step: Callable[..., Any]) -> Callable[..., Any]:
    """A step that reuses the memory of the state it is given."""
    return jax.jit(step, donate_argnums=0)
