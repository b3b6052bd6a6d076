"""Says what every network is to the rest of the project, for any Keras backend.

Axes: B examples, K estimates, T frames, C channels.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras
from keras import ops

from configs import Config
from configs.geometry import Window
from trainer.networks.conditions import require_taken

Conditions = Mapping[str, Any]
"""Arrays by the name of the condition, with an axis of examples first: ``labels`` is (B, K)."""
Outputs = dict[str, Any]
"""Arrays by name; those of a network that separates have ``estimates``, (B, K, T_est, C)."""

# Whether gradients of the network that is being called are wanted, and whether it computes its
# blocks again for them.
_TRAINS: ContextVar[bool] = ContextVar("trains", default=False)
_REMATERIALISES: ContextVar[bool] = ContextVar("rematerialises", default=False)


class Network(keras.Model):
    """Maps a mixture and conditions to named outputs; every network derives from this class.

    A network overrides ``encode``, ``decode`` and ``forward_flops``. It computes with
    ``keras.layers`` and ``keras.ops`` alone, keeps no batch statistics, and draws the first values
    of its weights from ``train.seed`` without touching the random state of the process. It calls
    its blocks through ``rematerialised``, so that ``train.rematerialise`` holds for it.

    Attributes:
        settings: its section of the config.
        sources: the names of the estimates in their order, K of them.
        num_channels: C, of mixture and estimates.
    """

    def __init__(self, config: Config, **kwargs: Any) -> None:
        """Takes what all networks share from a config; the arguments of a Keras model follow."""
        super().__init__(**kwargs)
        self.settings = config.model
        self.sources = config.data.sources
        self.num_channels = config.audio.channels
        self._rematerialise = config.train.rematerialise

    @property
    def conditions(self) -> tuple[str, ...]:
        """Returns the names of the conditions that the network takes.

        They are the labels or none, as its settings say; a network that takes others overrides it.
        """
        return ("labels",) if self.settings.takes_labels else ()

    def build(self, mixture_shape: Any, conditions_shape: Any = None) -> None:
        """Leaves the weights to the first call, in which each layer makes its own.

        Without this method Keras would go through the network twice to make them. A network that
        makes them here, from shapes alone, is made without being gone through at all.
        """

    def call(self, mixture: Any, conditions: Conditions, training: bool = False) -> Outputs:
        """Encodes and decodes: the mixture (B, T_mix, C) to the outputs.

        T_mix is ``window(frames).mixture_frames`` for any ``frames``. With ``training`` gradients
        are wanted, and ``train.rematerialise`` holds.

        Raises:
            ValueError: the conditions are not those that the network takes.
        """
        require_taken(conditions, self.conditions)
        with self._wanted(training):
            return self.decode(self.encode(mixture, conditions), conditions)

    def hear_clips(self, clips: Any, training: bool = False) -> Any:
        """Returns ``clip_features``; with ``training`` gradients are wanted."""
        with self._wanted(training):
            return self.clip_features(clips)

    def encode(self, mixture: Any, conditions: Conditions) -> Any:
        """Returns the features of a mixture (B, T_mix, C), whatever ``decode`` takes.

        They depend on the conditions only where these enter before the encoder. Elsewhere many
        queries about one mixture share its features.
        """
        raise NotImplementedError

    def decode(self, features: Any, conditions: Conditions) -> Outputs:
        """Returns the outputs by name, given what ``encode`` has made of the mixture."""
        raise NotImplementedError

    def clip_features(self, clips: Any) -> Any:
        """Returns what the network makes of clips (B, T, C) before it answers, (B, J, N).

        It is the encoder and what lies at its end, unknown labels included; tasks that learn
        without labels teach it. T is at least ``settings.least_clip_frames``, J follows from it.
        """
        raise NotImplementedError

    def clip_flops(self, num_frames: int) -> int:
        """Returns the multiplications and additions of the features of a clip, at most.

        Unless overridden it is the share of a whole pass that so many frames have.
        """
        return self.forward_flops() * num_frames // self.window().mixture_frames

    def own_loss(self, batch: Conditions, outputs: Outputs) -> Any:
        """Returns the loss by which alone the network learns; None: the task says what it is.

        Args:
            batch: as the task's step has it.
            outputs: of the network for its mixture.
        """
        del batch, outputs

    @contextmanager
    def _wanted(self, training: bool) -> Iterator[None]:
        """Says within whether gradients are wanted, by which blocks know what to keep."""
        trains = bool(training)
        with _set(_TRAINS, trains), _set(_REMATERIALISES, trains and self._rematerialise):
            yield

    def window(self, frames: int | None = None) -> Window:
        """Returns the window that estimates at least ``frames``, or the one that training uses."""
        return self.settings.window(frames)

    def forward_flops(self, pruned: bool | None = None) -> int:
        """Returns the multiplications and additions of one forward pass of one training example.

        Args:
            pruned: leave out what nothing uses, or do not; None for what the network does.
        """
        raise NotImplementedError

    def frame_bytes(self) -> int:
        """Returns how many bytes a frame of a mixture takes while estimates are computed, at most.

        A network that takes more overrides it.
        """
        return 2000

    def build_on_symbols(self, condition_shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Makes the weights from symbols in place of a batch: nothing is computed.

        Args:
            condition_shapes: the shape of each condition that the network takes, of one example.
        """
        mixture_shape = (1, self.window().mixture_frames, self.num_channels)
        conditions = {
            name: keras.KerasTensor((1, *shape)) for name, shape in condition_shapes.items()
        }
        self(keras.KerasTensor(mixture_shape), conditions)


def rematerialised(block: Callable[..., Any], /, **options: Any) -> Callable[..., Any]:
    """Returns a block that is computed again in the backward pass, if ``train.rematerialise`` says.

    Of such a block its arrays and its results are kept until then, and nothing that it computed in
    between; results and gradients stay the same. It takes effect within ``encode`` and ``decode``
    of a network that is called with ``training``; elsewhere the block is as it was.

    Args:
        block: a layer, or a function that calls layers; their weights are made already. It draws
            nothing at random, which it would draw anew. Of several results the first is the one
            whose gradient comes last: TensorFlow computes a block again as soon as that is there,
            and memory is saved only where nothing else is to be done before its backward pass.
        options: further arguments of the block that need no gradient: sizes, conditions, None.

    Returns:
        A function of the arrays that are given to the block by position. Gradients go to each of
        them and to the weights of the layers.
    """

    # The backends take every argument for an array.
    def called(*arrays: Any) -> Any:
        return block(*arrays, **options)

    return keras.remat(called) if _REMATERIALISES.get() else called


def in_turn(layer: keras.layers.Layer, x: Any) -> Any:
    """Returns what a layer makes of each of the parts that lie along the first axis of x.

    Where no gradients are wanted one is computed after the other, in the memory of one; else all
    are one batch.

    Args:
        layer: maps (B, ...) to (B, ...).
        x: (N, B, ...), N known.
    """
    if layer.built and not _TRAINS.get():
        return ops.map(layer, x)
    together = layer(ops.reshape(x, (-1, *x.shape[2:])))
    return ops.reshape(together, (x.shape[0], -1, *together.shape[1:]))


@contextmanager
def _set(variable: ContextVar[bool], value: bool) -> Iterator[None]:
    """Gives a variable of the context another value, within."""
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


def iter_seeds(seed: int) -> Iterator[int]:
    """Yields seeds for initialisers, the same for the same seed.

    They are those that Keras draws for initialisers without one after
    ``keras.utils.set_random_seed(seed)``, which would reseed the whole process. So the weights are
    those that older versions of this project began with.
    """
    generator = random.Random(seed)
    while True:
        yield generator.randint(1, 10**9)
