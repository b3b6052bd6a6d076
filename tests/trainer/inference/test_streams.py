"""Streams of blocks: their mean, and how little of them is held."""

import numpy as np
import pytest
import soxr

from data_prep.audio.tracks import BLOCK_FRAMES
from trainer.inference import streams


class Read:
    """Yields a waveform (N, K, T, C) in blocks, and knows how much of it was asked for."""

    def __init__(self, whole, lengths):
        self._blocks = iter(np.split(whole, np.cumsum(lengths)[:-1], axis=2))
        self.num_frames = 0

    def __iter__(self):
        return self

    def __next__(self):
        block = next(self._blocks)
        self.num_frames += block.shape[2]
        return block


@pytest.mark.parametrize(
    "lengths",
    [
        [[12]],
        [[12], [12]],
        [[12], [5, 7], [1, 0, 11]],
        [[0, 6, 6], [6, 6, 0], [2] * 6, [1] * 12],
        [[0], [0]],
        [[0], [0, 0]],
    ],
)
def test_the_mean_of_streams_in_any_blocks(lengths):
    shape = (len(lengths), 2, 3, sum(lengths[0]), 2)
    wholes = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    before = wholes.copy()
    read = [Read(whole, each) for whole, each in zip(wholes, lengths, strict=True)]
    longest = max(max(each) for each in lengths)
    parts = []
    num_out = 0
    for part in streams.mean(read):
        parts.append(part)
        num_out += part.shape[2]
        # No stream runs ahead of what is out by more than a block.
        assert max(each.num_frames for each in read) - num_out <= longest
    found = np.concatenate(parts, axis=2)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wholes.mean(axis=0), atol=1e-6)
    np.testing.assert_array_equal(wholes, before)


def test_a_low_rate_takes_no_more_memory_and_pieces_change_nothing():
    waveform = np.random.default_rng(1).standard_normal((1, 5000, 2)).astype(np.float32)
    expected = soxr.resample(waveform[0], 100, 22050, quality="HQ")
    blocks = list(streams.resample(iter([waveform]), 100, 22050))
    assert max(block.shape[1] for block in blocks) < 4 * BLOCK_FRAMES
    found = np.concatenate(blocks, axis=1)[0]
    np.testing.assert_array_equal(found, expected[: len(found)])
    assert len(found) == len(expected)
