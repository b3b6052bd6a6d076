"""BSS Eval v3 as mir_eval computes it, for cross-checks: slow, one channel, filters of 512 taps."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def require(channels: int) -> None:
    """Refuse, before anything is scored, what mir_eval cannot score.

    Raises:
        ValueError: there is more than one channel, or no mir_eval that has the metrics.
    """
    if channels != 1:
        raise ValueError(f"evaluation.backend=mir_eval scores one channel, not {channels}; leave it at own.")
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


def bss_eval_sources(references: Floats, estimates: Floats) -> tuple[Floats, Floats, Floats]:
    """SDR, SIR and SAR in dB of S sets of estimates: (J, T) and (S, J, T) -> (S, J) each.

    The ratios of an estimate that is silent are arbitrary: mir_eval refuses one, so its reference stands in for it.
    """
    separation = _separation()
    silent = ~estimates.any(axis=-1, keepdims=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # mir_eval announces that it will drop them
        found = [
            separation.bss_eval_sources(references, each, compute_permutation=False)[:3]
            for each in np.where(silent, references, estimates)
        ]
    sdr, sir, sar = np.moveaxis(np.array(found), 1, 0)
    return sdr, sir, sar
