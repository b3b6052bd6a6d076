"""Whole waveforms out of windows."""

import numpy as np
import pytest

from trainer.exports import grid

ABOUT = {"hop_frames": 40, "lead_frames": 7, "mixture_frames": 55}


@pytest.mark.parametrize("num_frames", [1, 39, 40, 41, 80, 200, 333])
def test_a_network_that_sums_what_it_hears_around_a_frame_does_so_everywhere(num_frames):
    """Of seven frames before and eight behind, as a sum over the whole waveform gives."""
    rng = np.random.default_rng(num_frames)
    waveform = rng.standard_normal((num_frames, 2)).astype(np.float32)
    kernel = rng.standard_normal(16)
    heard = []

    def estimate(inputs):
        heard.append(sorted(inputs))
        mixture = inputs["mixture"]
        assert mixture.shape == (1, 55, 2)
        sums = [np.convolve(mixture[0, :, c], kernel, "valid") for c in range(2)]
        return inputs["labels"][:, :, None, None] * np.stack(sums, axis=1)[None, None]

    labels = np.array([1, 0, -1], np.float32)
    found = grid.separate(estimate, {**ABOUT, "takes_labels": True}, waveform, labels)
    padded = np.pad(waveform, ((7, 8), (0, 0)))
    whole = np.stack([np.convolve(padded[:, c], kernel, "valid") for c in range(2)], axis=1)
    np.testing.assert_allclose(found, labels[:, None, None] * whole, atol=1e-6)
    assert heard == [["labels", "mixture"]] * (-(-num_frames // 40))


def test_a_network_without_labels_gets_none():
    about = {**ABOUT, "takes_labels": False}
    waveform = np.ones((50, 1), np.float32)

    def estimate(inputs):
        assert list(inputs) == ["mixture"]
        return inputs["mixture"][:, None, 7:47]

    found = grid.separate(estimate, about, waveform, np.ones(1, np.float32))
    np.testing.assert_array_equal(found, waveform[None])
