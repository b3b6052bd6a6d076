"""ICA and PCA: known mixtures, the same as scikit-learn on the whole, refusals."""

import numpy as np
import pytest
from sklearn.decomposition import PCA, FastICA

from data_prep.audio.tracks import AudioFormat
from evaluation.classical import unmixing
from evaluation.classical.unmixing import ica, image_matrices, pca
from evaluation.metrics.si_sdr import si_sdr

RATE = 8000
MIXING = np.array([[1.0, 0.5], [0.3, -0.8]])


def independent_sources(num_frames=40_000, seed=0):
    """Two waveforms (frames, 2) whose values are independent and no Gaussian noise."""
    rng = np.random.default_rng(seed)
    tone = np.sin(2 * np.pi * 313 * np.arange(num_frames) / RATE)
    return 0.2 * np.stack([tone, rng.laplace(size=num_frames)], axis=1)


def separate(method, song, num_blocks=1):
    blocks = np.array_split(song, num_blocks)
    for_song = method.for_song(lambda: iter(blocks), AudioFormat(RATE, song.shape[1]))
    return np.concatenate(list(for_song.iter_stream_separated(blocks, RATE, None)), axis=1)


def images(sources):
    """Each source as it lies in the channels, (2, frames, 2)."""
    return np.einsum("ck,tk->ktc", MIXING, sources)


def test_ica_unmixes_what_was_mixed():
    truth = images(independent_sources())
    song = truth.sum(axis=0).astype(np.float32)
    estimates = separate(ica(), song)
    # The louder component comes first.
    order = np.argsort(-np.square(truth).sum(axis=(1, 2)))
    assert si_sdr(truth[order], estimates, axis=(-2, -1)).min() > 20
    np.testing.assert_allclose(estimates.sum(axis=0), song, atol=1e-6)
    # Each component has one direction.
    for estimate in estimates:
        assert np.linalg.svd(estimate, compute_uv=False)[1] < 1e-4


def test_ica_is_that_of_scikit_learn_on_the_whole(monkeypatch):
    song = images(independent_sources()).sum(axis=0).astype(np.float32)
    theirs = FastICA(whiten="unit-variance", random_state=1).fit(song.astype(np.float64))
    expected = image_matrices(theirs.components_)
    expected = expected[np.argsort(-np.square(expected).sum(axis=(1, 2)))]
    expected = np.einsum("kcd,td->ktc", expected, song)
    found = separate(ica(), song, num_blocks=7)
    found = found[np.argsort([np.abs(found[k] - expected[0]).sum() for k in (0, 1)])]
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(song).max())
    # Of every eighth frame it is nearly the same.
    monkeypatch.setattr(unmixing, "_MOST_FRAMES", len(song) // 5)
    few = separate(ica(), song)
    few = few[np.argsort([np.abs(few[k] - expected[0]).sum() for k in (0, 1)])]
    assert si_sdr(expected, few, axis=(-2, -1)).min() > 25


def test_pca_is_that_of_scikit_learn_on_the_whole():
    song = images(independent_sources()).sum(axis=0).astype(np.float32)
    directions = PCA().fit(song.astype(np.float64)).components_
    expected = np.stack([song @ np.outer(row, row) for row in directions])
    found = separate(pca(), song, num_blocks=3)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=0), song, atol=1e-6)
    assert np.square(found[0]).sum() > np.square(found[1]).sum()


@pytest.mark.parametrize("method", [ica, pca])
def test_the_same_song_gives_the_same_bytes(method):
    song = images(independent_sources(9000)).sum(axis=0).astype(np.float32)
    assert separate(method(), song).tobytes() == separate(method(), song).tobytes()


@pytest.mark.parametrize("method", [ica, pca])
@pytest.mark.parametrize("direction", [(1, 1), (0.5, -0.25), (0, 1), (0, 0)])
def test_where_both_channels_are_alike_the_first_component_is_all(method, direction):
    mono = independent_sources(9000)[:, :1]
    song = (mono * np.array([direction])).astype(np.float32)
    first, second = separate(method(), song)
    np.testing.assert_allclose(first + second, song, atol=1e-6)
    assert np.abs(second).max() < 1e-6


@pytest.mark.parametrize("method", [ica, pca])
def test_a_song_of_one_frame_is_kept(method):
    song = np.array([[0.5, -0.25]], np.float32)
    np.testing.assert_allclose(separate(method(), song).sum(axis=0), song, atol=1e-6)


@pytest.mark.parametrize(
    ("method", "channels", "words"),
    [
        (ica, 1, r"ica tells two components apart by .*this is sound of 1 channel\."),
        (pca, 6, r"pca tells .* of 6 channels; --downmix makes two of more\."),
    ],
)
def test_sound_without_two_channels_is_refused(method, channels, words):
    with pytest.raises(ValueError, match=words):
        method().for_song(list, AudioFormat(RATE, channels))
