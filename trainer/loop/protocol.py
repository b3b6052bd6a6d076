"""Says what the loop asks of a task, free of TensorFlow, so that a step can run on any backend."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from configs import OptimizerSettings
from data_prep.audio.tracks import Waveform

if TYPE_CHECKING:
    from trainer.loop.optimisation import Optimisation

Batch = Mapping[str, Any]
"""Arrays by name, the first axis of each being that of the examples."""

Networks = Mapping[str, keras.Model]
"""The networks of a task by their part in it; each has a Keras name of its own."""

Weights = Mapping[str, Sequence[NDArray[np.float32]]]
"""Values for all variables of each network, by its part in the task, in the order of Keras."""


@dataclass(frozen=True)
class Learnt:
    """Holds what another run has learnt."""

    # Its path.
    checkpoint: str
    # By the paths of variables.
    values: Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Objective:
    """Says what is minimised, by which weights, and how.

    All objectives of a task are taken in order within one step, each with all of its updates.
    """

    name: str
    # (a batch, the number of the update within the step) -> a float32 scalar, a mean over examples.
    loss: Callable[[Batch, int], Any]
    weights: Sequence[keras.Variable]
    optimizer: OptimizerSettings
    updates_per_step: int = 1


@dataclass(frozen=True)
class Figure:
    """Holds what a validation found under one name."""

    name: str
    # None where it does not exist, as where no segment counts.
    value: float | None
    # Such as dB; empty for a plain number.
    unit: str = ""
    higher_is_better: bool = True
    # Nothing that was found, but what was chosen: it is kept with the others, and not told.
    is_choice: bool = False


@dataclass(frozen=True)
class Sound:
    """Is something to hear in TensorBoard."""

    name: str
    # (T, C)
    waveform: Waveform
    sample_rate: int


@dataclass(frozen=True)
class Spectrograms:
    """Is something to see: spectrograms, in dB below the loudest of the first."""

    name: str
    # Title -> (T, C)
    waveforms: Mapping[str, Waveform]
    sample_rate: int


@dataclass(frozen=True)
class Picture:
    """Is something to see: pixels (height, width, 3)."""

    name: str
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class Number:
    """Is a number to plot."""

    name: str
    value: float


Shown = Sound | Spectrograms | Picture | Number


@dataclass(frozen=True)
class Description:
    """Holds what a task says of itself before a long run."""

    # Title -> words: what the examples are, and how many.
    rows: Mapping[str, str]
    # Multiplications and additions of a step, forward and backward.
    step_flops: float
    # What to look at first where one batch cannot be learnt, beside the learning rate.
    suspect: str
    # The share of the loss of one batch that is left at most where all is well.
    learnt_share: float = 0.02


RunSteps = Callable[[Iterator[Any], int], tuple[NDArray[np.float32], float]]
"""(batches, number of steps) -> losses (steps, objectives), seconds waited for batches."""


class Devices(Protocol):
    """Is where steps run: devices of this machine, or of several, by one backend of Keras.

    Each device is a replica, which has all weights and its share of every batch.
    """

    num_replicas: int
    # What they are, in words.
    name: str
    # Whether this process writes what a run leaves, and tells of it: of several processes one does.
    is_writer: bool

    def scope(self) -> AbstractContextManager[Any]:
        """Returns the context in which networks and optimizers are made."""

    def distribute(self, examples: Any, batch_size: int) -> Iterator[Any]:
        """Turns examples in order into global batches, of which replica r gets the r-th share.

        One device and several see the same examples at the same step.
        """

    def make_run_steps(self, optimisation: "Optimisation") -> RunSteps:
        """Makes what takes a number of steps in one call.

        A step takes every objective in order, each with all of its updates; its loss is that of the
        last of them.
        """

    def agree(self, is_so: bool) -> bool:
        """Returns whether it is so in any process; all of them ask at the same time."""


class Task(Protocol):
    """Is what the loop needs to know of a task."""

    def read_learnt(self) -> Learnt:
        """Reads what the run of ``train.begin_from`` has learnt."""

    def make_networks(self) -> Networks:
        """Makes the networks, their weights included; called in the scope of the strategy."""

    def make_objectives(self, networks: Networks) -> Sequence[Objective]:
        """Makes the objectives of these networks."""

    def make_examples(self, start_step: int) -> Any:
        """Makes a ``tf.data.Dataset`` of the examples from a step on, in order, not batched.

        All randomness lies in the examples, so that runs repeat, and one device equals several.
        """

    def validate(self, weights: Weights) -> Sequence[Figure]:
        """Validates these weights; the first figure is what best means. Nothing without tracks."""

    def show(self, weights: Weights) -> Iterable[Shown]:
        """Yields what TensorBoard lets people see and hear of networks with these weights."""

    def describe(self) -> Description:
        """Says what a run of the task is."""
