"""The loop: killed and interrupted in real processes, continued, refused; two replicas against one
device.
"""

import dataclasses
import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

import configs
from data_prep import write
from data_prep.records.manifest import load_manifest
from tests.support import replicas
from tests.support.commands import run_command, set_flags
from tests.support.optimisation import optimisation_of
from trainer.loop.checkpoints import Checkpoints, find_checkpoint, restore_network
from trainer.loop.metrics import read_metrics
from trainer.loop.optimisation import require_even_batches
from trainer.loop.schedules import LearningRate
from trainer.loop.workdir import load_run, open_run
from trainer.networks import make_network
from trainer.tasks.separation.step import SEPARATOR
from trainer.tasks.separation.task import SeparationTask

SETTINGS = [
    "train.steps=40",
    "train.steps_per_call=4",
    "train.checkpoint_steps=8",
    "train.validation_steps=16",
    "train.learning_rate=1e-3",
    "train.schedule=constant",
]
# The fewer layers, the sooner TensorFlow has compiled the step.
NETWORK = ["model.num_levels=2", "model.computation=plain"]
OVERRIDES = [*replicas.OVERRIDES, *NETWORK, *SETTINGS]


@pytest.fixture(scope="module")
def records(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("records")
    write.write(configs.load("smoke", OVERRIDES), "urmp", corpus, out)
    return str(out)


def flags_of_run(records, workdir, *overrides):
    arguments = ["--config=smoke", f"--records={records}", f"--workdir={workdir}"]
    return [*arguments, *set_flags([*OVERRIDES, *overrides])]


def command(records, workdir, *overrides):
    """The same run as a process of its own, which can be interrupted."""
    flags = flags_of_run(records, workdir, *overrides)
    return [sys.executable, "-m", "trainer.task", *flags]


def run(records, workdir, *overrides):
    return run_command("trainer.task", *flags_of_run(records, workdir, *overrides))


def state(checkpoints):
    """Every number of the newest checkpoint but the save counter: weights, optimizer, step."""
    reader = tf.train.load_checkpoint(str(checkpoints))
    names = [
        name
        for name in reader.get_variable_to_shape_map()
        if not name.startswith(("save_counter", "_CHECK", "config/"))
    ]
    return {name: reader.get_tensor(name) for name in names}


def assert_same_state(workdir, other, folder="checkpoints"):
    # One of them may be an address.
    ours, theirs = state(f"{workdir}/{folder}"), state(f"{other}/{folder}")
    assert ours.keys() == theirs.keys()
    assert len(ours) > 20
    for name, value in ours.items():
        np.testing.assert_array_equal(value, theirs[name], err_msg=name)


def interrupt(records, workdir, number):
    """Start the run, send a signal once it has taken steps, and return its exit status and output.

    A killed run keeps its last checkpoint, so there must be one; an interrupted one makes its own.
    """
    rarely = ["train.checkpoint_steps=100000"] if number != signal.SIGKILL else []
    arguments = command(records, workdir, "train.steps=100000", *rarely)
    process = subprocess.Popen(
        arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = []
    while not lines or not lines[-1].startswith("step"):
        lines.append(process.stdout.readline())
        assert lines[-1], lines  # the run has ended
    while number == signal.SIGKILL and not tf.train.latest_checkpoint(str(workdir / "checkpoints")):
        time.sleep(0.05)
    process.send_signal(number)
    output = process.communicate(timeout=120)[0]
    return process.returncode, "".join(lines) + output


@pytest.fixture(scope="module")
def undisturbed(records, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("undisturbed")
    result = run(records, workdir)
    assert result.returncode == 0, result.stderr
    assert "step 40/40" in result.stdout
    return workdir


def newest_step(workdir):
    return int(tf.train.latest_checkpoint(str(workdir / "checkpoints")).rsplit("-", 1)[1])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGKILL, -9), (signal.SIGTERM, 75), (signal.SIGINT, 75)]
)
def test_an_interrupted_run_continues_to_the_same_end(
    records, tmp_path_factory, tmp_path, number, status
):
    returncode, output = interrupt(records, tmp_path, number)
    assert returncode == status, output
    end = newest_step(tmp_path) + 16
    continued = run(records, tmp_path, f"train.steps={end}")
    assert continued.returncode == 0, continued.stderr
    assert f"continuing after step {end - 16}" in continued.stdout
    undisturbed = tmp_path_factory.mktemp("undisturbed")
    assert run(records, undisturbed, f"train.steps={end}").returncode == 0
    assert_same_state(tmp_path, undisturbed)


def test_a_finished_run_says_so_and_changes_nothing(records, undisturbed):
    before = state(undisturbed / "checkpoints")
    result = run(records, undisturbed)
    assert result.returncode == 0
    assert "The run is done after 40 steps." in result.stdout
    assert all(
        np.array_equal(value, before[name])
        for name, value in state(undisturbed / "checkpoints").items()
    )


def test_old_checkpoints_are_dropped_and_events_written(undisturbed):
    assert len(list((undisturbed / "checkpoints").glob("ckpt-*.index"))) == 3
    events = list((undisturbed / "events").glob("events*"))
    tags = {
        value.tag
        for path in events
        for event in tf.compat.v1.train.summary_iterator(str(path))
        for value in event.summary.value
    }
    figures = {"loss", "examples_per_second", "learning_rate", "input_wait"}
    assert tags >= {
        *(f"train/{name}" for name in figures),
        "valid/improvement",
        "valid/loss",
        "audio/mixture",
    }
    metrics = read_metrics(str(undisturbed))
    assert [line["step"] for line in metrics if line["kind"] == "train"] == list(range(4, 41, 4))
    assert [line["step"] for line in metrics if line["kind"] == "valid"] == [16, 32, 40]
    assert all(figures <= line.keys() for line in metrics if line["kind"] == "train")
    assert all(0 <= line.get("input_wait", 0) <= 1 for line in metrics)


def test_the_network_alone_comes_back_as_it_was_trained(records, undisturbed):
    config = configs.load("smoke", OVERRIDES)
    network = make_network(config)
    untrained = [variable.numpy() for variable in network.variables]
    assert restore_network(str(undisturbed), network, "latest") == 40
    task = SeparationTask(config, load_manifest(records), records)
    assert not any(
        np.array_equal(variable.numpy(), w)
        for variable, w in zip(network.variables, untrained, strict=True)
    )
    batch = next(iter(task.make_examples(39).batch(config.train.batch_size)))
    (objective,) = task.make_objectives({SEPARATOR: network})
    trained = float(objective.loss(batch, 0))
    for variable, before in zip(network.variables, untrained, strict=True):
        variable.assign(before)
    assert trained < 0.9 * float(objective.loss(batch, 0))
    assert restore_network(str(undisturbed), network, "32") == 32
    with pytest.raises(ValueError, match=r"no checkpoint '7' in .*; there are best, latest, "):
        restore_network(str(undisturbed), network, "7")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["train.learning_rate=0.1"],
            "holds a run of another config (train.learning_rate was 0.001, is 0.1)",
        ),
        (
            ["train.seed=3", "model.gate_heads=false"],
            "model.gate_heads was True, is False; train.seed was 0, is 3",
        ),
        (["audio.sample_rate=16000"], "needs records with sample_rate 16000"),
        (["train.steps=0"], "train.steps is 0; expected from 1 to "),
    ],
)
def test_another_config_is_refused_in_one_sentence(records, undisturbed, overrides, message):
    result = run(records, undisturbed, *overrides)
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.slow
def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoints(records, tmp_path):
    result = run(
        records,
        tmp_path,
        "train.learning_rate=1e30",
        "train.checkpoint_steps=1",
        "model.output=difference",
        "model.residual=vn",
    )
    assert result.returncode == 1
    assert "the loss of step 2" in result.stderr or "the loss of step 3" in result.stderr
    assert all(
        np.isfinite(value).all()
        for value in state(tmp_path / "checkpoints").values()
        if value.dtype == np.float32
    )


@pytest.mark.slow
def test_a_first_try_without_a_checkpoint_does_not_lock_the_workdir(records, tmp_path):
    assert run(records, tmp_path, "train.batch_size=4", "train.learning_rate=1e30").returncode == 1
    assert run(records, tmp_path, "train.steps=8").returncode == 0


def test_other_records_are_refused(records, undisturbed):
    manifest = load_manifest(records)
    shards = {**manifest.shards, "train": manifest.shards["train"][1:]}
    config = configs.load("smoke", OVERRIDES)
    with pytest.raises(ValueError, match="holds a run on other records"):
        open_run(str(undisturbed), config, records, dataclasses.replace(manifest, shards=shards))


def copy_of_run(undisturbed, workdir):
    shutil.rmtree(workdir, ignore_errors=True)
    shutil.copytree(undisturbed, workdir)
    return workdir / "checkpoints"


def make_checkpoints(workdir):
    settings = configs.load("smoke", OVERRIDES)
    network = make_network(settings)
    return Checkpoints(str(workdir), optimisation_of(settings, network), 3)


def test_a_run_continues_from_checkpoints_whose_lists_are_gone(undisturbed, tmp_path):
    """As after a kill between the first checkpoint, or the first best one, and its list."""
    folder = copy_of_run(undisturbed, tmp_path / "run")
    for listing in (folder / "checkpoint", folder / "best" / "checkpoint"):
        listing.unlink()
    checkpoints = make_checkpoints(tmp_path / "run")
    assert checkpoints.restore() == 40
    checkpoints.save(44)
    checkpoints.save_best(44)
    assert newest_step(tmp_path / "run") == 44
    assert len(list(folder.glob("ckpt-*.index"))) == 3
    assert len(list((folder / "best").glob("ckpt-*.index"))) == 1


def edit_config(undisturbed, workdir, section, change):
    """Copies a run, and changes a section of its config.json by hand."""
    copy_of_run(undisturbed, workdir)
    path = workdir / "config.json"
    config = json.loads(path.read_text())
    change(config[section])
    path.write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("section", "change", "message"),
    [
        ("data", lambda data: data["sources"].reverse(), "data.sources was ('"),
        ("model", lambda model: model.update(gate_heads=False), "gate_heads was True, is False"),
        ("model", lambda model: model.update(head_activation="linear"), "was 'tanh', is 'linear'"),
        ("audio", lambda audio: audio.update(sample_rate=4000), "sample_rate was 8000, is 4000"),
        ("augmentation", lambda section: section.update(label_dropout=0.5), "dropout was 0.0, is"),
    ],
)
def test_a_config_that_was_changed_by_hand_is_refused(
    undisturbed, tmp_path, section, change, message
):
    workdir = tmp_path / "run"
    edit_config(undisturbed, workdir, section, change)
    uses = [lambda: find_checkpoint(str(workdir), "best")]
    if section == "data":
        # To continue the run, which takes longer to set up.
        uses.append(lambda: make_checkpoints(workdir).restore())
    for use in uses:
        with pytest.raises(ValueError, match=r"config\.json is not what .* trained with") as error:
            use()
        assert message in str(error.value)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("section", "change"),
    [
        ("train", lambda train: train.update(steps=99, checkpoint_steps=3, cache="none")),
        ("train", lambda train: train.update(validate_untrained=True)),
        ("train", lambda train: train.update(accumulate=2, rematerialise=True)),
        # As of a version that had neither.
        ("train", lambda train: [train.pop(name) for name in ("accumulate", "rematerialise")]),
        ("model", lambda model: model.update(computation="tpu")),
        ("evaluation", lambda evaluation: evaluation.update(segment_secs=0.5)),
        # As of a version that had no such field.
        ("augmentation", lambda augmentation: augmentation.pop("swap_channels")),
    ],
)
def test_what_may_change_when_a_run_continues_may_be_changed_by_hand(
    undisturbed, tmp_path, section, change
):
    edit_config(undisturbed, tmp_path / "run", section, change)
    assert find_checkpoint(str(tmp_path / "run"), "latest")[1] == 40


@pytest.mark.parametrize("name", ["ckpt-40.data-00000-of-00001", "ckpt-40.index"])
@pytest.mark.parametrize("damage", ["truncated", "missing", "too large"])
def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(
    undisturbed, tmp_path, capfd, name, damage
):
    folder = copy_of_run(undisturbed, tmp_path / "run")
    path = folder / name
    content = path.read_bytes()
    path.unlink()
    if damage == "truncated":
        path.write_bytes(content[:100])
    if damage == "too large":
        # The last 48 bytes of an index tell where its blocks are: one of them of 2^61 bytes.
        footer = bytes([0] * 3 + [128] * 8 + [32]).ljust(40, b"\0")
        path.write_bytes(content[:-48] + footer + content[-8:])
    with pytest.raises(ValueError, match="ckpt-40 is damaged, missing or of another network"):
        restore_network(
            str(tmp_path / "run"), make_network(configs.load("smoke", OVERRIDES)), "latest"
        )
    assert make_checkpoints(tmp_path / "run").restore() == 32
    assert (
        "ckpt-40 is damaged, missing or of another network. Going back to" in capfd.readouterr().out
    )


@pytest.mark.slow
def test_a_run_goes_on_from_the_checkpoint_before_to_the_same_end(records, undisturbed, tmp_path):
    folder = copy_of_run(undisturbed, tmp_path / "run")
    (folder / "ckpt-40.index").write_bytes(b"x")
    result = run(records, tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert "Going back to" in result.stdout
    assert "continuing after step 32" in result.stdout
    assert_same_state(tmp_path / "run", undisturbed)
    assert [
        line["step"] for line in read_metrics(str(tmp_path / "run")) if line["kind"] == "valid"
    ] == [16, 32, 40]


def test_where_no_checkpoint_is_whole_nothing_is_trained_over_them(undisturbed, tmp_path):
    folder = copy_of_run(undisturbed, tmp_path / "run")
    for path in folder.glob("*.index"):
        path.write_bytes(b"x")
    with pytest.raises(ValueError, match="ckpt-24 is damaged"):
        make_checkpoints(tmp_path / "run").restore()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.json", ""),
        ("config.json", "{"),
        ("records.json", "[]"),
        ("records.json", '{"a": 1}'),
    ],
)
def test_a_workdir_file_that_is_no_longer_what_was_written_is_named(
    undisturbed, tmp_path, name, text
):
    for file in ("config.json", "records.json"):
        shutil.copy(undisturbed / file, tmp_path)
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=f"{name} is not what trainer.task wrote"):
        load_run(str(tmp_path))


@pytest.mark.parametrize(
    ("records_name", "workdir_name", "message"),
    [
        ("", "file", "error: "),
        ("file", "run", "must be a folder that data_prep.write made"),
        (".", "run", "there is no manifest.json in"),
    ],
)
def test_folders_that_are_none_are_one_sentence(
    records, tmp_path, records_name, workdir_name, message
):
    (tmp_path / "file").write_text("x")
    result = run(tmp_path / records_name if records_name else records, tmp_path / workdir_name)
    assert result.returncode == 1
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1, result.stderr


@pytest.mark.slow
def test_two_replicas_train_like_one_device(records):
    result = subprocess.run(
        [sys.executable, "-m", "tests.support.replicas", records],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    differences = json.loads(result.stdout.splitlines()[-1])
    assert differences["gradients"] < 1e-5
    assert differences["sgd_weights"] < 1e-6
    assert differences["weights_in_parts"] < 1e-6
    assert differences["losses_in_parts"] < 1e-5
    assert differences["adam_losses"] < 1e-4
    assert differences["clipped_norms"] == pytest.approx(
        [1e-3, 1e-3], rel=1e-3
    )  # of the global gradient, on both
    assert differences["averages"] < 1e-6
    # The run did learn.
    assert differences["adam_last_losses"] < 0.9 * differences["adam_first_losses"], differences


def test_schedules():
    def rates(*overrides):
        settings = configs.load(
            "smoke", ["train.learning_rate=0.1", "train.steps=1000", *overrides]
        ).train
        schedule = LearningRate(settings)
        return [float(schedule(step)) for step in (0, 250, 500, 1000)]

    assert rates("train.schedule=constant") == pytest.approx([0.1] * 4)
    assert rates("train.schedule=plateau") == pytest.approx([0.1] * 4)
    warm = rates("train.schedule=constant", "train.warmup_steps=501")
    assert warm == pytest.approx([0.1 / 501, 0.1 * 251 / 501, 0.1, 0.1])
    exponential = rates(
        "train.schedule=exponential", "train.decay_steps=500", "train.decay_rate=0.5"
    )
    assert exponential == pytest.approx([0.1, 0.1 * 0.5**0.5, 0.05, 0.025])
    cosine = [0.1 * 0.5 * (1 + np.cos(np.pi * share)) for share in (0, 0.25, 0.5, 1)]
    assert rates("train.schedule=cosine") == pytest.approx(cosine, abs=1e-8)


@pytest.mark.slow
def test_more_steps_move_the_cosine_schedule_and_say_so(records, tmp_path):
    assert run(records, tmp_path, "train.schedule=cosine", "train.steps=8").returncode == 0
    continued = run(records, tmp_path, "train.schedule=cosine", "train.steps=12")
    assert continued.returncode == 0, continued.stderr
    assert "The cosine schedule now ends at step 12, not 8" in continued.stdout


def test_a_batch_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="batch_size is 3; expected a multiple of the 2 replicas"):
        require_even_batches(configs.load("smoke", ["train.batch_size=3"]).train, 2)


def test_a_batch_that_does_not_divide_into_parts_of_all_replicas_is_refused():
    settings = configs.load("smoke", ["train.batch_size=12", "train.accumulate=4"]).train
    require_even_batches(settings, 3)
    sentence = "batch_size is 12; expected a multiple of the 2 cores of a chip times train.accumulate, 4: of 8"
    with pytest.raises(ValueError, match=sentence):
        require_even_batches(settings, 2, "cores of a chip")
