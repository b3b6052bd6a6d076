"""Compares BSS Eval v4 with the truth where its equations are ill-conditioned: ours and others'.

python -m benchmarks.bss_truth

The truth is least squares by SVD on the matrix of delayed references. Two sources of 3000 frames,
one segment, filters of 512 taps for one channel, which is what mir_eval has, and of 128 for two.
Printed is the largest difference of ISR, SIR and SAR from the truth in dB, for ours and for those
of museval, and for one channel that of the SIR and SAR of mir_eval, which are those of v3 too.

Axes: J references, T frames, C channels, L filter taps.
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
# By the number of channels.
TAPS = {1: 512, 2: 128}


def noise(seed: int) -> Floats:
    """Makes two sources, (2, T)."""
    return np.random.default_rng(seed).standard_normal((2, FRAMES))


def band_limited(seed: int, stop_db: float) -> Floats:
    """Makes noise below three quarters of the band, as a lossy coder leaves it, faded, (2, T)."""
    spectra = np.fft.rfft(noise(seed))
    band = np.where(np.linspace(0, 1, spectra.shape[1]) < 3 / 4, 1.0, 10 ** (-stop_db / 20))
    return np.fft.irfft(spectra * band, FRAMES) * np.hanning(FRAMES) ** 4


def stereo(middle: Floats, side: Floats, level: float) -> Floats:
    """Makes channels that differ by a signal of their own, (J, T, 2)."""
    return np.stack([middle + level * side, middle - level * side], axis=-1)


def cases() -> dict[str, Floats]:
    """Makes references (J, T, C) by name, from well to hopelessly conditioned."""
    made = {"noise, mono": noise(1)[..., None], "noise, stereo": stereo(noise(1), noise(2), 0.5)}
    for stop_db in (60, 100, 140):
        made[f"band-limited, {stop_db} dB, mono"] = band_limited(3, stop_db)[..., None]
        made[f"band-limited, {stop_db} dB, stereo"] = stereo(
            band_limited(3, stop_db), band_limited(4, stop_db), 0.5
        )
    for level in (1e-3, 1e-6, 1e-9):
        made[f"side at {20 * np.log10(level):.0f} dB"] = stereo(noise(5), noise(6), level)
    made["band-limited, 100 dB, side at -60 dB"] = stereo(
        band_limited(3, 100), band_limited(4, 100), 1e-3
    )
    first = noise(7)[0]
    # Zeros at the end, so that the roll is a delay.
    first[-8:] = 0
    made["half of the other, delayed, mono"] = np.stack([first, 0.5 * np.roll(first, 3)])[..., None]
    return made


def impair(references: Floats) -> Floats:
    """Makes estimates with filtering, interference and noise."""
    smeared = scipy.signal.lfilter([0.8, 0.3], [1.0], references, axis=1)
    fault = 0.05 * references.std() * np.random.default_rng(9).standard_normal(references.shape)
    return smeared + 0.2 * references.sum(axis=0) + fault


def delayed(references: Floats) -> Floats:
    """Returns every channel of (J, T, C) at every delay, (T + L - 1, J C L)."""
    taps = TAPS[references.shape[-1]]
    signals = np.moveaxis(references, -1, 1).reshape(-1, references.shape[1])
    columns = [scipy.linalg.convolution_matrix(signal, taps, mode="full") for signal in signals]
    return np.concatenate(columns, axis=1)


def truth(references: Floats, estimates: Floats) -> tuple[Floats, float]:
    """Computes ISR, SIR and SAR by least squares, (3, J), and the condition number of A^T A."""
    everything = delayed(references)
    ends = ((0, 0), (0, TAPS[references.shape[-1]] - 1), (0, 0))
    padded = np.pad(estimates, ends)
    sources = np.pad(references, ends)
    ratios = []
    sizes = np.zeros(0)
    for j, estimate in enumerate(padded):
        filters, _, _, sizes = np.linalg.lstsq(everything, estimate)
        explained = everything @ filters
        own = delayed(references[j : j + 1])
        target = own @ np.linalg.lstsq(own, estimate)[0]
        isr = decibels(sources[j], target - sources[j])
        sir = decibels(target, explained - target)
        sar = decibels(explained, estimate - explained)
        ratios.append([isr, sir, sar])
    smallest = max(float(sizes[-1] / sizes[0]), 1e-20)
    # The Gram matrix squares the condition number of A.
    return np.transpose(ratios), smallest**-2


def decibels(signal: Floats, error: Floats) -> float:
    """Returns the ratio of the energies of two signals in dB."""
    return float(10 * np.log10(np.sum(signal**2) / np.sum(error**2)))


def museval_images(references: Floats, estimates: Floats) -> Floats:
    """Computes ISR, SIR and SAR by museval, (3, J)."""
    scores = museval.metrics.bss_eval(
        references, estimates, window=np.inf, hop=np.inf, filters_len=TAPS[references.shape[-1]]
    )
    # SDR comes first; the last axis is that of the frames, of which there is one.
    return np.array(scores[1:4])[..., 0]


def mir_eval_sources(references: Floats, estimates: Floats) -> Floats:
    """Computes SIR and SAR by mir_eval, (2, J), with one channel."""
    with warnings.catch_warnings():
        # mir_eval announces that it will drop these metrics.
        warnings.simplefilter("ignore", FutureWarning)
        scores = mir_eval.separation.bss_eval_sources(
            references[..., 0], estimates[..., 0], compute_permutation=False
        )
    return np.array(scores[1:3])


def largest_difference(ratios: Floats, expected: Floats) -> float:
    """Returns it in dB; both above 150 dB are equal: their noise is rounding."""
    return float(np.max(np.abs(np.minimum(ratios, 150) - np.minimum(expected, 150))))


def main(_: Sequence[str]) -> int:
    """Prints a line for each case; fails where ours are off."""
    print(f"{'case':<42}{'condition':>10}{'ours':>10}{'museval':>10}{'mir_eval':>10}")
    worst = 0.0
    for name, references in cases().items():
        estimates = impair(references)
        expected, condition = truth(references, estimates)
        taps = TAPS[references.shape[-1]]
        # Without the SDR, which needs no projection.
        ratios = bss_eval.bss_eval_images(references, estimates, taps)[1:]
        ours = largest_difference(np.array(ratios), expected)
        museval_off = largest_difference(museval_images(references, estimates), expected)
        line = f"{name:<42}{condition:10.0e}{ours:10.0e}{museval_off:10.0e}"
        if references.shape[-1] == 1:
            mir_eval_ratios = mir_eval_sources(references, estimates)
            print(f"{line}{largest_difference(mir_eval_ratios, expected[1:]):10.0e}", flush=True)
        else:
            print(f"{line}{'-':>10}", flush=True)
        worst = max(worst, ours)
    return command.FINISHED if worst < 1e-3 else command.ERROR


if __name__ == "__main__":
    command.run(main)
