"""Networks that make single sounds: sizes as published, convolutions by their sums, what is heard."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

import configs
from trainer.networks import make_network
from trainer.networks.generator.convolutions import Down, Up, shifted
from trainer.networks.generator.critic import make_critic
from trainer.networks.generator.network import levels
from trainer.networks.network import iter_seeds

SMALL = [
    "model.num_frames=64",
    "model.num_levels=2",
    "model.filters=3",
    "model.latents=5",
    "task.attack_secs=0.001",
]


def settings_of(*overrides):
    words = ["model.body=convolutions", "model.hears=waveform", "task.stft=0", *SMALL, *overrides]
    return configs.load("one_shots", words)


def test_sizes_are_those_that_were_published():
    """WaveGAN's table of layers, summed by hand: docs/one-shots.md."""
    config = configs.load("one_shots_wavegan_64")
    assert make_network(config).count_params() == 19_065_345
    assert make_critic(config).count_params() == 17_427_969


@pytest.mark.parametrize(("size", "units"), [("small", [9]), ("large", [384, 96, 24])])
def test_dense_sizes_follow_from_their_layers(size, units):
    network = make_network(configs.load(f"one_shots_dense_{size}_relu"))
    down = [16_384, *units, 2]
    up = [2, *reversed(units), 16_384]
    expected = sum((a + 1) * b for way in (down, up) for a, b in pairwise(way))
    assert network.count_params() == expected


def test_convolutions_keep_a_frame_of_four_and_make_four_of_one():
    """The sums of TensorFlow's padding: 10 frames before, 11 behind."""
    model = settings_of("model.num_levels=1", "model.filters=1").model
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, 64, 1)).astype(np.float32)
    down = Down(model, iter_seeds(1), "float32")
    found = down(x)[0, :, 0]
    kernel = down._convolutions[0].kernel.numpy()[:, 0, 0]
    padded = np.pad(x[0, :, 0], (10, 11))
    sums = np.array([padded[4 * i : 4 * i + 25] @ kernel for i in range(16)])
    np.testing.assert_allclose(found, np.where(sums > 0, sums, 0.2 * sums), atol=1e-5)

    up = Up(model, iter_seeds(1), "float32")
    latents = rng.normal(size=(1, 5)).astype(np.float32)
    found = up(latents)[0, :, 0]
    columns = np.maximum(latents @ up.dense.kernel.numpy() + up.dense.bias.numpy(), 0)[0]
    kernel = up._convolutions[0].kernel.numpy()[:, 0, 0]
    spread = np.zeros(4 * 16 + 21)
    for i, value in enumerate(columns):
        spread[4 * i : 4 * i + 25] += value * kernel
    np.testing.assert_allclose(found, np.tanh(spread[10 : 10 + 64]), atol=1e-5)


@pytest.mark.parametrize("shift", [-2, 0, 1])
def test_columns_are_shifted_and_mirrored(shift):
    columns = np.arange(12, dtype=np.float32).reshape(1, 6, 2)
    padded = np.pad(columns, [(0, 0), (2, 2), (0, 0)], mode="reflect")
    found = shifted(columns, tf.constant(float(shift)), 2)
    np.testing.assert_array_equal(found, padded[:, 2 + shift : 8 + shift])


def test_what_is_heard_are_levels_of_a_spectrum():
    sounds = np.random.default_rng(2).normal(scale=0.2, size=(2, 1024)).astype(np.float32)
    _, _, spectra = scipy.signal.stft(
        sounds, nperseg=512, noverlap=256, window="hann", boundary=None, padded=False
    )
    # Scipy divides by the sum of the window, 256; a full-scale sine has 1 / 2.
    expected = (20 * np.log10(2 * np.abs(spectra).transpose(0, 2, 1)) + 40) / 20
    # Nothing is below -2: what is near it is a little higher.
    np.testing.assert_allclose(levels(sounds[:, :, None]), expected, atol=0.01)


def test_the_decoder_is_the_same_with_and_without_an_encoder():
    words = ["model.hears=waveform", *SMALL]
    with_encoder = make_network(settings_of())
    without = make_network(configs.load("one_shots_wavegan", words))
    assert without.encoder is None
    values = {weight.path: weight.numpy() for weight in with_encoder.weights}
    for weight in without.weights:
        np.testing.assert_array_equal(values[weight.path], weight.numpy(), err_msg=weight.path)


@pytest.mark.parametrize("body", ["dense", "convolutions"])
def test_sounds_go_in_and_come_back_at_their_length(body):
    network = make_network(settings_of(f"model.body={body}", "model.units=7,4"))
    sounds = np.random.default_rng(3).normal(size=(3, 64, 1)).astype(np.float32)
    outputs = network(sounds, {})
    assert outputs["sounds"].shape == (3, 64, 1)
    assert outputs["latents"].shape == (3, 5)
    assert float(np.abs(outputs["sounds"]).max()) <= 1
    assert network.forward_flops() > 2 * 64 * 3


@pytest.mark.slow
@pytest.mark.parametrize("hears", ["spectrum", "waveform"])
def test_with_bfloat16_sounds_are_nearly_the_same(hears):
    words = ["model.num_frames=1024", "task.stft=0", f"model.hears={hears}", "model.filters=2"]
    words += ["model.body=convolutions", "model.units=7,4"]
    sounds = np.random.default_rng(4).normal(scale=0.2, size=(3, 1024, 1)).astype(np.float32)
    exact = make_network(configs.load("one_shots", words))
    rounded = make_network(configs.load("one_shots", [*words, "train.compute_dtype=bfloat16"]))
    expected = exact(sounds, {})
    found = rounded(sounds, {})
    for name in ("latents", "sounds"):
        assert found[name].dtype == tf.float32
        scale = float(np.abs(expected[name]).max())
        np.testing.assert_allclose(found[name], expected[name], atol=0.03 * scale)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["model.num_frames=1000", "model.body=convolutions"], "a multiple of 1024"),
        (
            ["model.num_frames=256", "task.stft=0", "task.attack_secs=0"],
            "512 or more, as model.hears=spectrum",
        ),
        (["model.num_frames=1024"], "2048 or more, the longest window of task.stft"),
        (["model.units=0"], "one number or more, each from 1"),
        (["task.attack_secs=1"], "less than the 0.512 s of a sound"),
        (["task.stft=0", "task.relative=0"], "a weight above 0"),
        (["augmentation.flip_polarity=true"], "separation or tagging"),
        (["model.kind=wave_unet"], "one that gives sounds"),
        (["task.kind=ordering", "task.clip_secs=0.6"], "any stretch of a track"),
        (["task.critic.beta_1=1"], "task.critic.beta_1 is 1.0; expected from 0 to below 1"),
        (["task.attack_secs=0.51199"], "less than the 0.512 s of a sound"),
        (
            ["task.method=adversarial", "model.num_levels=5", "task.phase_shuffle=32"],
            "less than the 32 columns of the critic's last layer but one",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(overrides, words):
    with pytest.raises(ValueError, match=words):
        configs.load("one_shots", overrides)
