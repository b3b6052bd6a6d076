"""Factorises a track by itself, and lets the references say which part belongs to which source.

The spectra H (P, F) are learnt from the mixture alone. Each of the P components is then given to
the source with which its sound agrees most: the inner product of its short-time spectrum and the
source's is the largest. No system that separates music knows that; so this row is called best
assignment, and exists in evaluation only. Where components do not overlap, none is better.

Axes: J sources that play, T frames, C channels, M windows, N windows and channels, F frequencies, P
spectra.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.audio.tracks import Waveform
from evaluation.classical.factorisation import Floats32, activate, learn_spectra
from evaluation.classical.samples import EvenSample
from evaluation.estimates.short_time import Floats, Spectra, hop_frames, iter_spectra

# Of each source that plays.
_NUM_SPECTRA = 12
# What they are learnt from: 24 s, of a longer track every second, fourth, ... window.
_MOST_WINDOWS = 1024
_SEED = 0


def learn_of_mixture(blocks: Iterable[Waveform], sample_rate: int, num_sources: int) -> Floats32:
    """Returns the spectra (P, F) of a mixture.

    Args:
        blocks: consecutive ones of the mixture, (frames, C).
        sample_rate: in Hz.
        num_sources: that play.
    """
    hop = hop_frames(sample_rate)
    sample = EvenSample(_MOST_WINDOWS, lambda spectra: np.abs(spectra).astype(np.float32))
    for spectra in iter_spectra(blocks, hop):
        sample.add(spectra)
    rows = sample.rows()
    assert rows is not None, "a track has frames"
    return learn_spectra(rows.reshape(-1, rows.shape[-1]), _NUM_SPECTRA * num_sources, _SEED)


def assign(
    spectra: Floats32, blocks: Iterable[Waveform], sample_rate: int, num_sources: int
) -> NDArray[np.intp]:
    """Returns to which of J sources each of P components belongs, (P,).

    Args:
        spectra: of the mixture, (P, F).
        blocks: consecutive ones, (frames, (1 + J) C), of the channels of the mixture and behind
            them of those of each source.
        sample_rate: in Hz.
        num_sources: J.
    """
    products = np.zeros((num_sources, len(spectra)))
    for windows in iter_spectra(blocks, hop_frames(sample_rate)):
        num_windows, _, num_frequencies = windows.shape
        # (M, (1 + J) C, F) -> (1 + J, M, C, F) -> (1 + J, N, F)
        parts = windows.reshape(num_windows, 1 + num_sources, -1, num_frequencies).swapaxes(0, 1)
        rows = parts.reshape(1 + num_sources, -1, num_frequencies)
        products += _products(spectra, rows[0], rows[1:])
    return products.argmax(axis=0)


def _products(spectra: Floats32, mixture: Spectra, sources: Spectra) -> Floats:
    """Returns the inner products of every source and component in some windows, (J, P).

    A component has the spectrum X A_p H_p / (A H), of the mixture X (N, F). Its inner product with
    a source Y is the sum over n and f of A_np H_pf Re(X_nf Y*_nf) / (A H)_nf.
    """
    activations = activate(np.abs(mixture).astype(np.float32), spectra).astype(np.float64)
    model = activations @ spectra
    agreement = (mixture * sources.conj()).real
    agreement = np.divide(agreement, model, out=np.zeros_like(agreement), where=model > 0)
    # (J, N, F) @ (F, P) -> (J, N, P), then the sum over N
    products: NDArray[Any] = ((agreement @ spectra.T) * activations).sum(axis=1)
    return products
