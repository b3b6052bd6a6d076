"""A step in parts is the step of the whole batch, for every network and every loss."""

import numpy as np
import pytest
import tensorflow as tf

import configs
from tests.support.optimisation import optimisation_of
from trainer.devices.tensorflow_devices import differentiate, distribute, make_run_steps
from trainer.networks import make_network
from trainer.tasks.separation.losses import TERMS
from trainer.tasks.separation.step import loss_of_batch
from trainer.tpu.measuring import make_batch

SLOW = pytest.mark.slow
WAVE = [
    "model.num_levels=2",
    "model.num_filters=4",
    "model.estimate_frames=2053",
    "data.sources=cl,fl,vn",
    "train.batch_size=4",
]
MASK = [
    "model.kind=stft_mask",
    "model.window_frames=256",
    "model.estimate_frames=2049",
    "model.width=8",
    "model.depth=2",
    "model.context_columns=4",
    "data.sources=cl,fl,vn",
    "data.context_frames=8000",
    "train.batch_size=4",
]
BANDS = [
    "model.kind=band_split",
    "model.window_frames=256",
    "model.hop_frames=64",
    "model.estimate_frames=2112",
    "model.band_bins=9,40,80",
    "model.width=8",
    "model.depth=2",
    "model.num_heads=2",
    "model.head_size=4",
    "data.sources=cl,fl,vn",
    "train.batch_size=4",
]
EVERY_LOSS = [
    "task.mse=1",
    "task.sse=0.1",
    "task.l1=0.5",
    "task.si_sdr=0.01",
    "task.stft=0.2",
    "task.l1_snr=0.01",
    "task.level=0.01",
    "task.consistency=0.5",
    "task.loudness=true",
]
NETWORKS = {
    "wave": WAVE,
    "wave with every loss": [*WAVE, *EVERY_LOSS],
    "wave with labels in the decoder": [*WAVE, "model.conditioned_at=decoder"],
    "wave for a TPU": [*WAVE, "model.computation=tpu"],
    "tcn": MASK,
    "tcn with binary masks": [*MASK, "model.mask=binary"],
    "unet": [*MASK, "model.body=unet"],
    "lstm": [*MASK, "model.body=lstm"],
    "blstm": [*MASK, "model.body=blstm"],
    "band split": BANDS,
}
FAST = ("wave", "tcn with binary masks")
ALL = [pytest.param(name, marks=() if name in FAST else SLOW) for name in NETWORKS]


def batch_of(config):
    return {name: tf.constant(array) for name, array in make_batch(config).items()}


def gradients_of(config, batch, num_parts=1):
    network = make_network(config)
    weights = network.trainable_variables

    def share(part):
        return loss_of_batch(network, part, config) / num_parts

    return differentiate(share, weights, batch, num_parts)


def assert_same(ours, theirs, tolerance):
    """Compares losses and gradients, these relative to the length of all of them together."""
    (loss, gradients), (other_loss, others) = ours, theirs
    assert float(loss) == pytest.approx(float(other_loss), rel=tolerance)
    length = float(tf.linalg.global_norm(others))
    difference = float(
        tf.linalg.global_norm([a - b for a, b in zip(gradients, others, strict=True)])
    )
    assert difference < tolerance * length
    assert length > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_the_gradient_of_a_batch_is_the_sum_of_those_of_its_parts(name):
    config = configs.load("smoke", NETWORKS[name])
    batch = batch_of(config)
    assert_same(gradients_of(config, batch, 4), gradients_of(config, batch), 1e-5)


@pytest.mark.parametrize("name", ALL)
def test_a_block_that_is_computed_again_gives_the_same_gradient(name):
    # Of one example no label may be set, and then nothing has a gradient.
    config = configs.load("smoke", [*NETWORKS[name], "train.batch_size=2"])
    batch = batch_of(config)
    again = configs.override(config, ["train.rematerialise=true"])
    assert_same(gradients_of(again, batch), gradients_of(config, batch), 1e-6)


@pytest.mark.parametrize("term", TERMS.values())
def test_every_loss_is_a_mean_over_examples(term):
    rng = np.random.default_rng(1)
    references, estimates = rng.standard_normal((2, 4, 3, 2100, 2)).astype(np.float32)
    references[0, 1] = 0
    references[2] *= 0.01
    by_example = [term(references[i : i + 1], estimates[i : i + 1]) for i in range(4)]
    assert float(term(references, estimates)) == pytest.approx(np.mean(by_example), rel=1e-5)


def test_the_examples_of_a_part_stand_side_by_side_and_a_weight_without_influence_stays():
    weights = [tf.Variable(1.0), tf.Variable([3.0, 3.0])]
    batch = {"x": tf.constant([[1.0], [2.0], [4.0], [8.0]])}
    seen = []

    def loss(part):
        seen.append(part["x"].numpy()[:, 0].tolist())
        return weights[0] * tf.reduce_sum(part["x"])

    total, gradients = differentiate(loss, weights, batch, 2)
    assert seen == [[1.0, 2.0], [4.0, 8.0]]
    assert (float(total), float(gradients[0])) == (15.0, 15.0)
    np.testing.assert_array_equal(gradients[1], [0.0, 0.0])


@pytest.mark.slow
def test_steps_in_parts_move_the_weights_as_steps_of_whole_batches():
    """So many filters that Grappler takes memory to be scarce; and more than one call."""
    sizes = ["model.num_levels=6", "model.num_filters=64", "train.batch_size=4"]
    moved = []
    for parts in ("train.accumulate=1", "train.accumulate=4"):
        sgd = ["train.optimizer=sgd", "train.learning_rate=1", "train.schedule=constant"]
        config = configs.load("smoke", [*sizes, *sgd, parts])
        network = make_network(config)
        before = network.get_weights()
        strategy = tf.distribute.get_strategy()
        run_steps = make_run_steps(optimisation_of(config, network), strategy)
        examples = tf.data.Dataset.from_tensor_slices(make_batch(config)).repeat()
        batches = iter(distribute(examples, 4, strategy))
        losses = [run_steps(batches, tf.constant(num_steps))[0] for num_steps in (1, 1, 2)]
        assert [loss.shape for loss in losses] == [(1, 1), (1, 1), (2, 1)]
        after = network.get_weights()
        moved.append((losses[-1][-1, 0], [a - b for a, b in zip(after, before, strict=True)]))
    # Weights are rounded after each of four small steps.
    assert_same(*moved, 1e-3)
