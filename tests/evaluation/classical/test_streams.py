"""Songs in blocks: their spectra, what masks leave of them, and samples of what comes."""

import numpy as np
import pytest

from evaluation.classical.samples import EvenSample
from evaluation.classical.streams import mask_stream, shares
from evaluation.estimates.short_time import CONTEXT, iter_spectra, iter_waveforms, to_spectra

RATE = 8000
HOP = round(512 / 22050 * RATE)


def noise(num_frames, channels=2, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal((num_frames, channels))).astype(np.float32)


def in_blocks(song, sizes, seed=0):
    """A song in blocks of any of some sizes."""
    rng = np.random.default_rng(seed)
    start = 0
    while start < len(song):
        size = int(rng.choice(sizes))
        yield song[start : start + size]
        start += size


@pytest.mark.parametrize("num_frames", [1, HOP, 4 * HOP, 31 * HOP + 5, 35 * HOP, 99 * HOP - 1])
def test_every_window_that_touches_a_song_comes_once(num_frames):
    song = noise(num_frames)
    num_hops = -(-num_frames // HOP)
    behind = (num_hops + CONTEXT) * HOP - num_frames
    expected = to_spectra(np.pad(song, ((CONTEXT * HOP, behind), (0, 0)))[None], HOP)[0]
    assert len(expected) == num_hops + CONTEXT
    for sizes in ([num_frames], [1, HOP, 3000], [50 * HOP]):
        found = np.concatenate(list(iter_spectra(in_blocks(song, sizes), HOP)))
        np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("num_frames", [1, HOP - 1, 40 * HOP, 77_777])
def test_spectra_turn_back_into_the_song(num_frames):
    song = noise(num_frames, channels=1)
    spectra = np.concatenate(list(iter_spectra([song], HOP)))[None]
    pieces = np.array_split(spectra, [1, 2, 7], axis=1)
    found = np.concatenate(list(iter_waveforms(pieces, HOP)), axis=1)[0]
    assert len(found) == -(-num_frames // HOP) * HOP
    np.testing.assert_allclose(found[:num_frames], song, atol=1e-7)


def test_masks_that_sum_to_one_give_the_song_away():
    song = noise(20_001)

    def thirds(blocks):
        for spectra in blocks:
            parts = np.stack([np.abs(spectra), np.zeros(spectra.shape), 2 * np.abs(spectra)])
            yield spectra, shares(parts)

    parts = list(mask_stream(in_blocks(song, [700, 5000]), RATE, thirds))
    estimates = np.concatenate(parts, axis=1)
    assert estimates.dtype == np.float32
    for estimate, share in zip(estimates, (1 / 3, 0, 2 / 3), strict=True):
        np.testing.assert_allclose(estimate, share * song, atol=1e-7)


def test_of_nothing_all_have_the_same_share():
    parts = np.array([[0.0, 3.0], [0.0, 1.0]])
    np.testing.assert_array_equal(shares(parts), [[0.5, 0.75], [0.5, 0.25]])


@pytest.mark.parametrize("sizes", [[1000], [1, 5, 64], [17]])
def test_a_sample_is_even_whatever_the_blocks(sizes):
    stream = np.arange(1000)
    sample = EvenSample(100, keep=lambda rows: 2 * rows)
    assert sample.rows() is None
    for block in in_blocks(stream, sizes):
        sample.add(block)
    np.testing.assert_array_equal(sample.rows(), 2 * np.arange(0, 1000, 16))
