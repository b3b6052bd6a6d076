"""How far apart sounds are, against loops over pairs."""

import numpy as np
import pytest
import scipy.signal

from trainer.tasks.generation.distances import (
    all_distances,
    log_spectral_distances,
    median_distance,
    spectral_levels,
    squared_mmd,
)

RNG = np.random.default_rng(0)
SOUNDS = RNG.normal(scale=0.1, size=(5, 3000)).astype(np.float32)
OTHERS = RNG.normal(scale=0.3, size=(4, 3000)).astype(np.float32)


def test_levels_are_decibels_of_a_sine_and_end_at_the_floor():
    sine = np.sin(2 * np.pi * 100 / 1024 * np.arange(2048)).astype(np.float32)
    levels = spectral_levels(np.stack([sine, 0 * sine]))
    assert levels.shape == (2, 5, 513)
    np.testing.assert_allclose(levels[0, :, 100], 0, atol=1e-3)
    assert (levels[1] == -80).all()
    _, _, spectra = scipy.signal.stft(
        SOUNDS, nperseg=1024, noverlap=768, boundary=None, padded=False
    )
    expected = 20 * np.log10(2 * np.abs(spectra).transpose(0, 2, 1))
    np.testing.assert_allclose(spectral_levels(SOUNDS), np.maximum(expected, -80), atol=0.02)


def test_short_sounds_have_a_column():
    assert spectral_levels(SOUNDS[:, :100]).shape == (5, 1, 513)


def test_distances_are_those_of_each_pair():
    levels, others = spectral_levels(SOUNDS), spectral_levels(OTHERS)
    expected = np.array(
        [[np.sqrt(((a - b) ** 2).mean(axis=1)).mean() for b in others] for a in levels]
    )
    np.testing.assert_allclose(all_distances(levels, others), expected, rtol=1e-5)
    pairs = log_spectral_distances(levels[:4], others)
    np.testing.assert_allclose(pairs, np.diag(expected), rtol=1e-5)
    # A gain of 6.02 dB is as far as that.
    louder = log_spectral_distances(levels, spectral_levels(2 * SOUNDS))
    np.testing.assert_allclose(louder, 6.02, atol=0.01)


def test_discrepancy_is_the_sum_over_pairs_and_nothing_for_one_kind():
    levels, others = spectral_levels(SOUNDS), spectral_levels(OTHERS)

    def kernel(a, b):
        return np.exp(-np.mean((a - b) ** 2, dtype=np.float64) / (2 * 5.0**2))

    pairs = [(i, j) for i in range(5) for j in range(5) if i != j]
    within = np.mean([kernel(levels[i], levels[j]) for i, j in pairs])
    pairs = [(i, j) for i in range(4) for j in range(4) if i != j]
    within_others = np.mean([kernel(others[i], others[j]) for i, j in pairs])
    across = np.mean([kernel(a, b) for a in levels for b in others])
    found = squared_mmd(levels, others, 5.0)
    assert found == pytest.approx(within + within_others - 2 * across, rel=1e-6)

    many = spectral_levels(RNG.normal(scale=0.1, size=(60, 1024)).astype(np.float32))
    same = squared_mmd(many[:30], many[30:], median_distance(many))
    loud = spectral_levels(RNG.normal(scale=0.2, size=(30, 1024)).astype(np.float32))
    assert abs(same) < 0.01
    assert squared_mmd(many[:30], loud, median_distance(many)) > 0.1
