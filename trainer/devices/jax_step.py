"""Takes the whole training step on JAX: runs take it, preflight compiles it, benchmarks time it.

Networks, objectives and optimizers are those of TensorFlow (trainer.devices.tensorflow_devices);
what is said here once more is how a step is put together, and a test holds the two against each
other.
"""

from collections.abc import Sequence
from typing import Any

import jax
import keras
from jax.sharding import Mesh, PartitionSpec

from configs import Config
from trainer.loop.optimisation import ObjectiveOptimizer, Optimisation
from trainer.loop.protocol import Batch, Objective
from trainer.networks.network import Network
from trainer.tasks.registry import step_of

State = list[Any]
"""Weights, optimizers' state and averages of the weights, in the order of ``JaxStep.paths``."""


class JaxStep:
    """Is a step as a pure function of state and batch, and the state that training begins with."""

    def __init__(
        self, optimisation: Optimisation, axis: str | None = None, num_replicas: int = 1
    ) -> None:
        """Makes a step; over several cores it runs in ``jax.shard_map``, each with its share.

        Args:
            optimisation: networks, objectives, and what changes the weights.
            axis: the axis of the mesh over which replicas sum their gradients; none on one device.
            num_replicas: how many there are.
        """
        self._axis = axis
        self._num_replicas = num_replicas
        self._optimisation = optimisation
        state = {weight.path: weight for weight in self._optimisation.weights}
        state.update(self._optimisation.variables)
        for path, average in self._optimisation.average.items():
            state[f"average/{path}"] = average
        self.paths = list(state)
        self.variables = list(state.values())

    @property
    def num_parameters(self) -> int:
        """Counts the parameters of the networks."""
        return self._optimisation.count_parameters()

    @property
    def forward_flops(self) -> int:
        """Returns the arithmetic of one forward pass of one example, of networks that say it."""
        networks = self._optimisation.networks.values()
        return sum(each.forward_flops() for each in networks if isinstance(each, Network))

    @property
    def state(self) -> State:
        """Returns the state that a training begins with, in the order of ``paths``."""
        return [variable.value for variable in self.variables]

    def keep(self, state: State) -> None:
        """Gives networks and optimizers the state after a step."""
        for variable, value in zip(self.variables, state, strict=True):
            variable._value = value

    def forget_values(self) -> None:
        """Keeps the shapes alone of the state that a training begins with: compiling reads no more.

        Those of a published network take gigabytes, several times over with an optimizer.
        """
        for variable in self.variables:
            variable._value = jax.ShapeDtypeStruct(variable.shape, variable.dtype)

    def __call__(self, state: State, batch: Batch) -> tuple[State, Any]:
        """Takes a step.

        Returns:
            The state after it, and the loss of each objective before its last update.
        """
        losses = []
        for optimizer in self._optimisation.optimizers:
            for update in range(optimizer.objective.updates_per_step):
                loss, gradients = self._differentiate(optimizer.objective, update, state, batch)
                state = self._apply(optimizer, gradients, state)
            losses.append(loss)
        return self._end_step(state), jax.numpy.stack(losses)

    def move(self, state: State) -> State:
        """Moves the weights as often as a step does, by themselves: its work beside the passes."""
        for optimizer in self._optimisation.optimizers:
            for _ in range(optimizer.objective.updates_per_step):
                gradients = [state[i] for i in self._moved(optimizer.objective)]
                state = self._apply(optimizer, gradients, state)
        return self._end_step(state)

    def _differentiate(
        self, objective: Objective, update: int, state: State, batch: Batch
    ) -> tuple[Any, list[Any]]:
        """Returns the loss of the global batch, and its gradients."""
        moved = self._moved(objective)
        weights = [state[i] for i in moved]

        # JAX differentiates by arguments, so the weights that move are given apart from the state.
        def loss_of(values: Sequence[Any], part: Batch) -> Any:
            changed = list(state)
            for i, value in zip(moved, values, strict=True):
                changed[i] = value
            return self._share_of_loss(objective, update, changed, part)

        def add_part(summed: Any, part: Batch) -> tuple[Any, None]:
            of_part = jax.value_and_grad(loss_of)(weights, part)
            return jax.tree.map(jax.numpy.add, summed, of_part), None

        num_parts = self._optimisation.num_parts
        if num_parts == 1:
            found = jax.value_and_grad(loss_of)(weights, batch)
        else:
            # (B, ...) -> (parts, B / parts, ...)
            parts = {
                name: array.reshape(num_parts, -1, *array.shape[1:])
                for name, array in batch.items()
            }
            zeros = [jax.numpy.zeros(weight.shape, "float32") for weight in weights]
            # One part after the other, in the memory of one.
            found, _ = jax.lax.scan(add_part, (jax.numpy.float32(0), zeros), parts)
        if self._axis:
            # Shares of a mean over the global batch: their sum is the mean.
            found = jax.lax.psum(found, self._axis)
        return found

    def _apply(self, optimizer: ObjectiveOptimizer, gradients: list[Any], state: State) -> State:
        """Moves the weights of one objective once."""
        with self._scope(self.variables, state) as scope:
            optimizer.apply(gradients)
        return [scope.get_current_value(variable) for variable in self.variables]

    def _end_step(self, state: State) -> State:
        if not self._optimisation.average:
            return state
        with self._scope(self.variables, state) as scope:
            self._optimisation.end_step()
        return [scope.get_current_value(variable) for variable in self.variables]

    def _moved(self, objective: Objective) -> list[int]:
        """Returns where the weights that an objective moves stand in the state."""
        index_of = {id(variable): i for i, variable in enumerate(self.variables)}
        return [index_of[id(weight)] for weight in objective.weights]

    def _share_of_loss(self, objective: Objective, update: int, state: State, batch: Batch) -> Any:
        """Returns what a part of a replica's batch owes of the mean over the global batch."""
        # The networks compute with these values, not with their own.
        with self._scope(self.variables, state):
            num_shares = self._num_replicas * self._optimisation.num_parts
            return objective.loss(batch, update) / num_shares

    @staticmethod
    def _scope(variables: Sequence[keras.Variable], values: State) -> keras.StatelessScope:
        return keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True)))


def step_of_config(config: Config, axis: str | None = None, num_replicas: int = 1) -> JaxStep:
    """Makes the step of an experiment, free of records: to compile it, or to time it."""
    module = step_of(config)
    networks = module.make_networks(config)
    objectives = module.make_objectives(config, networks)
    return JaxStep(Optimisation(config.train, networks, objectives), axis, num_replicas)


def over_mesh(step: JaxStep, mesh: Mesh, axis: str) -> Any:
    """Returns a step over all devices of a mesh, jitted; the memory of the state is used again.

    Every device has the whole state, and its share of the batch.
    """
    whole = PartitionSpec()
    parallel = jax.shard_map(
        step, mesh=mesh, in_specs=(whole, PartitionSpec(axis)), out_specs=whole, check_vma=False
    )
    return jax.jit(parallel, donate_argnums=0)
