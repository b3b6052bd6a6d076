import numpy as np
import pytest
import soundfile

from configs import instruments
from data_prep.audio import activity
from data_prep.synthetic import write_musdb
from evaluation.estimates import oracles
from evaluation.estimates.oracles import ORACLES
from tests.support.oracles import oracle_estimates

pytestmark = pytest.mark.slow

RATE = 22050


def tone(hertz, num_frames, rate=RATE):
    return 0.3 * np.sin(2 * np.pi * hertz * np.arange(num_frames) / rate)


def noise(shape, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
@pytest.mark.parametrize("channels", [1, 2])
def test_disjoint_spectra_are_recovered(rate, channels):
    tones = [tone(hertz, 2 * rate, rate) for hertz in (300, 1100, 2700)]
    references = np.zeros((4, 2 * rate, channels), np.float32)
    references[[0, 2, 3]] = np.stack(tones)[..., None] * np.linspace(1, 0.5, channels)
    inside = slice(rate // 4, -rate // 4)  # at its ends a tone is cut off and has every frequency
    estimates = oracle_estimates(references.sum(axis=0), references, rate)
    for name in ORACLES:
        snr = activity.snr(references[[0, 2, 3], inside], estimates[name][[0, 2, 3], inside])
        assert snr.min() > 40, name
        assert not estimates[name][1].any()


@pytest.mark.parametrize(
    ("channels", "num_frames"), [(1, 70_001), (2, 70_001), (1, 300), (2, 1), (1, 66_048)]
)
def test_the_ratio_mask_gives_away_the_mixture(channels, num_frames):
    references = noise((3, num_frames, channels))
    references[1, num_frames // 2 :] = 0
    mixture = references.sum(axis=0)
    estimates = oracle_estimates(mixture, references, RATE)
    assert tuple(estimates) == ORACLES
    for estimate in estimates.values():
        assert (estimate.shape, estimate.dtype) == (references.shape, np.float32)
        assert np.isfinite(estimate).all()
        assert not estimate[1, num_frames // 2 + 2048 :].any()  # a rest, once no window reaches it
    for name in ("IRM1", "MWF"):
        np.testing.assert_allclose(
            estimates[name].sum(axis=0), mixture, atol=1e-5 if channels == 2 else 1e-6
        )


def test_masks_are_what_they_are_called():
    shares = np.array([0.6, 0.45, -0.05], np.float32)  # of one and the same noise
    references = shares[:, None, None] * noise((1, 9000, 1))
    mixture = references.sum(axis=0)
    estimates = oracle_estimates(mixture, references, RATE)
    expected = {
        "IBM1": np.abs(shares) >= 0.5 * shares.sum(),
        "IRM1": np.abs(shares) / np.abs(shares).sum(),
        "MWF": shares**2 / np.square(shares).sum(),  # with one channel the ratio of powers
    }
    for name, mask in expected.items():
        np.testing.assert_allclose(
            estimates[name], mask[:, None, None] * mixture, atol=1e-6, err_msg=name
        )


@pytest.mark.parametrize(("delay_frames", "least_snr_db"), [(0, 40), (4, 20)])
def test_the_wiener_filter_tells_directions_apart(delay_frames, least_snr_db):
    """Two sources in two directions are two unknowns in two equations, whatever their spectra."""
    references = noise((2, 30_000, 1)) * np.array([[[1.0, 0.4]], [[0.3, -0.9]]], np.float32)
    references[0, :, 1] = np.roll(references[0, :, 1], delay_frames)
    estimates = oracle_estimates(references.sum(axis=0), references, RATE)
    assert activity.snr(references, estimates["MWF"]).min() > least_snr_db
    assert activity.snr(references, estimates["IRM1"]).max() < 15


def test_sources_alike_in_both_channels_are_filtered_as_in_one():
    mono = noise((3, 30_000, 1))
    stereo = np.repeat(mono, 2, axis=2)
    expected = oracle_estimates(mono.sum(axis=0), mono, RATE)
    found = oracle_estimates(stereo.sum(axis=0), stereo, RATE)
    for name in ORACLES:
        np.testing.assert_allclose(
            found[name], np.repeat(expected[name], 2, axis=2), atol=2e-5, err_msg=name
        )


@pytest.mark.parametrize("channels", [1, 2])
def test_blocks_change_nothing(monkeypatch, channels):
    references = noise((2, 20_000, channels))
    whole = oracle_estimates(references.sum(axis=0), references, RATE)
    monkeypatch.setattr(oracles, "_BLOCK_HOPS", 5)
    for name, estimate in oracle_estimates(references.sum(axis=0), references, RATE).items():
        np.testing.assert_allclose(estimate, whole[name], atol=1e-5)


def test_silence_and_lone_sources():
    references = np.zeros((3, 5000, 2), np.float32)
    assert not any(
        estimate.any() for estimate in oracle_estimates(references[0], references, RATE).values()
    )
    references[1] = noise((5000, 2))
    for estimate in oracle_estimates(references[1], references, RATE).values():
        np.testing.assert_allclose(estimate, references, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 2])
def test_oracles_lie_far_above_the_mixture_on_music(tmp_path, channels):
    write_musdb(tmp_path, num_pieces=4, secs=3.0, seed=5)
    folder = next(path for path in sorted(tmp_path.glob("t*/*")) if path.is_dir())
    read = [
        soundfile.read(folder / f"{name}.wav", dtype="float32", always_2d=True)
        for name in instruments.MUSDB
    ]
    references = np.stack([waveform for waveform, _ in read])
    references = references if channels == 2 else references.mean(axis=2, keepdims=True)
    mixture = references.sum(axis=0)
    before = activity.snr(references, mixture[None])
    for name, estimates in oracle_estimates(mixture, references, read[0][1]).items():
        assert (activity.snr(references, estimates) > before + 3).all(), name
