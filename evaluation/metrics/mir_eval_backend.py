"""Computes BSS Eval v3 by mir_eval, for cross-checks: slow, one channel, filters of 512 taps."""

import warnings
from typing import Any

import numpy as np

from evaluation.metrics.delays import Floats
from evaluation.metrics.energies import Integers


def require(channels: int) -> None:
    """Refuses, before anything is scored, what mir_eval cannot score.

    Raises:
        ValueError: there is more than one channel, or no mir_eval that has the metrics.
    """
    if channels != 1:
        raise ValueError(
            f"evaluation.backend=mir_eval scores one channel, not {channels}; leave it at own."
        )
    _separation()


def _separation() -> Any:
    """Returns ``mir_eval.separation``, imported here because nothing else needs it."""
    try:
        import mir_eval  # type: ignore[import-untyped]

        return mir_eval.separation
    except (ImportError, AttributeError) as error:
        raise ValueError(
            "evaluation.backend=mir_eval needs the package mir_eval before 0.9, which removes "
            "these metrics; install it with: pip install 'mir_eval<0.9'."
        ) from error


def bss_eval_pairs(
    references: Floats, estimates: Floats, chosen: Integers, owners: Integers
) -> tuple[Floats, Floats, Floats]:
    """Computes SDR, SIR and SAR in dB of P pairs of an estimate and a reference, shape (P,) each.

    Args:
        references: shape (J, T, 1).
        estimates: shape (N, T, 1).
        chosen: shape (P,), the estimate of each pair.
        owners: shape (P,), its reference.
    """
    separation = _separation()
    own = references[..., 0]
    # How many pairs before it have the same reference: the set that a pair comes into.
    turns = np.array([np.sum(owners[:p] == owner) for p, owner in enumerate(owners)])
    # mir_eval wants an estimate of every reference: the reference itself where there is none.
    # (sets, J, T)
    sets = np.repeat(own[None], turns.max() + 1, axis=0)
    sets[turns, owners] = estimates[chosen, :, 0]
    of_sets = []
    with warnings.catch_warnings():
        # mir_eval announces that it will drop these metrics.
        warnings.simplefilter("ignore", FutureWarning)
        for estimated in sets:
            ratios = separation.bss_eval_sources(own, estimated, compute_permutation=False)
            of_sets.append(ratios[:3])
    # (sets, 3, J) -> (3, P)
    sdr, sir, sar = np.moveaxis(np.array(of_sets), 1, 0)[:, turns, owners]
    return sdr, sir, sar
