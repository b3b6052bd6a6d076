"""The exported model, loaded with TensorFlow alone, estimates what separate estimates."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import configs
from data_prep.storage.lock import held
from tests.support.optimisation import optimisation_of
from trainer.export import export
from trainer.inference.separator import TrainedSeparator
from trainer.loop.checkpoints import Checkpoints
from trainer.networks import make_network

SMALL = [
    "audio.sample_rate=8000",
    "model.num_levels=3",
    "model.num_filters=4",
    "model.estimate_frames=101",
    "data.sources=cl,fl,vc,vn",
]
USE = """
import json, sys
import numpy as np
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
about = {name: value.numpy() for name, value in model.describe().items()}
arrays = np.load(sys.argv[2])
names = ("mono", "stereo", "long", "none")
estimates = {name: model.separate(arrays[name], arrays["labels"]).numpy() for name in names}
served = model.signatures["serving_default"](waveform=arrays["stereo"], labels=arrays["labels"])
np.savez(sys.argv[3], served=list(served.values())[0].numpy(), **estimates)
packages = {"configs", "data_prep", "trainer", "evaluation"}
sources = [name.decode() for name in about["sources"]]
config = json.loads(about["config"].decode())
print(json.dumps([sorted(packages & set(sys.modules)), int(about["sample_rate"]), sources, int(about["step"]), config]))
"""


def make_run(workdir, overrides):
    """A run whose network is untrained, as the trainer leaves it."""
    config = configs.load("smoke", [*SMALL, *overrides])
    network = make_network(config)
    checkpoints = Checkpoints(str(workdir), optimisation_of(config, network), keep=3)
    for step in (5, 7):
        network.set_weights([weight * 1.01 for weight in network.get_weights()])
        checkpoints.save(step)
    (workdir / "config.json").write_text(configs.to_json(config))
    manifest = {
        "format_version": 1,
        "corpus": "urmp",
        "code_revision": "",
        "shards": {},
        "known_leaks": [],
    }
    manifest["config"] = json.loads(configs.to_json(config))
    (workdir / "records.json").write_text(json.dumps({"folder": "records", "manifest": manifest}))
    return config


@pytest.mark.parametrize(
    "overrides",
    [
        ["augmentation.label_dropout=0.5"],
        pytest.param(
            [
                "audio.channels=2",
                "model.padding=same",
                "model.estimate_frames=1024",
                "model.conditioning=none",
                "model.conditioned_at=none",
                "model.gate_heads=false",
            ],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_it_estimates_what_separate_does_without_our_packages(overrides, tmp_path):
    config, rng = make_run(tmp_path, overrides), np.random.default_rng(0)
    waveforms = {
        "mono": rng.uniform(-1, 1, (777, 1)),
        "stereo": rng.uniform(-1, 1, (1, 2)),
        "long": rng.uniform(-1, 1, (2**17 + 5000, 1)),  # more than one patch
        "none": np.zeros((0, 2)),
    }
    waveforms = {name: waveform.astype(np.float32) for name, waveform in waveforms.items()}
    np.savez(tmp_path / "in.npz", labels=np.array([1, 0, 1, 1], np.float32), **waveforms)
    (tmp_path / "use.py").write_text(USE)
    folder = export(str(tmp_path), "7", "")
    assert folder == f"{tmp_path}/saved_model"
    arguments = [sys.executable, "use.py", folder, "in.npz", "out.npz"]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ours, rate, sources, step, described = json.loads(done.stdout.splitlines()[-1])
    assert (ours, rate, sources, step) == ([], 8000, ["cl", "fl", "vc", "vn"], 7)
    assert configs.from_json(json.dumps(described)) == config

    separator, found = TrainedSeparator(str(tmp_path), "7"), np.load(tmp_path / "out.npz")
    for name in ("mono", "stereo", "long"):
        expected = separator.separate(waveforms[name], 8000, ["cl", "vc", "vn"])
        assert np.abs(expected).max() > 1e-3
        np.testing.assert_allclose(found[name], expected, atol=1e-5)
    assert found["none"].shape == (4, 0, 2)
    np.testing.assert_array_equal(found["served"], found["stereo"])


def test_wrong_labels_and_channels_are_refused_in_one_sentence(tmp_path):
    make_run(tmp_path, ["audio.channels=2"])
    model = tf.saved_model.load(export(str(tmp_path), "latest", str(tmp_path / "model")))
    assert int(model.describe()["step"]) == 7
    for labels in ([1, 0, 0.5, 1], [-1] * 4):  # it was trained to be told
        with pytest.raises(tf.errors.InvalidArgumentError, match="labels must be 0 or 1; got"):
            model.separate(np.zeros((10, 2), np.float32), np.array(labels, np.float32))
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="a stereo network separates 1 or 2 channels; got"
    ):
        model.separate(np.zeros((10, 3), np.float32), np.ones(4, np.float32))


def test_a_second_export_replaces_the_first_and_nothing_else(tmp_path):
    make_run(tmp_path, [])
    first = export(str(tmp_path), "5", "")
    assert int(tf.saved_model.load(first).describe()["step"]) == 5
    assert int(tf.saved_model.load(export(str(tmp_path), "7", "")).describe()["step"]) == 7
    assert not list(tmp_path.glob("*.partial"))
    with pytest.raises(ValueError, match="is there and is no SavedModel"):
        export(str(tmp_path), "7", str(tmp_path / "checkpoints"))
    with pytest.raises(ValueError, match="there is no checkpoint '6'"):
        export(str(tmp_path), "6", "")
    with (
        held(str(tmp_path / "saved_model"), beside=True),
        pytest.raises(ValueError, match=r"expected no other job at work in .*saved_model, but"),
    ):
        export(str(tmp_path), "7", "")
    assert len(list((tmp_path / "checkpoints").glob("*.index"))) == 2
