"""The network that hears instruments: sizes, windows, examples, what it hears."""

import numpy as np
import pytest

import configs
from configs.tagger import IMAGE_FILTERS
from trainer.inference.listener import Listener
from trainer.networks import make_network
from trainer.networks.tagger.front import MelFront
from trainer.tasks.tagging.step import loss_of

SMALL = [
    "audio.sample_rate=8000",
    "data.sources=cl,fl,vc,vn",
    "model.window_frames=512",
    "model.hop_frames=128",
    "model.num_bands=32",
    "model.width=16",
    "model.depth=3",
    "model.estimate_frames=2048",
]
FRONTS = ["model.front=mel", pytest.param("model.front=waveform", marks=pytest.mark.slow)]


def config_with(*overrides):
    return configs.load("smoke_tagger", [*SMALL, *overrides])


def noise(config, num_examples=2, frames=None, seed=0):
    frames = frames or config.model.window().mixture_frames
    shape = (num_examples, frames, config.audio.channels)
    return (0.1 * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def num_parameters(num_bands, width, depth, num_sources):
    """Of the body dilated, by formula."""
    total = 0
    num_inputs = 1
    for filters in IMAGE_FILTERS:
        total += 9 * num_inputs * filters + filters
        num_inputs = filters
    total += (-(-num_bands // 2 ** len(IMAGE_FILTERS)) * num_inputs + 1) * width
    # A norm, a convolution of three taps, a return; the last norm; the exit.
    total += depth * (2 * width + (3 * width + 1) * width + (width + 1) * width)
    return total + 2 * width + (width + 1) * num_sources


def test_parameters_by_formula():
    for overrides, sizes in (
        ([], (32, 16, 3, 4)),
        (["model.num_bands=61", "model.width=24", "model.depth=5"], (61, 24, 5, 4)),
    ):
        network = make_network(config_with(*overrides))
        assert network.count_params() == num_parameters(*sizes)
    assert make_network(configs.load("smoke_tagger")).count_params() == num_parameters(
        96, 96, 5, 13
    )


@pytest.mark.slow
@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("column_hops", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_the_length_of_a_window_changes_nothing(front, column_hops):
    config = config_with(front, f"model.column_hops={column_hops}")
    network = make_network(config)
    mixture = noise(config, 1, 9001)[0]
    whole = Listener(config, network).activity(mixture)
    assert whole.shape == (4, -(-9001 // (128 * column_hops)))
    for frames in (1, 700, 2048):
        window = network.window(frames)
        first = 2 * window.column_frames
        margin = window.margin_frames
        padded = np.pad(mixture, ((margin, 9001), (0, 0)))
        part = padded[first : first + window.mixture_frames]
        found = np.asarray(network(part[None], {})["activity"])[0]
        assert found.shape == (4, window.num_columns)
        np.testing.assert_allclose(found, whole[:, 2 : 2 + window.num_columns], atol=2e-6)


@pytest.mark.parametrize("front", FRONTS)
def test_an_answer_is_centred_on_its_column(front):
    """What is loud at a time changes the answers around it, and those alone."""
    config = config_with(front)
    network = make_network(config)
    silent = np.zeros((9001, 1), np.float32)
    loud = silent.copy()
    frame = 4000
    loud[frame] = 1.0
    listener = Listener(config, network)
    changed = np.abs(listener.activity(loud) - listener.activity(silent)).max(axis=0) > 1e-7
    where = np.flatnonzero(changed)
    reach = config.model.window().margin_frames
    assert abs(where.mean() * 128 - frame) <= 128
    assert where.min() * 128 >= frame - reach
    assert where.max() * 128 <= frame + reach


def test_examples_do_not_touch_each_other():
    config = config_with("train.compute_dtype=bfloat16")
    network = make_network(config)
    mixture = noise(config, 3)
    together = np.asarray(network(mixture, {})["activity"])
    assert together.dtype == np.float32
    mixture[1] = 0
    apart = np.asarray(network(mixture, {})["activity"])
    np.testing.assert_array_equal(together[[0, 2]], apart[[0, 2]])
    assert not np.allclose(together[1], apart[1])


def test_one_of_several_adds_up_to_one():
    config = config_with("model.answers=one")
    activity = np.asarray(make_network(config)(noise(config), {})["activity"])
    np.testing.assert_allclose(activity.sum(axis=1), 1, rtol=1e-5)


def test_what_it_hears_is_loudness_in_bands():
    """A sine of full scale is in its band alone, at a level that a formula says."""
    config = config_with("model.num_bands=40", "model.loudness=log_magnitude")
    front = MelFront(config.model, 8000)
    # On a bin: 64 of 512, 1000 Hz.
    times = np.arange(2048) / 8000
    sine = np.sin(2 * np.pi * 1000 * times).astype(np.float32)
    bands = np.asarray(front(sine[None]))[0]
    # The triangles that hold the bin and its neighbours, which have a half of its magnitude.
    magnitudes = np.zeros(257)
    magnitudes[63:66] = 64, 128, 64
    filters = front._filters.astype(np.float64)
    expected = np.log(np.maximum(magnitudes @ filters, 1e-7))
    heard = expected > np.log(1e-3)
    np.testing.assert_allclose(bands[3][heard], expected[heard], atol=1e-3)
    assert heard.sum() in (2, 3, 4)
    assert bands[3][~heard].max() < np.log(1e-2)


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
@pytest.mark.parametrize("answers", ["several", "one"])
def test_the_loss_is_its_formula_and_leaves_out_what_is_not_known(loss, answers):
    config = config_with(f"task.loss={loss}", f"model.answers={answers}")
    rng = np.random.default_rng(0)
    decisions = rng.standard_normal((3, 4, 5)).astype(np.float32)
    truth = (rng.random((3, 4, 5)) < 0.4).astype(np.float32)
    known = np.array([[1, 1, 1, 1], [1, 0, 1, 0], [0, 0, 0, 0]], np.float32)
    wide = decisions.astype(np.float64)
    if answers == "one":
        activity = np.exp(wide) / np.exp(wide).sum(axis=1, keepdims=True)
    else:
        activity = 1 / (1 + np.exp(-wide))
    if loss == "squared_error":
        costs = (activity - truth) ** 2
    elif answers == "one":
        costs = -truth * np.log(activity)
    else:
        costs = -truth * np.log(activity) - (1 - truth) * np.log(1 - activity)
    by_example = [costs[0].mean(), costs[1, [0, 2]].mean(), 0]
    outputs = {"decisions": decisions, "activity": activity.astype(np.float32)}
    found = float(loss_of(config, truth, known, outputs))
    assert found == pytest.approx(np.mean(by_example), rel=1e-5)


def test_every_weight_learns():
    config = config_with()
    network = make_network(config)
    import tensorflow as tf

    mixture = noise(config)
    truth = np.zeros((2, 4, config.model.window().num_columns), np.float32)
    truth[0, 1] = 1
    with tf.GradientTape() as tape:
        outputs = network(mixture, {}, training=True)
        loss = loss_of(config, truth, np.ones((2, 4), np.float32), outputs)
    gradients = tape.gradient(loss, [v.value for v in network.trainable_variables])
    for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
        assert np.abs(gradient).max() > 0, variable.path


def test_the_arithmetic_is_what_the_backend_counts():
    """TensorFlow's own profiler counts the products of convolutions and dense layers."""
    import tensorflow as tf
    from tensorflow.python.profiler import model_analyzer
    from tensorflow.python.profiler.option_builder import ProfileOptionBuilder

    config = config_with()
    network = make_network(config)
    spec = tf.TensorSpec((1, config.model.window().mixture_frames, 1))
    graph = tf.function(lambda x: network(x, {})["decisions"]).get_concrete_function(spec).graph
    options = ProfileOptionBuilder(ProfileOptionBuilder.float_operation()).with_empty_output()
    counted = model_analyzer.profile(graph, cmd="scope", options=options.build()).total_float_ops
    # Sums of biases, norms and the transform are not products; front and body are counted apart.
    assert network.body.flops(config.model.window().num_columns) == pytest.approx(counted, rel=0.15)


def test_experiments_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match="gives activity, which task"):
        configs.load("smoke_tagger", ["model.kind=wave_unet"])
    with pytest.raises(ValueError, match="one that gives estimates"):
        configs.load("smoke_tagger", ["task.kind=separation"])
    with pytest.raises(ValueError, match="a power of two"):
        config_with("model.front=waveform", "model.hop_frames=100")
    with pytest.raises(ValueError, match="at least 768"):
        config_with("model.front=waveform", "model.hop_frames=256")
    with pytest.raises(ValueError, match=r"model\.highest_hz is 10"):
        config_with("model.lowest_hz=20", "model.highest_hz=10")
