"""Spectrograms against a transform written out, and levels against sums done by hand."""

import numpy as np
import pytest

from data_prep.audio.spectrograms import levels_db, power_spectrogram, window_frames


def test_windows_are_powers_of_two():
    assert [window_frames(rate) for rate in (22050, 44100, 48000, 1)] == [2048, 4096, 4096, 8]
    assert window_frames(22050, 0.064) == 1024


@pytest.mark.parametrize(("num_frames", "hop"), [(1, 1), (5, 3), (64, 16), (200, 7), (200, 300)])
def test_each_column_is_the_power_of_a_window_around_its_frame(num_frames, hop):
    window = 16
    waveform = np.random.default_rng(0).standard_normal((num_frames, 2))
    power = power_spectrogram(waveform, window, hop)
    padded = np.pad(waveform.mean(axis=1), window)
    shape = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    turns = np.outer(np.arange(window // 2 + 1), np.arange(window)) / window
    expected = [
        np.abs(np.exp(-2j * np.pi * turns) @ (padded[frame + window // 2 :][:window] * shape)) ** 2
        for frame in range(0, num_frames + 1, hop)
    ]
    np.testing.assert_allclose(power, np.stack(expected, axis=1), atol=1e-12)


def test_levels_are_relative_to_the_loudest():
    power = np.array([[0.0, 1e-9, 0.02, 2.0]])
    assert levels_db(power, 2.0, 70).tolist() == [[-70.0, -70.0, pytest.approx(-20.0), 0.0]]
    assert levels_db(np.zeros((1, 2)), 0.0, 70).tolist() == [[-70.0, -70.0]]
