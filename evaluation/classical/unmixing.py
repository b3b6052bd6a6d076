"""Separates two channels into two components: ICA and PCA.

Both take the channels x (C,) of a frame for a mixture x = A s of as many components s, with one
matrix A for the whole song, and find the matrix W = A^-1. Component k, as it lies in the channels,
is A_k (W_k x), with column k of A and row k of W; both together are the song again.

ICA makes the components independent: FastICA with the contrast log cosh (A. Hyvärinen, "Fast and
robust fixed-point algorithms for independent component analysis", IEEE Transactions on Neural
Networks 10 (3), 1999). PCA makes them uncorrelated and A orthogonal: the direction in which the
song is loudest, and the other one.

Axes: K = C = 2 components, N frames that are looked at, T frames.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.decomposition import PCA, FastICA
from sklearn.exceptions import ConvergenceWarning

from data_prep.audio.tracks import AudioFormat, Waveform
from data_prep.runtime.quantities import pluralized
from evaluation.classical.names import STEMS
from evaluation.classical.samples import EvenSample
from evaluation.classical.separator import ClassicalSeparator, OpenBlocks
from evaluation.estimates.short_time import Floats

# Frames of which the matrix is computed: all of 24 s at 44.1 kHz, of a longer song every second,
# fourth, ... one. They are far more than a matrix of four numbers needs.
_MOST_FRAMES = 2**20
_SEED = 0
# The power of the weaker of two directions, relative to the other. Below it both channels are alike
# but for rounding, and there is nothing to unmix.
_LEAST_POWER = 1e-10
_MOST_STEPS = 500


class Unmixing(ClassicalSeparator):
    """Is ICA or PCA on the channels of a song, of which it must have two."""

    def __init__(
        self,
        name: str,
        origin: str,
        unmix: Callable[[Floats], Floats],
        open_blocks: OpenBlocks | None = None,
    ) -> None:
        """Makes a separator.

        Args:
            name: of the method, as commands have it.
            origin: what it is, in words.
            unmix: computes W (K, C) from frames (N, C).
            open_blocks: begins to read the song that is separated; only :meth:`for_song` gives it.
        """
        self.sources = STEMS[name]
        self.origin = origin
        self._name = name
        self._unmix = unmix
        self._open_blocks = open_blocks

    def identity(self) -> dict[str, Any]:
        """Returns what tells the method from others."""
        return {"method": self._name, "seed": _SEED, "most_frames": _MOST_FRAMES}

    def for_song(self, open_blocks: OpenBlocks, audio_format: AudioFormat) -> "Unmixing":
        """Returns what separates one song; ``ValueError`` where it has not two channels."""
        if audio_format.channels != 2:
            found = pluralized(audio_format.channels, "channel")
            more = "; --downmix makes two of more" if audio_format.channels > 2 else ""
            raise ValueError(
                f"{self._name} tells two components apart by how they lie in two channels, and "
                f"this is sound of {found}{more}."
            )
        return Unmixing(self._name, self.origin, self._unmix, open_blocks)

    def iter_stream_separated(
        self, blocks: Iterable[Waveform], sample_rate: int, labels: Sequence[str] | None
    ) -> Iterator[Waveform]:
        """Yields the components, the louder one first; the song is read once before."""
        del sample_rate, labels
        assert self._open_blocks is not None, "for_song gives the song"
        sample = EvenSample(_MOST_FRAMES, lambda frames: frames.astype(np.float64))
        for block in self._open_blocks():
            sample.add(block)
        rows = sample.rows()
        if rows is None:
            return
        images = image_matrices(self._unmix(rows))
        for block in blocks:
            # (K, C, C) and (T, C) -> (K, T, C)
            yield np.einsum("kcd,td->ktc", images, block).astype(np.float32)


def ica() -> Unmixing:
    """Returns ICA."""
    return Unmixing("ica", "independent components of two channels (FastICA)", unmix_by_ica)


def pca() -> Unmixing:
    """Returns PCA."""
    return Unmixing("pca", "principal components of two channels", unmix_by_pca)


def unmix_by_ica(frames: Floats) -> Floats:
    """Returns the matrix W (K, C) that makes the components of frames (N, C) independent.

    Where both channels are alike it is that of PCA.
    """
    powers = np.linalg.eigvalsh(np.cov(frames, rowvar=False)) if len(frames) > 1 else np.zeros(2)
    if powers[0] <= _LEAST_POWER * powers[1]:
        return unmix_by_pca(frames)
    method = FastICA(
        whiten="unit-variance",
        # The powers of two directions are known to differ from zero.
        whiten_solver="eigh",
        max_iter=_MOST_STEPS,
        random_state=_SEED,
    )
    with warnings.catch_warnings():
        # What is not settled by then (noise has no independent directions) is as good as another.
        warnings.simplefilter("ignore", ConvergenceWarning)
        components: Floats = method.fit(frames).components_
    # Components have a power of one: how loud each is, its column of A says.
    loudness = np.linalg.norm(np.linalg.inv(components), axis=0)
    return components[np.argsort(-loudness)]


def unmix_by_pca(frames: Floats) -> Floats:
    """Returns the matrix W (K, C) of the directions in which frames (N, C) are loudest."""
    if not frames.any() or len(frames) < 2:
        return np.eye(2)
    directions: Floats = PCA(svd_solver="covariance_eigh").fit(frames).components_
    return directions


def image_matrices(unmixing: Floats) -> Floats:
    """Returns what turns a frame into each component as it lies in the channels, (K, C, C)."""
    mixing = np.linalg.inv(unmixing)
    # A_k W_k, of column k and row k.
    return np.einsum("ck,kd->kcd", mixing, unmixing)
