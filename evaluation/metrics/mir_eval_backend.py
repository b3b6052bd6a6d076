"""BSS Eval v3 as mir_eval computes it, for cross-checks: slow, one channel, filters of 512 taps."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


def require(channels: int) -> None:
    """Refuse, before anything is scored, what mir_eval cannot score.

    Raises:
        ValueError: there is more than one channel, or no mir_eval that has the metrics.
    """
    if channels != 1:
        raise ValueError(
            f"evaluation.backend=mir_eval scores one channel, not {channels}; leave it at own."
        )
    _separation()


def _separation() -> Any:
    """``mir_eval.separation``, imported here because nothing else needs it."""
    try:
        import mir_eval  # type: ignore[import-untyped]

        return mir_eval.separation
    except (ImportError, AttributeError) as error:
        raise ValueError(
            "evaluation.backend=mir_eval needs the package mir_eval before 0.9, which removes these metrics; install "
            "it with: pip install 'mir_eval<0.9'."
        ) from error


def bss_eval_pairs(
    references: Floats, estimates: Floats, chosen: Integers, owners: Integers
) -> tuple[Floats, Floats, Floats]:
    """SDR, SIR and SAR in dB of P pairs of an estimate and a reference, each of shape (P,).

    Args:
        references: shape (J, T, 1).
        estimates: shape (N, T, 1).
        chosen: shape (P,), the estimate of each pair.
        owners: shape (P,), its reference.
    """
    separation = _separation()
    # It wants an estimate of every reference: the reference itself where there is none.
    turns = np.array([np.sum(owners[:p] == owner) for p, owner in enumerate(owners)])
    sets = np.repeat(references[None, ..., 0], turns.max() + 1, axis=0)
    sets[turns, owners] = estimates[chosen, :, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # mir_eval announces that it will drop them
        own = references[..., 0]
        found = [
            separation.bss_eval_sources(own, each, compute_permutation=False)[:3] for each in sets
        ]
    sdr, sir, sar = np.moveaxis(np.array(found), 1, 0)[:, turns, owners]
    return sdr, sir, sar
