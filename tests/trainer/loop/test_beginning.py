"""Runs that begin with variables of other runs: what is taken, noted, frozen, and refused."""

import shutil

import numpy as np
import pytest

import configs
from data_prep import write
from data_prep.records.manifest import load_manifest
from data_prep.storage.lock import held
from tests.support import replicas
from trainer.devices.found import find_devices
from trainer.loop.beginning import begin
from trainer.loop.checkpoints import read_variables, restore_network
from trainer.loop.protocol import Learnt
from trainer.loop.train import train
from trainer.loop.workdir import load_run, open_run
from trainer.networks import make_network
from trainer.tasks.learnt import read_learnt
from trainer.tasks.registry import make_task

SIZES = [*replicas.OVERRIDES, "model.num_levels=2", "model.num_filters=4", "train.steps=4"]
PLAIN = [
    "augmentation.min_gain=1",
    "augmentation.max_gain=1",
    "augmentation.remix=0",
    "train.average_decay=0.5",
]
ORDERING = ["task.kind=ordering", "task.clip_secs=0.1", "task.gap_secs=0.01", *PLAIN]
ENCODER = "wave_unet/down_1/convolution/kernel"
DECODER = "wave_unet/up_1/convolution/kernel"


@pytest.fixture(scope="module")
def records(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("records")
    write.write(configs.load("smoke", SIZES), "urmp", corpus, out)
    return str(out)


def run(records, workdir, *overrides):
    """Trains as trainer.task does; returns whether it is done."""
    config = configs.load("smoke", [*SIZES, *overrides])
    manifest = load_manifest(records)
    with held(str(workdir)) as hold:
        open_run(str(workdir), config, records, manifest)
        task = make_task(config, manifest, records)
        return train(task, config.train, str(workdir), find_devices(), hold)


@pytest.fixture(scope="module")
def ordered(records, tmp_path_factory):
    """A run that learnt to order clips, and keeps an average of its weights."""
    workdir = tmp_path_factory.mktemp("ordered") / "run"
    assert run(records, workdir, *ORDERING)
    return workdir


def values_of(workdir, which="latest"):
    return read_variables(str(workdir), which)[1]


@pytest.mark.slow
def test_an_encoder_is_taken_stays_and_the_rest_is_fresh(records, ordered, tmp_path, capsys):
    workdir = tmp_path / "run"
    begins = [f"train.begin_from={ordered}", "train.freeze_begun=true", "train.average_decay=0.5"]
    assert run(records, workdir, *begins)
    out = capsys.readouterr().out
    begun = load_run(str(workdir)).config.begun
    assert begun.checkpoint == f"{ordered}/checkpoints/best/ckpt-4"
    paths = [variable.path for variable in make_network(load_run(str(workdir)).config).variables]
    assert sorted([*begun.taken, *begun.fresh]) == sorted(paths)
    assert ENCODER in begun.taken
    # The decoder of a network that put clips in order is untrained.
    assert DECODER in begun.fresh
    before, after = values_of(ordered), values_of(workdir)
    for path in begun.taken:
        np.testing.assert_array_equal(after[path], before[path])
    fresh = make_network(configs.load("smoke", SIZES))
    first = {variable.path: variable.numpy() for variable in fresh.variables}
    changed = [path for path in begun.fresh if not np.array_equal(after[path], first[path])]
    assert changed
    assert f"Begins with {len(begun.taken)} variables of {begun.checkpoint}, which stay" in out
    # What was frozen has no average, and is restored all the same.
    restored = make_network(configs.load("smoke", SIZES))
    restore_network(str(workdir), restored, "latest")
    for variable in restored.variables:
        np.testing.assert_array_equal(variable.numpy(), after[variable.path])


@pytest.mark.slow
def test_a_run_continues_without_the_run_it_began_from(records, ordered, tmp_path):
    source = shutil.copytree(ordered, tmp_path / "source")
    begins = [f"train.begin_from={source}", "train.freeze_begun=true", "train.schedule=constant"]
    whole, halved = tmp_path / "whole", tmp_path / "halved"
    assert run(records, whole, *begins)
    assert run(records, halved, *begins, "train.steps=2")
    source.rename(tmp_path / "elsewhere")
    assert run(records, halved, *begins)
    after, expected = values_of(halved), values_of(whole)
    assert after.keys() == expected.keys()
    for path, value in expected.items():
        np.testing.assert_array_equal(after[path], value)


@pytest.mark.slow
def test_what_is_not_frozen_learns(records, ordered, tmp_path):
    workdir = tmp_path / "run"
    assert run(records, workdir, f"train.begin_from={ordered}")
    assert not np.array_equal(values_of(workdir)[ENCODER], values_of(ordered)[ENCODER])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("begin_from", "overrides", "sentence"),
    [
        ("ordered", ["model.num_filters=5"], "has the path and shape of a variable"),
        ("same", ["train.freeze_begun=true"], "leaves no variable that separation could change"),
    ],
)
def test_what_cannot_begin_is_one_sentence(
    records, ordered, tmp_path, begin_from, overrides, sentence
):
    source = {"ordered": ordered, "same": tmp_path / "same"}
    if begin_from == "same":
        assert run(records, source["same"])
    overrides = [f"train.begin_from={source[begin_from]}", *overrides]
    with pytest.raises(ValueError, match=sentence):
        run(records, tmp_path / "run", *overrides)


def test_a_variable_is_taken_by_its_path_within_the_network_and_its_shape():
    network = make_network(configs.load("smoke", SIZES))
    first = {variable.path: variable.numpy() for variable in network.variables}
    rng = np.random.default_rng(0)
    drawn = {path: rng.normal(size=value.shape) for path, value in first.items()}
    values = {
        # Of a network of another name; one of two of the same path; one of another shape.
        ENCODER.replace("wave_unet", "other"): drawn[ENCODER],
        DECODER: drawn[DECODER],
        DECODER.replace("wave_unet", "other"): drawn[DECODER] + 1,
        ENCODER.replace("kernel", "bias"): np.zeros(3),
    }
    begun = begin({"separator": network}, Learnt("run/ckpt-1", values))
    assert begun.checkpoint == "run/ckpt-1"
    assert begun.taken == (ENCODER, DECODER)
    assert len(begun.fresh) == len(first) - 2
    for variable in network.variables:
        expected = drawn if variable.path in begun.taken else first
        np.testing.assert_array_equal(variable, expected[variable.path].astype(np.float32))


def test_a_folder_without_a_run_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="has no checkpoint yet; train first"):
        read_learnt(str(tmp_path))


def test_freezing_needs_something_to_begin_from():
    with pytest.raises(ValueError, match=r"train\.freeze_begun is True; expected false without"):
        configs.load("smoke", ["train.freeze_begun=true"])


def test_what_a_run_has_begun_with_cannot_be_set():
    with pytest.raises(ValueError, match="no section is called 'begun'"):
        configs.load("smoke", ["begun.checkpoint=x"])
