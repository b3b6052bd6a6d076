"""Takes the whole training step on the JAX backend: preflight compiles it, benchmarks time it.

Networks, objectives and optimizers are those of the TensorFlow loop (trainer.loop.steps); what is
said here once more is how a step is put together, and a test holds the two against each other.
"""

from collections.abc import Sequence
from typing import Any

import jax
import keras

from configs import Config
from trainer.loop.optimisation import ObjectiveOptimizer, Optimisation
from trainer.loop.protocol import Batch, Objective
from trainer.tasks.registry import step_of

State = list[Any]
"""Weights, optimizers' state and averages of the weights, in the order of ``JaxStep.paths``."""


class JaxStep:
    """Is a step as a pure function of state and batch, and the state that training begins with."""

    def __init__(self, config: Config, axis: str | None = None, num_replicas: int = 1) -> None:
        """Makes a step; over several cores it runs in ``jax.shard_map``, each with its share.

        Args:
            config: the experiment.
            axis: the axis of the mesh over which replicas sum their gradients; none on one device.
            num_replicas: how many there are.
        """
        self._axis = axis
        self._num_replicas = num_replicas
        module = step_of(config)
        networks = module.make_networks(config)
        objectives = module.make_objectives(config, networks)
        self._optimisation = Optimisation(config.train, networks, objectives)
        state = {weight.path: weight for weight in self._optimisation.weights}
        state.update(self._optimisation.variables)
        for path, average in self._optimisation.average.items():
            state[f"average/{path}"] = average
        self.paths = list(state)
        self._variables = list(state.values())

    @property
    def num_parameters(self) -> int:
        """Counts the parameters of the networks."""
        return self._optimisation.count_parameters()

    @property
    def state(self) -> State:
        """Returns the state that a training begins with, in the order of ``paths``."""
        return [variable.value for variable in self._variables]

    def __call__(self, state: State, batch: Batch) -> tuple[State, Any]:
        """Takes a step.

        Returns:
            The state after it, and the loss of the last objective before its last update.
        """
        loss = None
        for optimizer in self._optimisation.optimizers:
            for update in range(optimizer.objective.updates_per_step):
                state, loss = self._take_update(optimizer, update, state, batch)
        if self._optimisation.average:
            with self._scope(self._variables, state) as scope:
                self._optimisation.end_step()
            state = [scope.get_current_value(variable) for variable in self._variables]
        return state, loss

    def _take_update(
        self, optimizer: ObjectiveOptimizer, update: int, state: State, batch: Batch
    ) -> tuple[State, Any]:
        """Moves the weights of one objective once."""
        index_of = {id(variable): i for i, variable in enumerate(self._variables)}
        moved = [index_of[id(weight)] for weight in optimizer.objective.weights]
        weights = [state[i] for i in moved]

        # JAX differentiates by arguments, so the weights that move are given apart from the state.
        def loss_of(values: Sequence[Any]) -> Any:
            changed = list(state)
            for i, value in zip(moved, values, strict=True):
                changed[i] = value
            return self._share_of_loss(optimizer.objective, update, changed, batch)

        loss, gradients = jax.value_and_grad(loss_of)(weights)
        if self._axis:
            # Shares of a mean over the global batch: their sum is the mean.
            loss, gradients = jax.lax.psum((loss, gradients), self._axis)
        with self._scope(self._variables, state) as scope:
            optimizer.apply(gradients)
        return [scope.get_current_value(variable) for variable in self._variables], loss

    def _share_of_loss(self, objective: Objective, update: int, state: State, batch: Batch) -> Any:
        """Returns what a replica owes of the mean over the global batch."""
        # The networks compute with these values, not with their own.
        with self._scope(self._variables, state):
            return objective.loss(batch, update) / self._num_replicas

    @staticmethod
    def _scope(variables: Sequence[keras.Variable], values: State) -> keras.StatelessScope:
        return keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True)))
