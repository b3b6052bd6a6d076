"""Bodies of a tagger: how large they are, what they see, what they learn from."""

from functools import cache

import numpy as np
import pytest
import tensorflow as tf

import configs
from tests.trainer.networks.tagger.test_sizes import NUMBERS
from trainer.networks import make_network
from trainer.networks.tagger.bodies import BODIES

SMALL = [
    "model.window_frames=256",
    "model.hop_frames=16",
    "model.column_hops=24",
    "model.estimate_frames=384",
    "model.width=8",
    "model.depth=3",
    "model.context_columns=2",
    "model.sequence_answers=2",
    "data.sources=cl,fl,vn",
]
# As few as leave something.
NUM_BANDS = {"crnn": 64, "vgg": 64, "vgg_msd": 64, "singing_cnn": 25}
# It goes from column to column.
FEW_COLUMNS = {"blstm": ["model.column_hops=3", "model.estimate_frames=48"]}
FAST = {"cnn3x3", "singing_cnn"}
# The default one has tests of its own; vgg_msd is vgg but for its maxima.
PUBLISHED = [body for body in BODIES if body not in ("dilated", "vgg_msd")]


def each_of(bodies):
    slow = pytest.mark.slow
    return [body if body in FAST else pytest.param(body, marks=slow) for body in bodies]


EACH = each_of(PUBLISHED)


@cache
def network_of(body, *overrides):
    sizes = [f"model.body={body}", f"model.num_bands={NUM_BANDS.get(body, 12)}"]
    few = FEW_COLUMNS.get(body, [])
    return make_network(configs.load("smoke_tagger", [*SMALL, *sizes, *few, *overrides]))


def noise(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def activity(network, mixture):
    return np.asarray(network(mixture, {})["activity"])


@pytest.mark.parametrize("body", EACH)
def test_the_number_of_parameters(body):
    network = network_of(body)
    assert network.count_params() == NUMBERS[body](network.settings, 3)


@pytest.mark.parametrize("body", EACH)
def test_the_length_of_the_window_changes_nothing(body):
    network = network_of(body)
    short = network.window(1)
    long = network.window(3 * short.estimate_frames)
    assert long.num_columns == 3 * short.num_columns
    mixture = noise(1, long.mixture_frames, 1)
    starts = [i * short.hop_frames for i in range(3)]
    parts = [activity(network, mixture[:, s : s + short.mixture_frames]) for s in starts]
    whole = activity(network, mixture)
    np.testing.assert_allclose(np.concatenate(parts, axis=2), whole, atol=2e-6)
    assert whole.std() > 1e-4


@pytest.mark.parametrize("body", each_of(["singing_cnn", "blstm"]))
def test_an_answer_sees_what_is_around_it_alone(body):
    network = network_of(body)
    window = network.window(8 * network.window().estimate_frames)
    mixture = noise(1, window.mixture_frames, 1)
    before = activity(network, mixture)
    # From the middle of what is computed last on.
    mixture[:, window.margin_frames + window.estimate_frames - window.stride_frames :] = 0
    moved = np.abs(activity(network, mixture) - before).max(axis=(0, 1))
    stride = window.stride_columns
    reached = stride * (1 + -(-window.margin_frames // window.stride_frames))
    assert moved[-stride:].max() > 0
    assert reached < window.num_columns
    np.testing.assert_array_equal(moved[:-reached], 0)


@pytest.mark.parametrize("body", EACH)
def test_examples_do_not_touch_each_other(body):
    network = network_of(body)
    mixture = noise(2, network.window().mixture_frames, 1)
    before = activity(network, mixture)
    mixture[1] *= -0.1
    mixture[1, ::2] = 0
    after = activity(network, mixture)
    np.testing.assert_array_equal(before[0], after[0])
    assert np.abs(before[1] - after[1]).max() > 1e-5


def gradients_of(network):
    mixture = noise(1, network.window().mixture_frames, 1)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(network(mixture, {}, training=True)["decisions"] ** 2)
    return tape.gradient(loss, network.trainable_variables)


@pytest.mark.parametrize("body", EACH)
def test_every_weight_learns(body):
    network = network_of(body)
    for variable, gradient in zip(network.variables, gradients_of(network), strict=True):
        assert np.abs(gradient).max() > 0, variable.path


def test_blocks_can_be_computed_again():
    again = gradients_of(network_of("cnn3x3", "train.rematerialise=true"))
    for found, expected in zip(again, gradients_of(network_of("cnn3x3")), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("body", PUBLISHED)
def test_bfloat16_gives_nearly_the_same_in_float32(body):
    exact = network_of(body)
    mixture = noise(1, exact.window().mixture_frames, 1)
    found = activity(network_of(body, "train.compute_dtype=bfloat16"), mixture)
    assert found.dtype == np.float32
    assert 0 < np.abs(found - activity(exact, mixture)).max() < 0.1


@pytest.mark.parametrize("body", each_of(["singing_cnn", "blstm", "musicnn"]))
def test_the_last_features_are_those_of_answers_and_all_can_be_pooled(body):
    network = network_of(body)
    window = network.window()
    layers = network.encode(noise(2, window.mixture_frames, 1), {})
    assert layers[-1].shape[:2] == (2, window.num_columns)
    for layer in layers:
        assert len(layer.shape) == 3
        assert layer.shape[1] >= window.num_columns


@pytest.mark.slow
@pytest.mark.parametrize("body", ["cnn1d", "multi_kernel", "singing_cnn", "musicnn", "vgg_msd"])
def test_the_arithmetic_is_what_tensorflow_counts(body):
    network = network_of(body)
    num_answers = network.window().num_columns
    model = network.settings
    num_columns = num_answers * model.column_hops + 2 * model.read_columns
    function = tf.function(lambda heard: network.body.decode(network.body.encode(heard)[-1]))
    graph = function.get_concrete_function(tf.TensorSpec((1, num_columns, model.num_bands))).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options |= {"output": "none", "account_type_regexes": ["Conv2D", "MatMul"]}
    counted = tf.compat.v1.profiler.profile(graph, options=options).total_float_ops
    assert network.body.flops(num_answers) == counted


@pytest.mark.slow
def test_the_arithmetic_of_recurrent_layers_is_that_of_their_formula():
    network = network_of("blstm")
    # Two answers of 3 columns, with 2 on both sides, in two directions.
    products = 2 * 4 * (6 * (12 + 6) + 4 * (12 + 4) + 8 * (8 + 8)) * (2 * 3 + 2 * 2)
    assert network.body.flops(2) == 2 * (products + 2 * 16 * 3)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("model.body=crnn model.num_bands=63", "model.num_bands is 63; expected at least 64, of"),
        ("model.body=blstm model.width=6", "model.width is 6; expected a multiple of 4, as layers"),
        ("model.sequence_answers=0", "model.sequence_answers is 0; expected from 1 to 65,536."),
    ],
)
def test_sizes_that_a_body_cannot_have_are_refused(override, sentence):
    with pytest.raises(ValueError, match=sentence):
        configs.load("smoke_tagger", [*SMALL, *override.split()])
