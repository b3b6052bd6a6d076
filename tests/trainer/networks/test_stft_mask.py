"""Masks on spectrograms: what they estimate, what they learn from, and how large the network is."""

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

import configs
from evaluation.estimates.oracles import oracle_stretch
from tests.support.estimates import estimates_of
from trainer.inference.separator import Separator
from trainer.inference.tiling import make_block_estimator
from trainer.networks import make_network
from trainer.networks.spectra import Transform, magnitudes, mel_hats
from trainer.tasks.separation.step import loss_of_batch

SMALL = [
    "model.kind=stft_mask",
    "model.window_frames=256",
    "model.estimate_frames=1000",
    "model.width=12",
    "model.depth=3",
    "model.context_columns=4",
    "data.sources=cl,fl,vn",
    "data.context_frames=20000",
]
SLOW = pytest.mark.slow
BODIES = ["tcn", "unet", *(pytest.param(body, marks=SLOW) for body in ("lstm", "blstm"))]


def config_of(*overrides):
    return configs.load("smoke", [*SMALL, *overrides])


def noise(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def estimate(network, mixture, longest, labels=(1, 0, 1)):
    estimator = make_block_estimator(network, longest)
    blocks = estimator([mixture[None]], {"labels": np.array(labels, np.float32)})
    return np.concatenate(list(blocks), axis=2)[0]


@pytest.mark.parametrize(
    ("num_frames", "channels"),
    [(1, 1), (5001, 2), *(pytest.param(*sizes, marks=SLOW) for sizes in ((63, 2), (65, 1)))],
)
def test_masks_of_a_single_source_give_the_whole_track_back(num_frames, channels):
    config = config_of("data.sources=vn", "model.mask=softmax", f"audio.channels={channels}")
    mixture = noise(num_frames, channels)
    separator = Separator(config, make_network(config))
    estimates = separator.estimate(mixture, ["vn"])
    np.testing.assert_allclose(estimates[0], mixture, atol=1e-6)


@pytest.mark.parametrize("as_products", [False, True])
def test_columns_are_those_of_scipy_and_their_energy_is_one_and_a_half_that_of_the_frames(
    as_products,
):
    waveform = np.pad(noise(4032), 256)
    window = scipy.signal.get_window("hann", 256)
    transform = scipy.signal.ShortTimeFFT(window, hop=64, fs=1, phase_shift=None)
    expected = transform.stft(waveform, p0=2, p1=2 + (len(waveform) - 192) // 64)
    ours = Transform(256, as_products)
    real, imaginary = ours.columns(waveform[None])
    found = (np.asarray(real) + 1j * np.asarray(imaginary))[0].T
    np.testing.assert_allclose(found, expected, atol=2e-5)
    # Parseval: of a real waveform all bins but the first and the last count twice.
    power = np.square(np.abs(found))
    energy = (2 * power.sum() - power[0].sum() - power[-1].sum()) / 256
    assert energy == pytest.approx(1.5 * np.square(waveform).sum(), rel=1e-6)
    back = np.asarray(ours.frames((real, imaginary)))[0]
    np.testing.assert_allclose(back, waveform[192 : 192 + len(back)], atol=2e-6)


def test_the_gradient_of_a_spectrum_is_that_of_products_with_matrices():
    spectrum = [tf.constant(noise(2, 7, 129)), tf.constant(noise(2, 7, 129))]
    slopes = tf.constant(noise(2, 256))
    gradients = []
    for as_products in (False, True):
        with tf.GradientTape() as tape:
            tape.watch(spectrum)
            total = tf.reduce_sum(slopes * Transform(256, as_products).frames(spectrum))
        gradients.append(tape.gradient(total, spectrum))
    for found, expected in zip(*gradients, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)
        assert np.abs(expected).max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("body", ["tcn", "unet"])
@pytest.mark.parametrize("num_frames", [pytest.param(1, marks=SLOW), 4000])
def test_the_length_of_the_window_changes_nothing(body, num_frames):
    network = make_network(config_of(f"model.body={body}"))
    mixture = noise(num_frames, 1)
    short = estimate(network, mixture, 700)
    long = estimate(network, mixture, 2**14)
    assert short.shape == (3, num_frames, 1)
    np.testing.assert_allclose(short, long, atol=1e-5)
    assert np.abs(long).max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("body", ["blstm", "lstm"])
def test_of_a_recurrent_body_a_longer_context_changes_less(body):
    mixture = noise(6000, 1)

    def difference(context_columns):
        network = make_network(
            config_of(f"model.body={body}", f"model.context_columns={context_columns}")
        )
        apart = estimate(network, mixture, 512) - estimate(network, mixture, 2**14)
        return np.abs(apart).max()

    assert difference(40) < difference(2) / 10


def test_true_masks_in_place_of_the_body_score_as_the_oracle():
    config = configs.load(
        "smoke",
        [*SMALL, "model.window_frames=2048", "model.mask=binary", "model.conditioning=none"],
    )
    network = make_network(config)
    sources = noise(3, 22050, 1) * np.linspace(0.3, 1, 22050)[:, None] ** [[[1]], [[3]], [[9]]]
    sources = sources.astype(np.float32)
    mixture = sources.sum(axis=0)
    window = network.window(len(mixture))
    behind = window.mixture_frames - window.lead_frames - len(mixture)
    padding = [(window.lead_frames, behind), (0, 0)]
    padded = np.pad(sources, [(0, 0), *padding])
    transform = Transform(2048)
    # (K, 1, T) -> (K, 1, M, F), the decisions of whole columns
    true = 2 * magnitudes(transform.columns(padded.transpose(0, 2, 1)))
    ours = true - magnitudes(transform.columns(padded.sum(axis=0).T[None]))
    first = window.context_columns
    decisions = ours[:, :, first : first + window.num_masked]

    class Knowing:
        name = "knowing"

        def encode(self, features):
            return features

        def decode(self, _encoded, _vector):
            return tf.transpose(decisions, (2, 0, 1, 3))[None]

    network.bodies = [Knowing()]
    labels = np.ones((1, 3), np.float32)
    found = network(np.pad(mixture, padding)[None], {"labels": labels})["estimates"]
    found = found.numpy()[0, :, : len(mixture)]
    oracle = oracle_stretch(
        lambda start, stop: (mixture[start:stop], sources[:, start:stop]),
        len(mixture),
        0,
        len(mixture),
        22050,
        np.tile(np.eye(1), (3, 1025, 1, 1)),
    )["IBM1"]
    for k, source in enumerate(sources):
        energies = [np.square(source - each[k]).sum() for each in (found, oracle)]
        assert 10 * np.log10(energies[0] / energies[1]) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("body", BODIES)
def test_labels_of_one_example_move_no_other(body):
    network = make_network(config_of(f"model.body={body}", "model.mask=softmax"))
    mixture = np.repeat(noise(1, network.window().mixture_frames, 1), 2, axis=0)
    before = estimates_of(network, mixture, np.array([[1, 1, 1], [1, 0, 1]], np.float32))
    after = estimates_of(network, mixture, np.array([[1, 1, 1], [0, 1, 0]], np.float32))
    np.testing.assert_array_equal(before[0], after[0])
    assert np.abs(before[1] - after[1]).max() > 1e-3


def test_softmax_masks_add_up_to_the_mixture_over_the_slots_that_play():
    network = make_network(config_of("model.mask=softmax"))
    window = network.window()
    mixture = noise(3, window.mixture_frames, 1)
    # The last one's labels are not known.
    labels = np.array([[1, 0, 1], [0, 0, 0], [-1, -1, -1]], np.float32)
    estimates = np.asarray(estimates_of(network, mixture, labels))
    heard = mixture[:, window.margin_frames : -window.margin_frames]
    np.testing.assert_allclose(estimates[[0, 2]].sum(axis=1), heard[[0, 2]], atol=2e-6)
    assert not estimates[0, 1].any()
    assert not estimates[1].any()
    assert estimates[2].any(axis=(1, 2)).all()


def test_binary_masks_learn_from_the_cross_entropy_with_the_ideal_ones():
    config = config_of("model.mask=binary", "model.conditioning=none")
    network = make_network(config)
    window = network.window()
    sources = noise(1, 3, window.mixture_frames, 1) * np.float32([1, 0.5, 0])[None, :, None, None]
    middle = slice(window.margin_frames, -window.margin_frames)
    batch = {
        "mixture": sources.sum(axis=1),
        "sources": sources[:, :, middle],
        "labels": np.array([[1, 1, 0]], np.float32),
    }
    decisions = network(batch["mixture"], {"labels": batch["labels"]})["decisions"]
    decisions = np.asarray(decisions)[0, :, 0, 3:-3]
    transform = scipy.signal.ShortTimeFFT(scipy.signal.get_window("hann", 256), hop=64, fs=1)

    def spectra(waveform):
        last = 2 + (len(waveform) - 192) // 64
        return np.abs(transform.stft(waveform.astype(np.float64), p0=2, p1=last)).T

    mixture = spectra(batch["mixture"][0, middle, 0])
    ideal = np.stack([spectra(each[middle, 0]) >= mixture / 2 for each in sources[0]])
    right = np.where(ideal, 1 / (1 + np.exp(-decisions)), 1 / (1 + np.exp(decisions)))
    expected = np.mean(-np.log(right) * mixture / mixture.mean())
    assert float(loss_of_batch(network, batch, config)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("body", BODIES)
def test_bfloat16_gives_nearly_the_same_in_float32(body):
    overrides = [f"model.body={body}", "audio.channels=2", "model.mask=softmax"]
    exact = make_network(config_of(*overrides))
    rounded = make_network(config_of(*overrides, "train.compute_dtype=bfloat16"))
    mixture = noise(1, exact.window().mixture_frames, 2)
    labels = np.ones((1, 3), np.float32)
    expected = np.asarray(estimates_of(exact, mixture, labels))
    found = np.asarray(estimates_of(rounded, mixture, labels))
    assert found.dtype == np.float32
    assert 0 < np.abs(found - expected).max() < 0.1


@pytest.mark.slow
def test_the_number_of_parameters():
    def count(*overrides):
        return make_network(config_of(*overrides)).count_params()

    plain = ["model.conditioning=none", "model.width=12", "model.depth=3"]
    bins = 129
    blocks = 3 * ((3 * 12 + 1) * 12 + (12 + 1) * 12 + 2 * 12)
    tcn = (bins + 1) * 12 + blocks + 2 * 12 + (12 + 1) * 3 * bins
    assert count("model.body=tcn", *plain) == tcn
    assert count("model.body=tcn", *plain[1:]) == tcn + 2 * 3 * 12
    lstm = 4 * 12 * (bins + 12 + 1) + 2 * 4 * 12 * (12 + 12 + 1) + (12 + 1) * 3 * bins
    assert count("model.body=lstm", *plain) == lstm
    down = [(25 * a + 1) * b for a, b in ((1, 12), (12, 24), (24, 48))]
    up = [(25 * a + 1) * b for a, b in ((48, 24), (48, 12), (24, 12))]
    assert count("model.body=unet", *plain) == sum(down) + sum(up) + (12 + 1 + 1) * 3


@pytest.mark.slow
def test_the_recurrent_body_has_open_unmix_s_number_of_parameters():
    network = make_network(configs.load("musdb_mask", ["data.sources=vocals"]))
    # Open-Unmix 1.3.0 says 8,893,348 of a target with these sizes. Its recurrent layers have every
    # bias twice.
    twice = 3 * 2 * 4 * 256
    assert network.count_params() == 8_893_348 - twice


def test_the_earlier_system_s_network_has_its_size():
    assert 280_000 < make_network(configs.load("vocals_lstm")).count_params() < 330_000


def test_bands_share_every_bin():
    hats = mel_hats(64, 1025, 22050)
    np.testing.assert_allclose(hats.sum(axis=0), 1, atol=1e-6)
    assert (np.count_nonzero(hats, axis=0) <= 2).all()
    peaks = 700 * (10 ** (np.arange(64) / 63 * np.log10(1 + 11025 / 700)) - 1)
    widest = hats.argmax(axis=1)[40:] * 11025 / 1024
    np.testing.assert_allclose(widest, peaks[40:], atol=11025 / 1024)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("model.window_frames=255", "model.window_frames is 255; expected a multiple of 4."),
        ("model.num_bins=130", "model.num_bins is 130; expected at most 129, of a window of 256"),
        ("model.num_bands=1", "model.num_bands is 1; expected 0 or at least 2."),
        ("model.body=gru", "model.body is 'gru'; expected one of tcn, unet, blstm, lstm."),
        ("model.context_columns=400", "data.context_frames is 20000; the network reads 25792"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(override, sentence):
    with pytest.raises(ValueError, match=sentence):
        config_of("model.body=blstm", override)


def test_a_unet_has_as_many_levels_as_its_bins_can_be_halved():
    with pytest.raises(ValueError, match=r"model\.depth is 8; expected 1 to 8: each level"):
        config_of("model.body=unet", "model.depth=8")
