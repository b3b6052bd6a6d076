"""Bins on the right side of the ideal binary mask, against the short-time transform of scipy."""

import math

import numpy as np
import pytest
import scipy.signal

from evaluation.metrics import mask_bins
from evaluation.metrics.energies import Pairs
from evaluation.metrics.mask_bins import count_bins

HOP = 16
WINDOW = 4 * HOP
PAIRS = Pairs(np.array([0, 1, 1, 2]), np.array([0, 1, 0, 1]), np.array([1.0, 1.0, -0.5, 0.7]))


def noise(seed, *shape):
    """Noise of which some bins are far below the others."""
    white = 0.1 * np.random.default_rng(seed).standard_normal(shape)
    return scipy.signal.lfilter([1, 1.9, 1], [1, -1.2, 0.5], white, axis=-2)


def magnitudes(waveform):
    """Magnitudes of all windows within a waveform (T, C): (C, F, M)."""
    window = scipy.signal.windows.hann(WINDOW, sym=False)
    transform = scipy.signal.ShortTimeFFT(window, HOP, fs=1.0)
    # The slice p is centred on the frame p times the hop.
    first = WINDOW // 2 // HOP
    num_windows = (len(waveform) - WINDOW) // HOP + 1
    return np.abs(transform.stft(waveform.T, first, first + num_windows))


def expected_counts(mixture, references, estimates, silent_dbfs):
    of_mixture = magnitudes(mixture)
    # A tone between two frequencies of the transform is spread, one in the middle of a bin is not.
    tone = math.sqrt(2) * 10 ** (silent_dbfs / 20) * np.cos(2 * np.pi * np.arange(WINDOW) / 4)
    counted = of_mixture >= magnitudes(tone[:, None])[0, WINDOW // 4, 0]
    ideal = [magnitudes(each) >= of_mixture / 2 for each in references]
    right = []
    for n, j, scale in zip(*PAIRS, strict=True):
        answer = magnitudes(scale * estimates[n]) >= of_mixture / 2
        right.append(np.sum((answer == ideal[j])[counted]))
    return counted.sum(), [kept[counted].sum() for kept in ideal], right


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("num_frames", [WINDOW, WINDOW + HOP - 1, 40 * HOP + 3])
def test_counts_are_those_of_another_transform(channels, num_frames):
    references = noise(0, 2, num_frames, channels)
    references[0] *= np.linspace(0.2, 2, channels)
    mixture = references.sum(axis=0)
    estimates = 0.5 * references[[0, 1, 1]] + 0.3 * noise(1, 3, num_frames, channels)
    found = count_bins(mixture, references, estimates, PAIRS, HOP, -40)
    num_bins, num_kept, num_right = expected_counts(mixture, references, estimates, -40)
    assert 0 < num_bins < magnitudes(mixture).size
    assert found.num_bins == num_bins
    assert found.num_kept.tolist() == num_kept
    assert found.num_right.tolist() == num_right
    assert min(num_right) > 0


def test_blocks_change_nothing(monkeypatch):
    references = noise(0, 2, 500, 1)
    estimates = noise(1, 3, 500, 1)
    whole = count_bins(references.sum(axis=0), references, estimates, PAIRS, HOP, -60)
    monkeypatch.setattr(mask_bins, "_BLOCK_WINDOWS", 3)
    parts = count_bins(references.sum(axis=0), references, estimates, PAIRS, HOP, -60)
    assert parts.num_bins == whole.num_bins
    assert parts.num_kept.tolist() == whole.num_kept.tolist()
    assert parts.num_right.tolist() == whole.num_right.tolist()


def test_what_is_shorter_than_a_window_is_filled_up():
    references = noise(0, 2, WINDOW - 5, 1)
    estimates = noise(1, 3, WINDOW - 5, 1)
    widths = ((0, 0), (0, 5), (0, 0))
    filled = [np.pad(each, widths) for each in (references, estimates)]
    found = count_bins(references.sum(axis=0), references, estimates, PAIRS, HOP, -60)
    expected = count_bins(filled[0].sum(axis=0), *filled, PAIRS, HOP, -60)
    assert found.num_bins == expected.num_bins > 0
    assert found.num_right.tolist() == expected.num_right.tolist()


@pytest.mark.parametrize(("level_db", "num_bins"), [(0.01, 1), (-0.01, 0)])
def test_a_tone_counts_from_the_silent_level_on(level_db, num_bins):
    amplitude = math.sqrt(2) * 10 ** ((-60 + level_db) / 20)
    tone = amplitude * np.cos(2 * np.pi * np.arange(WINDOW) / 8)[:, None]
    found = count_bins(tone, [tone], [tone], PAIRS._replace(chosen=PAIRS.chosen[:0]), HOP, -60)
    assert found.num_bins == num_bins
    assert found.num_kept.tolist() == [num_bins]
