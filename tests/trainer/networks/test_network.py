"""What a network is to the rest of the project, shown on the Wave-U-Net, and how one is made."""

import hashlib
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import configs
from configs.networks import CONDITIONED_AT
from tests.support.estimates import estimates_of
from trainer import networks
from trainer.networks import make_network
from trainer.networks.network import Network, rematerialised

ROOT = Path(__file__).parents[3]
SMALL = [
    "model.num_levels=3",
    "model.num_filters=4",
    "model.estimate_frames=101",
    "data.sources=cl,fl,vc,vn",
]
UNLABELLED = ["model.conditioning=none", "model.conditioned_at=none", "model.gate_heads=false"]


def make_mixture(network, batch=2):
    rng = np.random.default_rng(0)
    shape = (batch, network.window().mixture_frames, network.num_channels)
    return rng.standard_normal(shape).astype(np.float32)


# Computed by the code before make_network stopped reseeding the process.
CHECKSUMS = {
    ("smoke",): "adbfe6125ec4f1bc",
    ("smoke", *SMALL): "2dfd5904dfaf92ff",
    (
        "smoke",
        *SMALL,
        "train.seed=7",
        "model.conditioning=film",
        "model.conditioned_at=decoder",
        "model.computation=tpu",
    ): "490076d0c5d31456",
    (
        "smoke",
        *SMALL,
        "train.seed=8",
        "model.conditioning=add",
        "model.conditioned_at=heads",
        "model.computation=tpu",
        "model.upsampling=learned",
    ): "9baf07f0610445da",
    (
        "smoke",
        *SMALL,
        "train.seed=9",
        "model.conditioning=scale",
        "model.conditioned_at=input",
    ): "c75d5027c1491df8",
    (
        "smoke",
        *SMALL,
        "model.output=difference",
        "model.residual=fl",
    ): "041811ae32ef88e4",
    ("urmp_labels",): "d2c5c7e3296708d0",
}


@pytest.mark.parametrize("experiment", CHECKSUMS)
def test_a_network_begins_with_the_same_weights_as_ever(experiment):
    name, *overrides = experiment
    found = hashlib.sha256()
    for variable in make_network(configs.load(name, overrides)).variables:
        found.update(variable.path.encode())
        found.update(variable.numpy().tobytes())
    assert found.hexdigest()[:16] == CHECKSUMS[experiment]


def draw():
    """Returns a number of every random generator of the process."""
    return (
        random.random(),
        np.random.random(),  # noqa: NPY002
        float(tf.random.uniform([])),
        float(keras.random.uniform([])),
    )


def test_to_make_a_network_leaves_the_random_state_of_the_process_as_it_was():
    config = configs.load("smoke", SMALL)
    keras.utils.set_random_seed(5)
    undisturbed = [draw(), draw()]
    keras.utils.set_random_seed(5)
    disturbed = [draw()]
    make_network(config)
    disturbed.append(draw())
    assert disturbed == undisturbed


def test_the_random_state_of_the_process_does_not_change_a_network():
    config = configs.load("smoke", SMALL)
    weights = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        weights.append(make_network(config).get_weights())
    for first, second in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.slow
@pytest.mark.parametrize("computation", ["plain", "cpu", "tpu"])
@pytest.mark.parametrize(
    ("kind", "place"),
    [("film", place) for place in CONDITIONED_AT["film"]] + [("outer", "bottleneck")],
)
def test_encoding_and_decoding_are_the_network(kind, place, computation):
    overrides = [f"model.conditioning={kind}", f"model.conditioned_at={place}"]
    config = configs.load("smoke", [*SMALL, *overrides, f"model.computation={computation}"])
    network = make_network(config)
    mixture = make_mixture(network)
    labels = np.array([[1, 0, 1, 1], [-1, -1, -1, -1]], np.float32)
    other_labels = 1 - labels
    encoder_conditions = {"labels": labels} if place == "input" else {}
    features = network.encode(mixture, encoder_conditions)
    # One encoder pass serves several questions, if labels enter behind it.
    questions = [labels] if place == "input" else [labels, other_labels]
    for question in questions:
        decoded = network.decode(features, {"labels": question})
        whole = network(mixture, {"labels": question})
        assert decoded.keys() == whole.keys() == {"estimates"}
        np.testing.assert_array_equal(decoded["estimates"], whole["estimates"])


def test_a_network_names_its_conditions_and_refuses_others():
    labels = np.ones((2, 4), np.float32)
    labelled = make_network(configs.load("smoke", SMALL))
    assert labelled.conditions == ("labels",)
    with pytest.raises(ValueError, match="are labels, notes; this network takes labels"):
        labelled(make_mixture(labelled), {"labels": labels, "notes": labels})
    with pytest.raises(ValueError, match="are none; this network takes labels"):
        labelled(make_mixture(labelled), {})
    unlabelled = make_network(configs.load("smoke", SMALL + UNLABELLED))
    assert unlabelled.conditions == ()
    with pytest.raises(ValueError, match="are labels; this network takes none"):
        unlabelled(make_mixture(unlabelled), {"labels": labels})
    assert unlabelled(make_mixture(unlabelled), {})["estimates"].shape == (2, 4, 101, 1)


@pytest.mark.parametrize("overrides", [[], ["model.padding=same", "model.estimate_frames=64"]])
def test_the_window_is_what_goes_in_and_comes_out(overrides):
    network = make_network(configs.load("smoke", SMALL + overrides))
    for frames in (None, 1, 500):
        window = network.window(frames)
        mixture = np.zeros((1, window.mixture_frames, 1), np.float32)
        estimates = estimates_of(network, mixture, np.ones((1, 4), np.float32))
        assert estimates.shape == (1, 4, window.estimate_frames, 1)
        assert window.estimate_frames >= (frames or 1)
        assert window.mixture_frames == window.estimate_frames + 2 * window.margin_frames


# In full and pruned, counted by the code before they became a method of the network.
FLOPS = {
    ("smoke",): (554_777_602, 515_311_042),
    ("urmp_labels",): (22_692_787_650, 13_865_577_570),
    ("musdb", "audio.channels=2"): (22_795_101_504, 13_920_718_464),
    ("wave_unet_m1",): (4_887_224_320, 4_887_224_320),
}


@pytest.mark.parametrize("experiment", FLOPS)
def test_arithmetic_is_counted_as_ever(experiment):
    name, *overrides = experiment
    network = make_network(configs.load(name, overrides))
    whole = network.forward_flops(pruned=False)
    pruned = network.forward_flops(pruned=True)
    assert (whole, pruned) == FLOPS[experiment]
    assert network.forward_flops() == pruned


def test_the_arithmetic_of_a_network_is_what_its_layers_do():
    network = make_network(configs.load("smoke", [*SMALL, "model.computation=plain"]))
    mixture = tf.TensorSpec([1, network.window().mixture_frames, 1])
    labels = tf.TensorSpec([1, 4])
    traced = tf.function(lambda m, z: estimates_of(network, m, z)).get_concrete_function(
        mixture, labels
    )
    total = 0
    for operation in traced.graph.get_operations():
        if operation.type == "Conv2D":
            taps = operation.inputs[1].shape
            total += 2 * np.prod(operation.outputs[0].shape) * np.prod(taps[:-1])
    assert network.forward_flops() == total


@dataclass(frozen=True)
class _Settings:
    kind: str = "toy"


def test_a_network_of_another_module_needs_one_line(monkeypatch, tmp_path):
    (tmp_path / "toy_network.py").write_text("def make_network(config): return config.kind * 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(networks.MODULES, "toy", "toy_network")

    class Experiment:
        model = _Settings()
        kind = "toy"

    assert make_network(Experiment()) == "toytoy"


class _Product(Network):
    """Is a network of one block, which says when it is computed."""

    def __init__(self, config):
        super().__init__(config, name="product")
        self.factor = self.add_weight(shape=(), initializer="ones", name="factor")
        self.calls = []

    @property
    def conditions(self):
        return ()

    def encode(self, mixture, _conditions):
        return rematerialised(self._block, name="block")(mixture)

    def decode(self, features, _conditions):
        return {"estimates": features}

    def _block(self, x, name):
        self.calls.append(name)
        return x * self.factor**3


@pytest.mark.parametrize(
    ("setting", "training", "num_calls"),
    [("true", True, 2), ("true", False, 1), ("false", True, 1)],
)
def test_only_in_training_a_block_is_computed_again_in_the_backward_pass(
    setting, training, num_calls
):
    network = _Product(configs.load("smoke", [f"train.rematerialise={setting}"]))
    x = tf.constant([[[2.0]]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = network(x, {}, training=training)["estimates"]
    assert network.calls == ["block"]
    gradients = tape.gradient(y, [x, network.factor.value])
    assert [float(tf.squeeze(gradient)) for gradient in gradients] == [1.0, 6.0]
    assert network.calls == ["block"] * num_calls


def test_every_network_of_the_configs_can_be_made():
    assert networks.MODULES.keys() >= configs.typed.NETWORKS.keys()


def test_the_list_of_networks_imports_none_of_them():
    code = (
        "import sys; import trainer.networks; "
        "print([name for name in ('keras', 'tensorflow', 'numpy', 'trainer.networks.wave_unet') "
        "if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
