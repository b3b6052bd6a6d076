"""The Wiener filter of all sources together, and estimates behind it."""

import os
import subprocess

import numpy as np
import pytest

import configs
from evaluation.estimates.filtered import filtered
from evaluation.estimates.wiener import filter_together
from trainer.inference.base import BaseSeparator

# Has torch and openunmix: make test-extras TORCH_PYTHON=/path/to/python.
PYTHON = os.environ.get("TORCH_PYTHON", "")
# Axes: (K, M, C, F) here; in the package (M, F, C, K), and the mixture (M, F, C, 2).
THEIRS = """
import sys, numpy, torch
from openunmix.filtering import wiener
given = numpy.load(sys.argv[1])
magnitudes = torch.from_numpy(given["magnitudes"].transpose(1, 3, 2, 0).copy())
mixture = torch.view_as_real(torch.from_numpy(given["mixture"].transpose(0, 2, 1).copy()))
found = wiener(magnitudes, mixture, iterations=int(sys.argv[3]))
found = torch.view_as_complex(found.permute(4, 0, 2, 1, 3).contiguous())
numpy.save(sys.argv[2], found.numpy())
"""
CONFIG = configs.load("smoke_mask", ["audio.channels=2", "data.sources=guitar,rest"])


def spectra(seed, *shape):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def written_plainly(mixture, magnitudes, num_iterations):
    """The same, a bin at a time, with matrices as they are written."""
    num_sources, num_windows, num_channels, num_bins = magnitudes.shape
    scale = max(1, np.abs(mixture).max() / 10)
    x = mixture / scale
    s = magnitudes / scale * x / np.abs(x)
    for _ in range(num_iterations):
        new = np.zeros_like(s)
        for f in range(num_bins):
            power = np.mean(np.abs(s[..., f]) ** 2, axis=2)
            outer = [
                sum(np.outer(s[k, m, :, f], s[k, m, :, f].conj()) for m in range(num_windows))
                / (1e-10 + power[k].sum())
                for k in range(num_sources)
            ]
            for m in range(num_windows):
                model = [power[k, m] * outer[k] for k in range(num_sources)]
                inverse = np.linalg.inv(1e-5 * np.eye(num_channels) + sum(model))
                for k in range(num_sources):
                    new[k, m, :, f] = model[k] @ inverse @ x[m, :, f]
        s = new
    return s * scale


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("level", [0.1, 50.0])
def test_it_is_what_its_equations_say(channels, level):
    mixture = level * spectra(0, 5, channels, 3)
    magnitudes = level * np.abs(spectra(1, 3, 5, channels, 3))
    for num_iterations in (0, 1, 2):
        found = filter_together(mixture, magnitudes, num_iterations)
        expected = written_plainly(mixture, magnitudes, num_iterations)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9 * level)


def test_what_is_silent_stays_so_and_the_rest_adds_up():
    mixture = 30 * spectra(0, 20, 2, 9)
    magnitudes = 30 * np.abs(spectra(1, 3, 20, 2, 9))
    magnitudes[1] = 0
    found = filter_together(mixture, magnitudes, 1)
    assert not found[1].any()
    np.testing.assert_allclose(found.sum(axis=0), mixture, atol=1e-3)


class Halves(BaseSeparator):
    """Estimates sources as parts of what it hears, in blocks of its own."""

    config = CONFIG
    origin = "halves"

    def identity(self):
        return {"weights": "none"}

    def iter_estimates(self, heard, labels):
        del labels
        whole = np.concatenate(list(heard), axis=1)
        # The first source is more to the left.
        shares = np.array([[0.8, 0.3], [0.2, 0.7]], np.float32)
        estimates = shares[None, :, None] * whole[:, None]
        yield from np.split(estimates, [3, 5000], axis=2)


def stereo(seed, num_frames):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((num_frames, 2)).astype(np.float32)


@pytest.mark.parametrize("num_frames", [1, 700, 20_001])
def test_estimates_are_as_long_as_what_came_however_it_comes(num_frames):
    separator = filtered(Halves(), 1)
    sounds = np.stack([stereo(seed, num_frames) for seed in range(2)])
    whole = np.concatenate(list(separator.iter_estimates([sounds], None)), axis=2)
    assert whole.shape == (2, 2, num_frames, 2)
    cuts = np.split(sounds, [num_frames // 3], axis=1)
    in_parts = np.concatenate(list(separator.iter_estimates(cuts, None)), axis=2)
    np.testing.assert_allclose(in_parts, whole, atol=1e-6)
    # Each sound is filtered by itself.
    (first,) = np.concatenate(list(separator.iter_estimates([sounds[:1]], None)), axis=2)
    np.testing.assert_allclose(first, whole[0], atol=1e-6)
    if num_frames > 1:
        # A single one lies at the edges of windows, and is lost in the noise that is assumed.
        np.testing.assert_allclose(whole.sum(axis=1), sounds, atol=1e-4)


def test_it_says_what_it_is():
    separator = filtered(Halves(), 2)
    assert separator.identity() == {"weights": "none", "wiener": 2}
    assert separator.origin == "halves, Wiener filter of 2 iterations"
    plain = Halves()
    assert filtered(plain, 0) is plain


def test_one_source_alone_is_refused():
    plain = Halves()
    plain.config = configs.load("smoke_mask", ["data.sources=vn"])
    with pytest.raises(ValueError, match="at least two sources, and this network estimates vn"):
        filtered(plain, 1)


@pytest.mark.extras
@pytest.mark.skipif(not PYTHON, reason="no TORCH_PYTHON, which has torch and openunmix")
@pytest.mark.parametrize("num_iterations", [1, 3])
def test_it_is_that_of_open_unmix(tmp_path, num_iterations):
    # A stretch of its own, in stereo, as loud as music is.
    mixture = 40 * spectra(0, 300, 2, 65)
    magnitudes = 20 * np.abs(spectra(1, 4, 300, 2, 65))
    given = tmp_path / "given.npz"
    np.savez(given, mixture=mixture, magnitudes=magnitudes)
    theirs = tmp_path / "theirs.npy"
    subprocess.run([PYTHON, "-c", THEIRS, given, theirs, str(num_iterations)], check=True)
    expected = np.load(theirs)
    found = filter_together(mixture, magnitudes, num_iterations)
    difference = np.abs(found - expected).max() / np.abs(expected).max()
    print(f"largest difference: {difference:.2g} of the largest bin")
    assert difference < 1e-4
