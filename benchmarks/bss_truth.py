"""What BSS Eval v4 answers where its equations are ill-conditioned: ours, museval's, mir_eval's, and the truth.

python -m benchmarks.bss_truth

The truth is least squares by SVD on the matrix of delayed references. Two sources of 3000 frames,
one segment, filters of 512 taps for one channel, which is what mir_eval has, and of 128 for two.
Printed is the largest difference of ISR, SIR and SAR from the truth in dB, and for one channel that
of the SIR and SAR of mir_eval, which are those of v3 too.

Axes: J references, T frames, C channels.
"""

import warnings
from collections.abc import Sequence

import mir_eval  # type: ignore[import-untyped]
import museval.metrics  # type: ignore[import-untyped]
import numpy as np
import scipy.linalg
import scipy.signal

from data_prep.runtime import command
from evaluation.metrics import bss_eval
from evaluation.metrics.delays import Floats

FRAMES = 3000
TAPS = {1: 512, 2: 128}  # by the number of channels


def noise(seed: int) -> Floats:
    """Two sources, (2, T)."""
    return np.random.default_rng(seed).standard_normal((2, FRAMES))


def band_limited(seed: int, stop_db: float) -> Floats:
    """Noise below three quarters of the band, as a lossy coder leaves it, faded at both ends."""
    spectra = np.fft.rfft(noise(seed))
    band = np.where(np.linspace(0, 1, spectra.shape[1]) < 3 / 4, 1.0, 10 ** (-stop_db / 20))
    return np.fft.irfft(spectra * band, FRAMES) * np.hanning(FRAMES) ** 4


def stereo(middle: Floats, side: Floats, level: float) -> Floats:
    """Channels that differ by a signal of their own, (J, T, 2)."""
    return np.stack([middle + level * side, middle - level * side], axis=-1)


def cases() -> dict[str, Floats]:
    """References (J, T, C) by name, from well to hopelessly conditioned."""
    found = {"noise, mono": noise(1)[..., None], "noise, stereo": stereo(noise(1), noise(2), 0.5)}
    for stop_db in (60, 100, 140):
        found[f"band-limited, {stop_db} dB, mono"] = band_limited(3, stop_db)[..., None]
        found[f"band-limited, {stop_db} dB, stereo"] = stereo(
            band_limited(3, stop_db), band_limited(4, stop_db), 0.5
        )
    for level in (1e-3, 1e-6, 1e-9):
        found[f"side at {20 * np.log10(level):.0f} dB"] = stereo(noise(5), noise(6), level)
    found["band-limited, 100 dB, side at -60 dB"] = stereo(
        band_limited(3, 100), band_limited(4, 100), 1e-3
    )
    first = noise(7)[0]
    first[-8:] = 0
    found["half of the other, delayed, mono"] = np.stack([first, 0.5 * np.roll(first, 3)])[
        ..., None
    ]
    return found


def impair(references: Floats) -> Floats:
    """Estimates with filtering, interference and noise."""
    smeared = scipy.signal.lfilter([0.8, 0.3], [1.0], references, axis=1)
    fault = 0.05 * references.std() * np.random.default_rng(9).standard_normal(references.shape)
    return smeared + 0.2 * references.sum(axis=0) + fault


def delayed(references: Floats) -> Floats:
    """Every channel of (J, T, C) at every delay, (T + L - 1, J C L)."""
    taps = TAPS[references.shape[-1]]
    signals = np.moveaxis(references, -1, 1).reshape(-1, references.shape[1])
    columns = [scipy.linalg.convolution_matrix(signal, taps, mode="full") for signal in signals]
    return np.concatenate(columns, axis=1)


def truth(references: Floats, estimates: Floats) -> tuple[Floats, float]:
    """ISR, SIR and SAR by least squares, (3, J), and the condition number of the Gram matrix."""
    everything = delayed(references)
    ends = ((0, 0), (0, TAPS[references.shape[-1]] - 1), (0, 0))
    padded, sources = np.pad(estimates, ends), np.pad(references, ends)
    ratios, sizes = [], np.zeros(0)
    for j, estimate in enumerate(padded):
        filters, _, _, sizes = np.linalg.lstsq(everything, estimate)
        own = delayed(references[j : j + 1])
        target, explained = own @ np.linalg.lstsq(own, estimate)[0], everything @ filters
        pairs = (
            (sources[j], target - sources[j]),
            (target, explained - target),
            (explained, estimate - explained),
        )
        ratios.append([10 * np.log10(np.sum(one**2) / np.sum(other**2)) for one, other in pairs])
    smallest = max(float(sizes[-1] / sizes[0]), 1e-20)
    return np.transpose(ratios), smallest**-2


def rivals(references: Floats, estimates: Floats) -> tuple[Floats, Floats | None]:
    """ISR, SIR and SAR of museval, (3, J), and with one channel SIR and SAR of mir_eval, (2, J)."""
    found = museval.metrics.bss_eval(
        references, estimates, window=np.inf, hop=np.inf, filters_len=TAPS[references.shape[-1]]
    )
    theirs = np.array(found[1:4])[..., 0]
    if references.shape[-1] > 1:
        return theirs, None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # mir_eval announces that it will drop them
        scores = mir_eval.separation.bss_eval_sources(
            references[..., 0], estimates[..., 0], compute_permutation=False
        )
    return theirs, np.array(scores[1:3])


def off(found: Floats, expected: Floats) -> str:
    """The largest difference in dB; both above 150 dB are equal: their noise is rounding."""
    return f"{np.max(np.abs(np.minimum(found, 150) - np.minimum(expected, 150))):10.0e}"


def main(_: Sequence[str]) -> int:
    """A line per case; fails where ours are off."""
    print(f"{'case':<42}{'condition':>10}{'ours':>10}{'museval':>10}{'mir_eval':>10}")
    worst = 0.0
    for name, references in cases().items():
        estimates = impair(references)
        expected, condition = truth(references, estimates)
        ours = np.array(
            bss_eval.bss_eval_images(references, estimates, TAPS[references.shape[-1]])[1:]
        )
        museval_found, mir_eval_found = rivals(references, estimates)
        last = off(mir_eval_found, expected[1:]) if mir_eval_found is not None else f"{'-':>10}"
        print(
            f"{name:<42}{condition:10.0e}{off(ours, expected)}{off(museval_found, expected)}{last}",
            flush=True,
        )
        worst = max(worst, float(off(ours, expected)))
    return command.FINISHED if worst < 1e-3 else command.ERROR


if __name__ == "__main__":
    command.run(main)
