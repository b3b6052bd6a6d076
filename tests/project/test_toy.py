"""A network and a task that the project does not know go through everything, and no file is touched
for it.
"""

import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
import tensorflow as tf

import tests.support.toy  # noqa: F401
from tests.support.commands import run_command, set_flags
from trainer.loop.metrics import read_metrics

pytestmark = pytest.mark.slow

OVERRIDES = ["audio.sample_rate=4000", "data.excerpt_secs=1"]
TRAIN = [*OVERRIDES, "train.steps=16", "train.steps_per_call=4", "train.checkpoint_steps=4"]


@pytest.fixture(scope="module")
def records(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("toy") / "records"
    flags = ["--config=toy", "--corpus=urmp", f"--root={corpus}", f"--out={out}", "--workers=1"]
    # The sources of the toy are four of the corpus's thirteen: the others are not read.
    done = run_command("data_prep.write", *flags, *set_flags([*OVERRIDES, SOURCES]))
    assert done.returncode == 0, done.stderr
    return out


SOURCES = "data.sources=bn,cl,db,fl,hn,ob,sax,tba,tbn,tpt,va,vc,vn"
TRAIN += [SOURCES]
OVERRIDES += [SOURCES]


def train_flags(records, workdir, *overrides):
    flags = ["--config=toy", f"--records={records}", f"--workdir={workdir}"]
    return [*flags, *set_flags([*TRAIN, *overrides])]


@pytest.fixture(scope="module")
def workdir(records, tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy_run")
    settings = ["train.validation_steps=8", "train.validate_untrained=true"]
    flags = train_flags(records, folder, *settings)
    done = run_command("trainer.task", *flags)
    assert done.returncode == 0, done.stderr
    assert "of full scale" in done.stdout
    return folder


def test_it_trains_and_tells_of_every_objective(workdir):
    lines = read_metrics(str(workdir))
    trained = [line for line in lines if line["kind"] == "train"]
    assert all({"critic_loss", "separator_loss"} <= line.keys() for line in trained)
    assert trained[-1]["separator_loss"] < trained[0]["separator_loss"]
    valid = [line for line in lines if line["kind"] == "valid"]
    # 0 of the untrained network.
    assert [line["step"] for line in valid] == [0, 8, 16]
    assert all({"error", "raw_error"} <= line.keys() for line in valid)


def test_the_best_checkpoint_is_that_of_the_lowest_error(workdir):
    errors = {line["step"]: line["error"] for line in read_metrics(str(workdir)) if "error" in line}
    best = tf.train.latest_checkpoint(str(workdir / "checkpoints" / "best"))
    assert int(best.rsplit("-", 1)[1]) == min(errors, key=errors.get)
    saved = tf.train.load_checkpoint(best)
    assert saved.get_tensor("best/.ATTRIBUTES/VARIABLE_VALUE") == -min(errors.values())


def test_every_objective_has_its_own_optimizer_and_counts_its_own_updates(workdir):
    saved = tf.train.load_checkpoint(str(workdir / "checkpoints"))
    shapes = saved.get_variable_to_shape_map()

    def value(name):
        (path,) = [path for path in shapes if path.startswith("optimizer/") and name in path]
        return saved.get_tensor(path)

    assert value("critic.Siteration") == 5 * 16
    assert value("separator.Siteration") == 16
    assert [path for path in shapes if "critic.S" in path and "momentum" in path]


def test_what_it_shows_is_written(workdir):
    tags = set()
    for path in (workdir / "events").iterdir():
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            tags |= {value.tag for value in event.summary.value}
    assert tags >= {"audio/filter", "number/bias", "picture/nothing", "valid/error"}


def test_a_dry_run_describes_it_and_writes_nothing(records, tmp_path):
    flags = train_flags(records, tmp_path / "none")
    # Fewer steps than are measured.
    done = run_command("trainer.task", *flags, "--set=train.steps=2", "--dry_run")
    assert done.returncode == 0, done.stderr
    assert "game" in done.stdout
    assert "two networks" in done.stdout
    assert not (tmp_path / "none").exists()


def test_its_scores_and_its_page_are_written(workdir):
    done = run_command("evaluation.evaluate", f"--workdir={workdir}", "--checkpoint=latest")
    assert done.returncode == 0, done.stderr
    folder = workdir / "evaluation" / "16-test"
    assert (folder / "scores.csv").read_text().startswith("track,error\n")
    page = (folder / "report.html").read_text()
    assert "How far the filters are off" in page
    assert "A toy." in (folder / "report.md").read_text()


def test_what_cannot_compare_its_runs_says_so(workdir):
    scores = [f"{workdir}/evaluation/16-test"] * 2
    done = run_command("evaluation.compare", *scores)
    sentence = "runs of the task toy cannot be compared; read their reports."
    assert (done.returncode, done.stderr) == (1, f"error: {sentence}\n")


def test_a_flag_of_another_task_is_refused(workdir):
    done = run_command("evaluation.evaluate", f"--workdir={workdir}", "--audit")
    assert (done.returncode, done.stderr) == (
        1,
        "error: --audit means nothing for the task toy; its own flags are none.\n",
    )


def test_its_runs_have_no_mean(workdir, tmp_path):
    shutil.copytree(workdir, tmp_path / "other")
    flags = [f"--workdir={workdir}", f"--workdir={tmp_path / 'other'}", "--checkpoint=latest"]
    done = run_command("evaluation.evaluate", *flags)
    sentence = "runs of the task toy have no mean to be scored; name one --workdir."
    assert (done.returncode, done.stderr) == (1, f"error: {sentence}\n")


def test_the_untrained_network_is_validated_once_and_is_never_the_best(records, tmp_path):
    """Of a run that only gets worse, in two goes."""
    settings = ["learning_rate=1", "validation_steps=4", "validate_untrained=true"]
    overrides = [f"train.{setting}" for setting in settings]
    for num_steps in (4, 8):
        flags = train_flags(records, tmp_path, *overrides, f"train.steps={num_steps}")
        done = run_command("trainer.task", *flags)
        assert done.returncode == 0, done.stderr
        assert ("step 0: validation error " in done.stdout) == (num_steps == 4)
    errors = {
        line["step"]: line["error"] for line in read_metrics(str(tmp_path)) if "error" in line
    }
    assert list(errors) == [0, 4, 8]
    assert errors[0] < min(errors[4], errors[8])
    best = tf.train.latest_checkpoint(str(tmp_path / "checkpoints" / "best"))
    assert int(best.rsplit("-", 1)[1]) == min((4, 8), key=errors.get)
    shown = [
        event.step
        for path in sorted((tmp_path / "events").iterdir())
        for event in tf.compat.v1.train.summary_iterator(str(path))
        for value in event.summary.value
        if value.tag == "valid/error"
    ]
    assert shown == [0, 4, 8]


def test_its_network_separates_files_and_is_exported(workdir, tmp_path):
    rng = np.random.default_rng(0)
    song = (0.1 * rng.standard_normal((900, 1))).astype(np.float32)
    soundfile.write(tmp_path / "song.wav", song, 4000, subtype="FLOAT")
    flags = [f"--workdir={workdir}", "--checkpoint=latest", f"--out={tmp_path}", "--labels=vn,vc"]
    done = run_command("evaluation.separate", *flags, str(tmp_path / "song.wav"))
    assert done.returncode == 0, done.stderr
    stem, rate = soundfile.read(tmp_path / "song" / "vn.wav", always_2d=True)
    assert (stem.shape, rate) == (song.shape, 4000)

    exported = tmp_path / "saved_model"
    done = run_command(
        "trainer.export", f"--workdir={workdir}", "--checkpoint=latest", f"--out={exported}"
    )
    assert done.returncode == 0, done.stderr
    model = tf.saved_model.load(str(exported))
    sources = [name.decode() for name in model.describe()["sources"].numpy()]
    labels = tf.constant([float(name in ("vn", "vc")) for name in sources])
    estimates = model.separate(tf.constant(song), labels).numpy()
    np.testing.assert_allclose(estimates[sources.index("vn")], stem, atol=1e-6)


def test_a_killed_run_continues_bit_for_bit(records, tmp_path):
    rounds = ["train.steps=100000", "train.validation_steps=8"]
    flags = train_flags(records, tmp_path / "killed", *rounds)
    command = [sys.executable, "-m", "tests.support.toy", "trainer.task", *flags]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    while not tf.train.latest_checkpoint(str(tmp_path / "killed" / "checkpoints")):
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    killed_at = int(
        tf.train.latest_checkpoint(str(tmp_path / "killed" / "checkpoints")).rsplit("-", 1)[1]
    )
    end = [f"train.steps={killed_at + 8}", "train.validation_steps=8"]
    for name in ("killed", "undisturbed"):
        done = run_command("trainer.task", *train_flags(records, tmp_path / name, *end))
        assert done.returncode == 0, done.stderr
    ours, theirs = (
        tf.train.load_checkpoint(str(tmp_path / name / "checkpoints"))
        for name in ("killed", "undisturbed")
    )
    names = [name for name in ours.get_variable_to_shape_map() if "save_counter" not in name]
    names = [name for name in names if "OBJECT_GRAPH" not in name]
    assert len(names) > 10
    for name in names:
        np.testing.assert_array_equal(ours.get_tensor(name), theirs.get_tensor(name), err_msg=name)


def test_two_devices_train_as_one(records):
    command = [sys.executable, "-m", "tests.support.toy.replicas", str(records), *OVERRIDES]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    one, two = np.array(json.loads(done.stdout.splitlines()[-1]))
    assert one.shape == (10, 2)
    np.testing.assert_allclose(two, one, rtol=1e-5)
