"""Separates waveforms of any rate, length and channels by a network.

Validation, ``evaluation.separate``, scoring and export all pass through this folder, so that the
grid of patches (tiling) and the rule of channels (channels) exist once.

Axes: K slots, T frames, C channels.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain

import numpy as np
import soxr
import tensorflow as tf
from numpy.typing import NDArray

from configs import Config, instruments
from data_prep.audio.tracks import BLOCK_FRAMES, Waveform
from data_prep.runtime.parallel import num_cores
from data_prep.runtime.quantities import pluralized
from trainer.inference.channels import from_all_outputs, to_all_inputs
from trainer.inference.memory import MEMORY_MB, frames_in
from trainer.inference.tiling import make_block_estimator
from trainer.loop.checkpoints import restore_network
from trainer.loop.workdir import load_run
from trainer.networks import make_network
from trainer.networks.conditioning import UNKNOWN
from trainer.networks.network import Network


def describe(separator: "Separator") -> str:
    """Returns whose weights compute, on what, and what must be known of them: a line."""
    line = f"{separator.origin}, on the {describe_device()}"
    if separator.is_untrained:
        return f"{line}: what follows is what random weights do"
    return line


def describe_device() -> str:
    """Returns on what networks compute here, in words."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return f"GPU ({details.get('device_name', 'of an unknown kind')})"
    return f"CPU ({pluralized(num_cores(), 'core')})"


def compute_in_turn() -> None:
    """Lets TensorFlow compute one operation after the other, each on all cores.

    Each of its threads for operations keeps the working memory of those that it has computed: with
    two of them the published network takes 300 MB more for a long song. A process that has computed
    already, as that of a test, stays as it is.
    """
    with suppress(RuntimeError):
        tf.config.threading.set_inter_op_parallelism_threads(1)


class Separator:
    """Is a network as a function of waveforms."""

    # How many steps of training its weights have seen, where that is known.
    step = 0
    # Whether it is known that they have seen none.
    is_untrained = False

    def __init__(self, config: Config, network: Network, memory_mb: float = MEMORY_MB) -> None:
        """Makes a separator of a network, whose weights may change later.

        Args:
            config: of the network.
            network: computes the estimates.
            memory_mb: what it may take for one window of a waveform, in MB.
        """
        self.config = config
        self.network = network
        self._iter_estimates = make_block_estimator(network, frames_in(memory_mb, network))

    @property
    def origin(self) -> str:
        """Returns where its weights are from, in words."""
        return f"a network of {self.config.name}"

    def checksum(self) -> str:
        """Returns what tells the weights, on which estimates depend, from others."""
        checksum = hashlib.sha256()
        for weight in self.network.weights:
            checksum.update(weight.numpy().tobytes())
        return checksum.hexdigest()

    def label_vector(self, labels: Sequence[str] | None) -> NDArray[np.float32]:
        """Returns the vector (K,) that the network takes for labels, None where they are unknown.

        Raises:
            ValueError: a label is unknown, or the network never learnt to do without labels.
        """
        sources = self.config.data.sources
        if labels is not None:
            return np.array(instruments.multi_hot(labels, sources), np.float32)
        if not self.config.takes_unknown_labels:
            raise ValueError(
                "this network is told the instruments and never learns to do without "
                "(augmentation.label_dropout is 0); name them with --labels, of "
                f"{', '.join(sources)}."
            )
        return np.full(len(sources), UNKNOWN, np.float32)

    def estimate(self, mixture: Waveform, labels: Sequence[str] | None) -> Waveform:
        """Estimates the sources of a mixture at the rate and channels of the records.

        Args:
            mixture: (T, C).
            labels: the instruments that play, or None where they are not known.

        Returns:
            Estimates, (K, T, C).

        Raises:
            ValueError: as from ``label_vector``.
        """
        return np.concatenate(list(self.iter_blocks(mixture, labels)), axis=1)

    def iter_blocks(self, mixture: Waveform, labels: Sequence[str] | None) -> Iterator[Waveform]:
        """Yields ``estimate`` in consecutive blocks (K, frames, C), for what fills memory."""
        for (block,) in self._iter_estimates([mixture[None]], self._conditions(labels)):
            yield block

    def separate(
        self, waveform: Waveform, sample_rate: int, labels: Sequence[str] | None
    ) -> Waveform:
        """Estimates the sources (K, T, C) of a waveform (T, C) of any rate, length and channels.

        What of the channels a network hears together is said in ``channels``.
        """
        return np.concatenate(list(self.iter_separated(waveform, sample_rate, labels)), axis=1)

    def iter_separated(
        self, waveform: Waveform, sample_rate: int, labels: Sequence[str] | None
    ) -> Iterator[Waveform]:
        """Yields ``separate`` in consecutive blocks (K, frames, C), for what fills memory."""
        return self.iter_stream_separated([waveform], sample_rate, labels)

    def iter_stream_separated(
        self, blocks: Iterable[Waveform], sample_rate: int, labels: Sequence[str] | None
    ) -> Iterator[Waveform]:
        """Yields the estimates of a waveform that comes in blocks, for what is too long for memory.

        Args:
            blocks: consecutive ones of the waveform, (frames, C).
            sample_rate: in Hz.
            labels: the instruments that play, or None where they are not known.

        Yields:
            Consecutive blocks (K, frames, C), as many frames together as came.
        """
        audio = self.config.audio
        counted = _Counted(blocks)
        first = next(counted)
        num_channels = first.shape[1]
        whole = (block[None] for block in chain([first], counted))
        resampled = _resample(whole, sample_rate, audio.sample_rate)
        # (N, T, C_net): each is estimated by itself.
        heard = (to_all_inputs(block, audio.channels) for (block,) in resampled)
        outputs = self._iter_estimates(heard, self._conditions(labels))
        estimates = (from_all_outputs(piece, num_channels) for piece in _pieces(outputs))
        return _fit(_resample(estimates, audio.sample_rate, sample_rate), counted)

    def _conditions(self, labels: Sequence[str] | None) -> dict[str, NDArray[np.float32]]:
        known = {"labels": self.label_vector(labels)}
        return {name: known[name] for name in self.network.conditions}


class TrainedSeparator(Separator):
    """Is the network of a run, with the weights of one of its checkpoints."""

    def __init__(
        self,
        workdir: str,
        checkpoint: str = "best",
        weights: str = "average",
        memory_mb: float = MEMORY_MB,
    ) -> None:
        """Restores the network of a run; ``ValueError`` where there is none."""
        config = load_run(workdir).config
        network = make_network(config)
        self.step = restore_network(workdir, network, checkpoint, weights)
        self._workdir = workdir
        super().__init__(config, network, memory_mb)

    @property
    def origin(self) -> str:
        """Returns where its weights are from, in words."""
        return f"step {self.step:,} of {self._workdir}"


class UntrainedSeparator(Separator):
    """Is a network with the weights that a training begins with, which ``train.seed`` gives."""

    is_untrained = True

    def __init__(self, config: Config, memory_mb: float = MEMORY_MB) -> None:
        """Makes the network of an experiment."""
        super().__init__(config, make_network(config), memory_mb)

    @property
    def origin(self) -> str:
        """Returns where its weights are from, in words."""
        return f"{self.config.name}, untrained"


def _resample(blocks: Iterator[Waveform], rate: int, sample_rate: int) -> Iterator[Waveform]:
    """Yields blocks (K, frames, C) at another rate, as if each of the K were resampled whole."""
    first = next(blocks)
    num_channels = first.shape[2]
    streams = [soxr.ResampleStream(rate, sample_rate, num_channels, quality="HQ") for _ in first]

    def convert(block: Waveform, last: bool) -> Waveform:
        parts = zip(streams, np.ascontiguousarray(block), strict=True)
        return np.stack([stream.resample_chunk(part, last=last) for stream, part in parts])

    for block in chain([first], blocks):
        yield convert(block, last=False)
    yield convert(first[:, :0], last=True)


def _pieces(blocks: Iterable[Waveform]) -> Iterator[Waveform]:
    """Yields blocks (N, K, frames, C) in pieces, one without frames as it is.

    What is computed of a whole window of all sources would be there several times at once.
    """
    for block in blocks:
        for start in range(0, max(block.shape[2], 1), BLOCK_FRAMES):
            yield block[:, :, start : start + BLOCK_FRAMES]


class _Counted:
    """Counts the frames of blocks (frames, C) on their way."""

    def __init__(self, blocks: Iterable[Waveform]) -> None:
        self._blocks = iter(blocks)
        self.num_frames = 0

    def __iter__(self) -> "_Counted":
        return self

    def __next__(self) -> Waveform:
        block = next(self._blocks)
        self.num_frames += len(block)
        return block


def _fit(blocks: Iterator[Waveform], counted: _Counted) -> Iterator[Waveform]:
    """Yields blocks (K, frames, C) of as many frames together as came in, cut or with zeros.

    What has come in is always more than what has gone out, but at the end.
    """
    num_frames = 0
    for block in blocks:
        kept = block[:, : counted.num_frames - num_frames]
        num_frames += kept.shape[1]
        yield kept
    num_missing = counted.num_frames - num_frames
    if num_missing:
        yield np.zeros((len(kept), num_missing, kept.shape[2]), np.float32)
