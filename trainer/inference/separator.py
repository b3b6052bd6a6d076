"""Waveforms of any rate, length and channels through a trained network."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import soxr
from numpy.typing import NDArray

from configs import Config, instruments
from data_prep.audio.tracks import Waveform
from trainer.inference.tiling import make_block_estimator
from trainer.loop.checkpoints import restore_network
from trainer.loop.workdir import load_run
from trainer.networks.conditioning import UNKNOWN
from trainer.networks.wave_unet import make_network


class Separator:
    """A trained network as a function of waveforms."""

    def __init__(self, workdir: str, checkpoint: str = "best", weights: str = "average") -> None:
        """Restore the network of a run; ``ValueError`` where there is none."""
        self.config: Config = load_run(workdir).config
        network = make_network(self.config)
        self.step = restore_network(workdir, network, checkpoint, weights)
        found = hashlib.sha256()
        for weight in network.weights:
            found.update(weight.numpy().tobytes())
        self.checksum = found.hexdigest()  # of the weights
        self._iter_blocks = make_block_estimator(network, self.config.model.window())

    def label_vector(self, labels: Sequence[str] | None) -> NDArray[np.float32]:
        """The vector (K,) that the network takes for labels, or for not knowing them (None).

        Raises:
            ValueError: a label is unknown, or the network never learnt to do without labels.
        """
        sources = self.config.data.sources
        if labels is not None:
            return np.array(instruments.multi_hot(labels, sources), np.float32)
        if not self.config.takes_unknown_labels:
            raise ValueError(
                "this network was trained to be told the instruments and never without (augmentation.label_dropout is 0); "
                f"name them with --labels, of {', '.join(sources)}."
            )
        return np.full(len(sources), UNKNOWN, np.float32)

    def estimate(self, mixture: Waveform, labels: Sequence[str] | None) -> Waveform:
        """Estimates (K, T, C) of a mixture (T, C) at the rate and channels of the records; see ``label_vector``."""
        return np.concatenate(list(self.iter_blocks(mixture, labels)), axis=1)

    def iter_blocks(self, mixture: Waveform, labels: Sequence[str] | None) -> Iterator[Waveform]:
        """The same in consecutive blocks (K, frames, C), for estimates that do not fit in memory."""
        return self._iter_blocks(mixture, self.label_vector(labels))

    def separate(
        self, waveform: Waveform, sample_rate: int, labels: Sequence[str] | None
    ) -> Waveform:
        """Estimates (K, T, C) of a waveform (T, C) of any rate, length and channel count.

        A mono network separates each channel by itself; a stereo network hears a mono file twice, and the mean of
        its two channels is returned.
        """
        return np.concatenate(list(self.iter_separated(waveform, sample_rate, labels)), axis=1)

    def iter_separated(
        self, waveform: Waveform, sample_rate: int, labels: Sequence[str] | None
    ) -> Iterator[Waveform]:
        """The same in consecutive blocks (K, frames, C), for estimates that do not fit in memory."""
        rate, channels = self.config.audio.sample_rate, self.config.audio.channels
        blocks: Iterator[Waveform]
        resampled = soxr.resample(waveform, sample_rate, rate, quality="HQ")
        if channels == 1:
            by_channel = [
                self.iter_blocks(resampled[:, [c]], labels) for c in range(waveform.shape[1])
            ]
            blocks = (np.concatenate(parts, axis=2) for parts in zip(*by_channel, strict=True))
        elif waveform.shape[1] == 1:
            twice = self.iter_blocks(np.repeat(resampled, 2, axis=1), labels)
            blocks = (block.mean(axis=2, keepdims=True) for block in twice)
        elif waveform.shape[1] == 2:
            blocks = self.iter_blocks(resampled, labels)
        else:
            raise ValueError(
                f"the file has {waveform.shape[1]} channels; a stereo network separates 1 or 2."
            )
        return _fit(_resample(blocks, rate, sample_rate), len(waveform))


def _resample(blocks: Iterator[Waveform], rate: int, sample_rate: int) -> Iterator[Waveform]:
    """Consecutive blocks (K, frames, C) at another rate, the same as if each of the K were resampled whole."""
    first = next(blocks)
    streams = [soxr.ResampleStream(rate, sample_rate, first.shape[2], quality="HQ") for _ in first]

    def convert(block: Waveform, last: bool) -> Waveform:
        parts = zip(streams, np.ascontiguousarray(block), strict=True)
        return np.stack([stream.resample_chunk(part, last=last) for stream, part in parts])

    yield from (convert(block, last=False) for block in chain([first], blocks))
    yield convert(first[:, :0], last=True)


def _fit(blocks: Iterator[Waveform], num_frames: int) -> Iterator[Waveform]:
    """Consecutive blocks (K, frames, C) of so many frames together: the end cut off, or zeros behind it."""
    for block in blocks:
        kept = block[:, :num_frames]
        num_frames -= kept.shape[1]
        yield kept
    yield np.zeros((len(kept), num_frames, kept.shape[2]), np.float32)
