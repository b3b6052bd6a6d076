"""ONNX and TFLite files of runs: what they hold, that they are the network, and where they go."""

import json
import os
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf

import configs
from tests.support.commands import run_command
from tests.trainer.exports.untrained_run import LABELLED, UNLABELLED, make_run
from trainer.export import export
from trainer.exports import formats, grid
from trainer.exports.window import exported_window
from trainer.inference.separator import Separator, TrainedSeparator
from trainer.loop.checkpoints import restore_network
from trainer.networks import make_network

# They are not there in an environment that is older than the lock.
onnx = pytest.importorskip("onnx")
onnx_file = pytest.importorskip("trainer.exports.onnx_file")
tflite_file = pytest.importorskip("trainer.exports.tflite_file")

ROOT = Path(__file__).parents[3]
RUN = ROOT / "tests" / "before" / "files" / "run"
PAGE = (ROOT / "docs" / "separating.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.split("## Taking the model")[1], re.DOTALL)
NAMES = ["onnx", "tflite", "tflite_int8"]
MASK = [
    "model.kind=stft_mask",
    "augmentation.label_dropout=0.5",
    "data.context_frames=8000",
    "model.window_frames=256",
    "model.estimate_frames=1000",
    "model.width=8",
    "model.depth=2",
    "model.context_columns=4",
]


def load(folder, name):
    """The function of an exported file on whole waveforms, and what the file says of itself."""
    module = onnx_file if name == "onnx" else tflite_file
    estimate, about = module.load(Path(folder, formats.FORMATS[name].file))
    return partial(grid.separate, estimate, about), about


def noise(num_frames, num_channels):
    rng = np.random.default_rng(num_frames)
    return (0.2 * rng.standard_normal((num_frames, num_channels))).astype(np.float32)


def ratio_db(estimates, expected):
    return 10 * np.log10(np.square(expected).sum() / np.square(estimates - expected).sum())


@pytest.mark.slow
@pytest.mark.parametrize("overrides", [LABELLED, UNLABELLED])
def test_the_files_are_the_network(overrides, tmp_path):
    config = make_run(tmp_path, overrides)
    folder = Path(export(str(tmp_path), "7", "", formats=NAMES))
    assert folder == tmp_path / "exported"
    files = ["exports.json", "model.onnx", "model.tflite", "model_card.md", "model_int8.tflite"]
    assert sorted(path.name for path in folder.iterdir()) == files
    separator = TrainedSeparator(str(tmp_path), "7")
    waveform = noise(2**17 + 9000, config.audio.channels)  # more than one window
    for labels in [["cl", "vn"], None]:
        expected = separator.estimate(waveform, labels)
        assert np.abs(expected).max() > 1e-3
        for name in NAMES:
            separate, about = load(folder, name)
            assert about["takes_labels"] == (overrides is LABELLED)
            estimates = separate(waveform, separator.label_vector(labels))
            assert estimates.shape == expected.shape
            if name == "tflite_int8":
                assert 25 < ratio_db(estimates, expected) < 80
            else:
                np.testing.assert_allclose(estimates, expected, atol=2e-6)
    abouts = [load(folder, name)[1] for name in NAMES]
    assert abouts[0] == abouts[1] == abouts[2]
    assert abouts[0] == json.loads((folder / "exports.json").read_text())["about"]
    assert configs.from_json(json.dumps(abouts[0]["config"])) == config
    assert (abouts[0]["step"], abouts[0]["sources"]) == (7, ["cl", "fl", "vc", "vn"])


@pytest.mark.slow
@pytest.mark.parametrize("body", ["tcn", "unet", "blstm", "lstm"])
def test_the_files_of_a_mask_network_know_no_fourier_transform(body, tmp_path):
    config = make_run(tmp_path, [*MASK, f"model.body={body}"])
    folder = export(str(tmp_path), "7", "", formats=["onnx", "tflite"])
    graph = onnx.load(f"{folder}/model.onnx")
    assert not {node.op_type for node in graph.graph.node} & {"DFT", "STFT", "RFFT"}
    separator = TrainedSeparator(str(tmp_path), "7")
    # A window of the file: in one of another length a recurrent body remembers something else.
    frames = exported_window(separator.network).hop_frames
    waveform = noise(frames, config.audio.channels)
    expected = separator.estimate(waveform, ["cl", "vn"])
    assert np.abs(expected).max() > 1e-3
    for name in ("onnx", "tflite"):
        separate, about = load(folder, name)
        assert configs.from_json(json.dumps(about["config"])) == config
        estimates = separate(waveform, separator.label_vector(["cl", "vn"]))
        np.testing.assert_allclose(estimates, expected, atol=2e-6)


@pytest.mark.slow
def test_files_of_a_network_for_a_tpu_compute_in_float32_as_a_cpu_does(tmp_path):
    overrides = ["train.compute_dtype=bfloat16", "model.computation=tpu"]
    config = make_run(tmp_path, overrides)
    folder = export(str(tmp_path), "7", "", formats=["onnx"])
    graph = onnx.load(f"{folder}/model.onnx")
    assert [opset.version for opset in graph.opset_import if not opset.domain] == [17]
    types = {tensor.data_type for tensor in graph.graph.initializer}
    assert onnx.TensorProto.FLOAT in types
    assert not types & {onnx.TensorProto.BFLOAT16, onnx.TensorProto.FLOAT16}
    separate, about = load(folder, "onnx")
    assert configs.from_json(json.dumps(about["config"])) == config
    plain = configs.override(config, ["train.compute_dtype=float32", "model.computation=plain"])
    network = make_network(plain)
    restore_network(str(tmp_path), network, "7")
    waveform = noise(20000, 1)
    expected = Separator(plain, network).estimate(waveform, ["fl"])
    labels = np.array([0, 1, 0, 0], np.float32)
    np.testing.assert_allclose(separate(waveform, labels), expected, atol=2e-6)


@pytest.mark.slow
def test_a_second_export_joins_the_first_and_of_a_refused_one_nothing_is_left(
    tmp_path, monkeypatch
):
    shutil.copytree(RUN, tmp_path / "run")
    flags = [f"--workdir={tmp_path}/run", f"--out={tmp_path}/out"]
    for name, said in (("tflite", "| TFLite | model.tflite | 6 "), ("tflite_int8", "| TFLite   ")):
        done = run_command("trainer.export", *flags, f"--format={name}")
        assert done.returncode == 0, done.stderr
        assert said in done.stdout
    card = (tmp_path / "out" / "model_card.md").read_text()
    assert "| TFLite with int8 weights | model_int8.tflite | 6 " in card
    assert "| TFLite                   | model.tflite      | 6 " in card
    # Weights of 8 bits are not exact.
    int8 = formats.FORMATS["tflite_int8"]
    exact = formats.Format(int8.title, int8.file, formats.EXACT, int8.modules)
    monkeypatch.setitem(formats.FORMATS, "tflite_int8", exact)
    with pytest.raises(ValueError, match="as tflite_int8 the network estimates something else"):
        export(str(tmp_path / "run"), "6", f"{tmp_path}/other", formats=["tflite", "tflite_int8"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "run"]


@pytest.mark.slow
def test_files_go_to_a_bucket(gcs, bucket):
    names = ["onnx", "tflite", "saved_model"]
    out = export(str(RUN), "6", f"gs://{bucket}/exports", formats=names)
    names = {name for name in gcs.sizes(bucket) if not name.endswith("/")}
    assert {name for name in names if "saved_model" not in name} == {
        f"exports/{name}"
        for name in ("exports.json", "model.onnx", "model.tflite", "model_card.md")
    }
    with tf.io.gfile.GFile(f"{out}/model_card.md") as file:
        assert "| TFLite     | model.tflite |" in file.read()
    assert int(tf.saved_model.load(f"{out}/saved_model").describe()["step"]) == 6


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A folder with the run of the examples, exported, a song, and its stems by the network."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(RUN, folder / "runs" / "smoke")
    workdir = str(folder / "runs" / "smoke")
    export(workdir, "best", "")
    export(workdir, "best", "", formats=["onnx", "tflite"])
    song = noise(2**17 + 5000, 1)
    soundfile.write(folder / "song.wav", song, 4000, subtype="FLOAT")
    return folder, TrainedSeparator(workdir).separate(song, 4000, ["hn", "va"])


def require_stems(folder, expected):
    for source, stem in zip(("hn", "tba", "va"), expected, strict=True):
        found, rate = soundfile.read(folder / f"{source}.wav", always_2d=True)
        assert rate == 4000
        np.testing.assert_allclose(found, stem, atol=2e-6)
        (folder / f"{source}.wav").unlink()


def example(number):
    """An example of the page, for a small run, whose instruments are others."""
    return EXAMPLES[number].replace('"vn"', '"hn"').replace('"vc"', '"va"')


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1])
def test_the_examples_of_the_page_need_nothing_of_ours_and_tell_nobody(exported, number):
    folder, expected = exported
    show = "import sys\nprint(*{name.partition('.')[0] for name in sys.modules})\n"
    command = [sys.executable, "-c", f"{example(number)}\n{show}"]
    # Where onnxruntime would keep what it tells Microsoft.
    home = folder / f"home {number}"
    home.mkdir()
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(home.iterdir()) == []
    ours = {"configs", "data_prep", "trainer", "evaluation", "keras", "tensorflow"}
    assert not ours & set(done.stdout.split())
    require_stems(folder, expected)


@pytest.mark.slow
def test_the_example_of_a_saved_model_runs(exported, monkeypatch):
    folder, expected = exported
    monkeypatch.chdir(folder)
    exec(example(2), {})
    require_stems(folder, expected)
