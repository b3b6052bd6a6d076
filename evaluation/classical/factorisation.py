"""Factorises magnitudes into spectra and activations: NMF with the Kullback-Leibler divergence.

Non-negative matrix factorisation (D. D. Lee, H. S. Seung, "Learning the parts of objects by
non-negative matrix factorization", Nature 401, 1999) takes magnitudes V (N, F) for a product A H of
activations A (N, P) and spectra H (P, F), and makes the generalised Kullback-Leibler divergence of
V from A H small by their multiplicative updates ("Algorithms for non-negative matrix
factorization", NIPS 13, 2001); C. Févotte and J. Idier ("Algorithms for nonnegative matrix
factorization with the beta-divergence", Neural Computation 23 (9), 2011) show that these never
increase it.

All is computed by one thread. The matrices are thin: on a busy machine of two cores a product of 70
windows took twenty times as long with a second one.

Axes: K sources, C channels, M windows, N windows and channels, F frequencies, P spectra.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import NMF, non_negative_factorization
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from evaluation.classical.streams import shares
from evaluation.estimates.short_time import Floats

Floats32 = NDArray[np.float32]

# Of activations. A fixed number: whether a block of windows is settled would depend on the others
# in it.
NUM_UPDATES = 50
# Of spectra and their activations.
_LEARNING_UPDATES = 200
_LOSS = "kullback-leibler"


def dictionary_masks(magnitudes: Floats, dictionaries: Sequence[Floats32]) -> Floats:
    """Returns the masks (K, M, C, F) of sources in magnitudes (M, C, F), which sum to one.

    Args:
        magnitudes: of a song.
        dictionaries: the spectra (P_k, F) of each source, at least one.
    """
    spectra = np.concatenate(dictionaries)
    rows = magnitudes.reshape(-1, magnitudes.shape[-1]).astype(np.float32)
    activations = activate(rows, spectra)
    ends = np.cumsum([len(each) for each in dictionaries])[:-1]
    parts = np.split(activations, ends, axis=1)
    # A_k H_k, (K, N, F)
    models = np.stack([part @ each for part, each in zip(parts, dictionaries, strict=True)])
    return shares(models.astype(np.float64)).reshape(len(dictionaries), *magnitudes.shape)


def activate(magnitudes: Floats32, spectra: Floats32) -> Floats32:
    """Returns the activations (N, P) of known spectra (P, F) in magnitudes (N, F).

    Each row is found for itself: scikit-learn begins with one number for all, and the first update
    cancels it, as A_np <- A_np sum_f (V_nf / (A H)_nf) H_pf / sum_f H_pf.
    """
    if not spectra.any():
        # There are none, or only those of silence, which scikit-learn refuses.
        return np.zeros((len(magnitudes), len(spectra)), np.float32)
    activations: Floats32
    with threadpool_limits(1):
        activations, _, _ = non_negative_factorization(
            magnitudes,
            H=spectra,
            n_components=len(spectra),
            update_H=False,
            solver="mu",
            beta_loss=_LOSS,
            tol=0,
            max_iter=NUM_UPDATES,
        )
    return activations


def learn_spectra(magnitudes: Floats32, num_spectra: int, seed: int) -> Floats32:
    """Returns the spectra (P, F) of which magnitudes (N, F) are made, each with a sum of one."""
    method = NMF(
        num_spectra,
        init="random",
        solver="mu",
        beta_loss=_LOSS,
        tol=0,
        max_iter=_LEARNING_UPDATES,
        random_state=seed,
    )
    with threadpool_limits(1):
        method.fit(magnitudes)
    spectra: Floats32 = method.components_
    # One that is used nowhere stays zero.
    sums = np.maximum(spectra.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return spectra / sums
