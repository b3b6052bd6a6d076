"""A model in a wheel of musicnn becomes a run: the same probabilities, its tags and its licence."""

import numpy as np
import pytest

from tests.support.commands import run_command
from tests.trainer.imports.musicnn_wheel import (
    TAGS,
    checkpoint_of,
    files_of,
    musicnn_probabilities,
    musicnn_shapes,
    random_variables,
    vgg_probabilities,
    vgg_shapes,
    write_wheel,
)
from trainer.imports.musicnn_run import make_tagger, read_musicnn, write_run
from trainer.imports.musicnn_tensors import LAYERS, give_weights
from trainer.inference.listener import TrainedListener
from trainer.loop.workdir import load_run

MUSICNN = random_variables(musicnn_shapes(len(TAGS)))
INFO = "musicnn-0.1.0.dist-info"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Those of a wheel with one model."""
    return files_of({"MTT_musicnn": checkpoint_of(MUSICNN, tmp_path_factory.mktemp("checkpoint"))})


@pytest.fixture(scope="module")
def wheel(files, tmp_path_factory):
    return write_wheel(tmp_path_factory.mktemp("wheel") / "musicnn.whl", files)


@pytest.fixture(scope="module")
def network(wheel):
    return make_tagger(read_musicnn(wheel, "MTT_musicnn"))


def pictures_of(num_pictures):
    rng = np.random.default_rng(1)
    # Each louder than the one before, and in other bands.
    levels = np.arange(1, num_pictures + 1)[:, None, None] * rng.uniform(
        0, 2, (num_pictures, 1, 96)
    )
    return (levels * rng.uniform(0, 1, (num_pictures, 187, 96))).astype(np.float32)


def heard_in(network, pictures):
    decided = network.body.decode(network.body.encode(pictures)[-1])
    return 1 / (1 + np.exp(-np.asarray(decided)[:, 0]))


def test_its_probabilities_are_those_of_the_graph(network):
    pictures = pictures_of(2)
    expected = musicnn_probabilities(MUSICNN, pictures)
    np.testing.assert_allclose(heard_in(network, pictures), expected, atol=1e-5)
    assert expected.std(axis=0).max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("model", ["MTT_vgg", "MSD_vgg"])
def test_so_are_those_of_the_other_networks(tmp_path, model):
    variables = random_variables(vgg_shapes(len(TAGS)))
    files = files_of({model: checkpoint_of(variables, tmp_path)})
    found = read_musicnn(write_wheel(tmp_path / "a.whl", files), model)
    pictures = pictures_of(2)
    expected = vgg_probabilities(variables, pictures, model)
    np.testing.assert_allclose(heard_in(make_tagger(found), pictures), expected, atol=1e-5)
    assert expected.std(axis=0).max() > 1e-3


def test_the_run_has_the_tags_the_analysis_and_the_whole_licence(wheel, network, tmp_path):
    found = read_musicnn(wheel, "MTT_musicnn", column_hops=31)
    assert found.config.model.column_hops == 31
    write_run(found, network, str(tmp_path / "run"))
    run = load_run(str(tmp_path / "run"))
    assert run.config.data.sources == tuple(TAGS)
    assert run.config.audio.sample_rate == 16_000
    assert run.config.name == "mtt_musicnn"
    assert run.imported.licence == "ISC. Copyright (c) somebody. Use it"
    assert run.imported.trained_on == "MagnaTagATune"
    assert list(run.imported.files) == ["musicnn.whl"]
    with pytest.raises(ValueError, match="holds a run; choose another --workdir"):
        write_run(found, network, str(tmp_path / "run"))


@pytest.mark.slow
def test_the_command_makes_a_run_that_listens(wheel, tmp_path):
    arguments = [f"--wheel={wheel}", "--model=MTT_musicnn", f"--workdir={tmp_path}/run"]
    done = run_command("trainer.import_musicnn", *arguments)
    assert done.returncode == 0, done.stderr
    assert (
        "is a run of 5 tags at 16,000 Hz: guitar, no vocals, 00s, Hip-Hop, new age." in done.stdout
    )
    listener = TrainedListener(str(tmp_path / "run"))
    sound = np.random.default_rng(0).standard_normal((50_000, 1)).astype(np.float32)
    # 93 columns of 256 frames from one answer to the next.
    activity = listener.activity(sound)
    assert activity.shape == (5, 3)
    assert activity.std() > 0.01


def spoilt(files, what):
    """The files of a wheel, and those that are not what RECORD says."""
    data = "musicnn/MTT_musicnn/.data-00000-of-00001"
    if what == "changed":
        return files, {data: files[data][:-1] + b"?"}
    if what == "version":
        return files_of({}, version="0.2.0"), {}
    if what == "package":
        return files_of({}, name="musicmm"), {}
    if what == "model":
        return {name: each for name, each in files.items() if name != data}, {}
    code = {
        "tags": b"MSD_LABELS = ['a']\n",
        "words": b"MTT_LABELS = [1]\n",
        "code": b"MTT_LABELS = [\n",
        "run": b"MTT_LABELS = list('ab')\n",
    }
    return {**files, "musicnn/configuration.py": code[what]}, {}


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("changed", "has a file musicnn/MTT_musicnn/.data-00000-of-00001 that its RECORD does not"),
        ("version", "is a wheel of musicnn 0.2.0; expected what 'pip download"),
        ("package", "is a wheel of musicmm 0.1.0; expected what"),
        ("model", "has no file musicnn/MTT_musicnn/.data-00000-of-00001; expected"),
        ("tags", "has no list of words MTT_LABELS in musicnn/configuration.py; expected"),
        ("words", "has no list of words MTT_LABELS in"),
        ("code", "has something else than words in musicnn/configuration.py; expec"),
        ("run", "has something else than words in musicnn/configuration.py; expec"),
    ],
)
def test_another_wheel_is_one_sentence_and_leaves_nothing(files, tmp_path, what, sentence):
    write_wheel(tmp_path / "a.whl", *spoilt(files, what))
    refused_in(tmp_path, sentence)


def refused_in(folder, sentence):
    done = run_command(
        "trainer.import_musicnn",
        f"--wheel={folder}/a.whl",
        "--model=MTT_musicnn",
        f"--workdir={folder}/run",
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert sentence in line
    assert not (folder / "run").exists()


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("none", "a.whl; expected what 'pip download --no-deps musicnn==0.1.0' fetches."),
        ("cut", "is no wheel, or was cut short (File is not a zip file); expected"),
        ("bit", "is no wheel, or was cut short (Bad CRC-32 for file 'musicnn/MTT_musicnn/.data"),
        ("zip", "is a zip file but no wheel; expected"),
        ("checkpoint", "holds no checkpoint that TensorFlow reads ("),
    ],
)
def test_what_is_damaged_is_one_sentence_and_leaves_nothing(files, wheel, tmp_path, what, sentence):
    path = tmp_path / "a.whl"
    data = bytearray(wheel.read_bytes())
    if what == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif what == "bit":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif what == "zip":
        write_wheel(path, {"a/METADATA": b""})
    elif what == "checkpoint":
        write_wheel(path, {**files, "musicnn/MTT_musicnn/.index": b"no index"})
    refused_in(tmp_path, sentence)


@pytest.mark.parametrize(
    ("name", "values", "sentence"),
    [
        ("conv2d_7/bias", None, "here has no variable conv2d_7/bias; expected that of the wheel."),
        ("conv2d_8/bias", np.zeros(3), "that the network has no place for: conv2d_8/bias."),
        ("dense_1/bias", np.zeros(4), r"has dense_1/bias of the shape \(4,\) and float32; expec"),
        ("conv2d_3/bias", np.full(51, np.nan), "has values in conv2d_3/bias that no weights are"),
        ("batch_normalization_4/moving_variance", np.full(51, -1), "moving_variance that no weig"),
    ],
)
def test_variables_of_another_network_are_refused(network, name, values, sentence):
    tensors = dict(MUSICNN)
    tensors.pop(name, None)
    if values is not None:
        tensors[name] = values.astype(np.float32)
    before = [variable.numpy() for variable in network.body.variables[:3]]
    with pytest.raises(ValueError, match=sentence):
        give_weights(network.body, LAYERS["musicnn"], tensors, "here")
    for variable, values_before in zip(network.body.variables, before, strict=False):
        np.testing.assert_array_equal(variable.numpy(), values_before)


def test_a_model_that_is_not_in_the_wheel_is_named(wheel):
    with pytest.raises(ValueError, match="--model is 'MSD_musicnn_big'; expected one of MTT_mus"):
        read_musicnn(wheel, "MSD_musicnn_big")
