"""The exported model, loaded with TensorFlow alone, estimates what separate estimates."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import configs
from data_prep.storage.lock import held
from tests.trainer.exports.untrained_run import LABELLED, UNLABELLED, make_run
from trainer.export import export
from trainer.exports.model_folder import write_model
from trainer.inference.separator import TrainedSeparator

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


@pytest.mark.slow
@pytest.mark.parametrize("overrides", [LABELLED, UNLABELLED])
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


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_a_model_that_is_refused_leaves_nothing_and_the_former_one(tmp_path):
    out = tmp_path / "model"
    write_model(str(out), Model(1))

    def refuse(folder):
        assert said_by(folder) == 2
        raise ValueError("as saved_model the network estimates something else")

    with pytest.raises(ValueError, match="something else"):
        write_model(str(out), Model(2), refuse)
    assert said_by(out) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


class Model(tf.Module):
    """Says a number, and separates nothing."""

    def __init__(self, number):
        super().__init__()
        self.describe = tf.function(lambda: {"step": tf.constant(number)}, input_signature=[])
        waveform = tf.TensorSpec([None], tf.float32, "waveform")
        self.separate = tf.function(lambda waveform: waveform, input_signature=[waveform])


def said_by(folder):
    return int(tf.saved_model.load(str(folder)).describe()["step"])


@pytest.mark.parametrize("missing", ["variables", "saved_model.pb"])
@pytest.mark.parametrize("where", ["model", "model.previous", "model.partial"])
def test_an_export_continues_whatever_a_kill_left_of_the_models(tmp_path, where, missing):
    """As where it deleted, moved or wrote one of the three folders."""
    out = tmp_path / "model"
    write_model(str(out), Model(1))
    for name in ("model.previous", "model.partial"):
        shutil.copytree(out, tmp_path / name)
    if missing == "variables":
        shutil.rmtree(tmp_path / where / "variables")
    else:
        (tmp_path / where / "saved_model.pb").unlink()
    write_model(str(out), Model(2))
    assert said_by(out) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("name", ["notes.txt", "variables/mine.csv", "assets/picture.png"])
@pytest.mark.parametrize("where", ["model", "model.previous"])
def test_an_export_replaces_no_folder_that_holds_anything_else(tmp_path, where, name):
    path = tmp_path / where / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    (tmp_path / where / "saved_model.pb").write_text("x")
    with pytest.raises(ValueError, match=f"is no SavedModel, as it holds {name}; choose another"):
        write_model(str(tmp_path / "model"), Model(1))
    assert path.read_text() == "mine"


def test_while_a_model_is_replaced_one_is_always_whole(tmp_path, monkeypatch):
    """Look at every rename and deletion, where a kill may come."""
    out = tmp_path / "model"
    write_model(str(out), Model(1))
    found = []
    for function in ("rename", "rmtree"):
        change = getattr(tf.io.gfile, function)

        def watch(*paths, change=change, **options):
            found.append({path.name: said_by(path) for path in tmp_path.iterdir()})
            change(*paths, **options)

        monkeypatch.setattr(tf.io.gfile, function, watch)
    write_model(str(out), Model(2))
    assert found == [
        {"model": 1, "model.partial": 2},
        {"model.previous": 1, "model.partial": 2},
        {"model": 2, "model.previous": 1},
    ]


@pytest.mark.slow
def test_a_model_in_a_bucket_is_replaced(gcs, bucket):
    out = f"gs://{bucket}/run/saved_model"
    write_model(out, Model(1))
    for rest in ("previous/variables/variables.index", "partial/saved_model.pb"):
        with tf.io.gfile.GFile(f"{out}.{rest}", "w") as file:
            file.write("")
    write_model(out, Model(3))
    assert said_by(out) == 3
    names = {name for name in gcs.sizes(bucket) if not name.endswith("/")}
    assert all(name.startswith("run/saved_model/") for name in names), names
