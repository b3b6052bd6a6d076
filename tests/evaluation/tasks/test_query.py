"""A run that answers queries: trained, killed and continued, scored, asked, by the commands."""

import csv
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from tests.support.commands import run_command, set_flags
from tests.trainer.tasks.generation.kinds import differing
from tests.trainer.tasks.query.small import SMALL, write_records

pytestmark = pytest.mark.slow

FLAGS = [
    "--config=smoke_query",
    *set_flags(
        [
            *SMALL,
            "train.steps=8",
            "train.steps_per_call=4",
            "train.checkpoint_steps=4",
            "train.validation_steps=8",
        ]
    ),
]


@pytest.fixture(scope="module")
def workdir(corpus, tmp_path_factory):
    """A run on the small corpus."""
    folder = tmp_path_factory.mktemp("query")
    write_records(corpus, folder / "records")
    words = [f"--records={folder / 'records'}", f"--workdir={folder / 'run'}"]
    done = run_command("trainer.task", *FLAGS, *words)
    assert done.returncode == 0, done.stderr
    assert "validation improvement " in done.stdout
    assert "presence_f1 " in done.stdout
    assert "threshold" not in done.stdout
    return folder / "run"


@pytest.fixture(scope="module")
def song(corpus, tmp_path_factory):
    path = next(corpus.glob("16_*/AuMix*.wav"))
    waveform, rate = soundfile.read(path, always_2d=True)
    out = tmp_path_factory.mktemp("songs") / "song.wav"
    soundfile.write(out, waveform, rate)
    return out


def test_a_run_that_was_killed_ends_as_if_it_was_not(workdir, tmp_path):
    flags = [*FLAGS, f"--records={workdir.parent / 'records'}", f"--workdir={tmp_path / 'run'}"]
    words = [sys.executable, "-m", "trainer.task", *flags]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        checkpoints = tmp_path / "run" / "checkpoints"
        while not list(checkpoints.glob("ckpt-*.index")) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    done = run_command("trainer.task", *flags)
    assert done.returncode == 0, done.stderr
    assert differing(workdir, tmp_path / "run") == []


def test_the_union_is_scored_and_presence_is_told(workdir):
    done = run_command("evaluation.evaluate", f"--workdir={workdir}", "--checkpoint=latest")
    assert done.returncode == 0, done.stderr
    results = workdir / "evaluation" / "8-test"
    with (results / "presence.csv").open() as file:
        pairs = list(csv.DictReader(file))
    tracks = {row["track"] for row in pairs}
    assert len(pairs) == 2 * len(tracks) * 13
    assert {row["asked"] for row in pairs} == {"by name", "by audio"}
    wanted = {
        (row["track"], row["source"]) for row in pairs if "1" in (row["claimed"], row["there"])
    }
    with (results / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["system"] for row in rows} >= {"model", "by audio", "mixture"}
    scored = {(row["track"], row["source"]) for row in rows}
    assert scored == wanted
    # What is there and not claimed is a silent estimate, what is claimed and not there is absent.
    by_name = {(row["track"], row["source"]): row for row in pairs if row["asked"] == "by name"}
    for row in rows:
        if row["system"] == "model" and row["status"] in ("scored", "silent_estimate", "absent"):
            said = by_name[row["track"], row["source"]]
            if said["there"] == "0":
                assert row["status"] == "absent"
            elif said["claimed"] == "0":
                assert row["status"] in ("silent_estimate", "absent")
    described = json.loads((results / "scores.json").read_text())
    assert 0 <= described["presence"]["by audio"]["f1"] <= 1
    text = (results / "report.md").read_text()
    assert "What is there" in text
    assert "by audio" in text


def test_recordings_are_answered_and_the_rest_adds_up(workdir, song, corpus, tmp_path):
    recording = tmp_path / "lead.wav"
    stem = next(corpus.glob("01_*/AuSep*.wav"))
    recording.write_bytes(stem.read_bytes())
    flags = [f"--workdir={workdir}", f"--query={recording}", f"--out={tmp_path / 'out'}"]
    done = run_command("evaluation.separate", *flags, song)
    assert done.returncode == 0, done.stderr
    assert "there with a probability of: lead 0." in done.stdout
    target, _ = soundfile.read(tmp_path / "out" / "song" / "lead.wav")
    rest, _ = soundfile.read(tmp_path / "out" / "song" / "rest.wav")
    mixture, _ = soundfile.read(song)
    np.testing.assert_allclose(target + rest, mixture, atol=1e-5)
    assert np.abs(target).max() > 1e-4
    again = run_command("evaluation.separate", *flags, song)
    assert "there already" in again.stdout


def test_everything_and_what_is_heard_are_written(workdir, song, tmp_path):
    flags = [f"--workdir={workdir}", "--everything", f"--out={tmp_path / 'all'}"]
    done = run_command("evaluation.separate", *flags, song)
    assert done.returncode == 0, done.stderr
    stems = {path.stem for path in (tmp_path / "all" / "song").glob("*.wav")}
    assert "rest" in stems
    mixture, _ = soundfile.read(song)
    total = sum(soundfile.read(tmp_path / "all" / "song" / f"{stem}.wav")[0] for stem in stems)
    np.testing.assert_allclose(total, mixture, atol=1e-5)
    flags = [f"--workdir={workdir}", "--labels=vn,tba", f"--out={tmp_path / 'named'}"]
    done = run_command("evaluation.separate", *flags, song)
    assert done.returncode == 0, done.stderr
    assert {path.stem for path in (tmp_path / "named" / "song").glob("*.wav")} == {"vn", "tba"}


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--query=nowhere.wav"], "--query=nowhere.wav: there is no such file."),
        (["--everything", "--labels=vn"], "--everything and --labels ask for different things"),
        (["--everything", "--serve"], "--serve opens a page"),
    ],
)
def test_what_makes_no_sense_is_refused(workdir, song, flags, sentence):
    words = [] if "--serve" in flags else [song]
    done = run_command("evaluation.separate", f"--workdir={workdir}", *flags, *words)
    assert done.returncode == 1
    assert sentence in done.stderr


def test_commands_that_need_all_estimates_at_once_refuse_it(workdir, tmp_path):
    for module, flags in (
        ("evaluation.audit", []),
        ("trainer.export", ["--format=saved_model", f"--out={tmp_path / 'out'}"]),
    ):
        done = run_command(module, f"--workdir={workdir}", *flags)
        assert done.returncode == 1, module
        assert "learnt to answer queries (task.kind=query)" in done.stderr
