"""The wheel of musicnn itself: its graph says of a real piece of music what the run says.

It needs the wheel: make test-extras MUSICNN_WHEEL=/path/to/musicnn-0.1.0-py3-none-any.whl.
"""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soxr
import tensorflow as tf

from configs.instruments import RESERVED
from data_prep.audio.stems import find_shipped_stem_file, read_stems
from tests.support.commands import run_command
from tests.trainer.networks.tagger.librosa_formula import log_bands
from trainer.imports.musicnn_wheel import MODELS
from trainer.inference.listener import TrainedListener

WHEEL = os.environ.get("MUSICNN_WHEEL", "")
pytestmark = [
    pytest.mark.extras,
    pytest.mark.skipif(not WHEEL, reason="no MUSICNN_WHEEL, the wheel of musicnn 0.1.0"),
]
# An answer for as many columns: half a second.
COLUMN_HOPS = 31
PICTURE_COLUMNS = 187


@pytest.fixture(scope="module")
def sound():
    """Six seconds of a real track, mono at 16 kHz, (T,)."""
    mixture = read_stems(find_shipped_stem_file())["mixture"]
    mono = mixture.waveform.mean(axis=1, dtype=np.float32)
    return soxr.resample(mono, mixture.sample_rate, 16_000).astype(np.float32)


def probabilities_of_graph(model, pictures, folder):
    """What the wheel's own graph says of pictures (B, 187, 96), with what its checkpoint holds."""
    with zipfile.ZipFile(WHEEL) as file:
        meta = tf.compat.v1.MetaGraphDef.FromString(file.read(f"musicnn/{model}/.meta"))
        for part in (".index", ".data-00000-of-00001"):
            (folder / f"model{part}").write_bytes(file.read(f"musicnn/{model}/{part}"))
    for node in meta.graph_def.node:
        # Of another version of TensorFlow, which says of some shapes what this one refuses.
        node.attr.pop("_output_shapes", None)
    part = tf.compat.v1.graph_util.extract_sub_graph(meta.graph_def, ["model/Sigmoid"])
    reader = tf.train.load_checkpoint(str(folder / "model"))
    variables = [node.name for node in part.node if node.op == "VariableV2"]
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(part, name="")
        values = {graph.get_tensor_by_name(f"{name}/read:0"): name for name in variables}
        feeds = {tensor: reader.get_tensor(name) for tensor, name in values.items()}
        feeds |= {"model/Placeholder:0": pictures, "model/Placeholder_2:0": False}
        with tf.compat.v1.Session(graph=graph) as session:
            return session.run("model/Sigmoid:0", feeds), len(variables)


@pytest.mark.parametrize("model", MODELS)
def test_its_graph_says_the_same_of_a_real_piece(model, sound, tmp_path):
    done = run_command(
        "trainer.import_musicnn",
        f"--wheel={WHEEL}",
        f"--model={model}",
        f"--workdir={tmp_path}/run",
        f"--column_hops={COLUMN_HOPS}",
    )
    assert done.returncode == 0, done.stderr
    listener = TrainedListener(str(tmp_path / "run"))
    sources = listener.config.data.sources
    assert len(sources) == 50
    assert not set(sources) & set(RESERVED)
    # (K, J); those whose picture lies within the track.
    bands = log_bands(listener.config, sound)
    found = listener.activity(sound[:, None])
    before = PICTURE_COLUMNS // 2
    answers = range(before // COLUMN_HOPS, 1 + (len(bands) - 1 - before) // COLUMN_HOPS)
    starts = [answer * COLUMN_HOPS - before for answer in answers]
    assert starts[0] == 0
    pictures = np.stack([bands[s : s + PICTURE_COLUMNS] for s in starts]).astype(np.float32)
    expected, num_variables = probabilities_of_graph(model, pictures, tmp_path)
    assert num_variables == (64 if MODELS[model].body == "musicnn" else 36)
    difference = np.abs(found[:, answers].T - expected).max()
    # As its code does, which keeps bands in half precision.
    power = (10**pictures - 1) / 10_000
    halved = np.log10(10_000 * power.astype(np.float16).astype(np.float32) + 1)
    halved_difference = np.abs(probabilities_of_graph(model, halved, tmp_path)[0] - expected).max()
    means = expected.mean(axis=0)
    best = [f"{sources[k]} {means[k]:.2f}" for k in np.argsort(-means)[:5]]
    print(f"{model}: {len(starts)} pictures, {', '.join(best)}; largest difference")
    print(f"{difference:.2g}, of bands in half precision {halved_difference:.2g}")
    assert expected.max() > 0.2
    assert difference < 1e-4


def test_half_of_the_wheel_is_one_sentence_and_leaves_nothing(tmp_path):
    data = Path(WHEEL).read_bytes()
    (tmp_path / "half.whl").write_bytes(data[: len(data) // 2])
    done = run_command(
        "trainer.import_musicnn",
        f"--wheel={tmp_path}/half.whl",
        "--model=MSD_vgg",
        f"--workdir={tmp_path}/run",
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "is no wheel, or was cut short" in line
    assert not (tmp_path / "run").exists()
