"""Endurance: every command is killed just before each of its changes of a folder in turn, and the same
command then comes to the same result.
"""

import json
import shutil
import signal
import sys
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import soundfile

from configs.splits import SPLITS
from data_prep.synthetic import write_urmp
from tests.support.commands import run_command, set_flags
from tests.support.killed_commands import KilledCommands
from tests.trainer.loop.test_train import OVERRIDES, assert_same_state
from trainer.loop.metrics import read_metrics

# Checkpoints enough for old ones to be deleted, and validations for the best ones.
SETTINGS = [
    *OVERRIDES,
    "train.steps=10",
    "train.steps_per_call=2",
    "train.checkpoint_steps=2",
    "train.validation_steps=4",
]
SET = " ".join(set_flags(SETTINGS))
# Stands in the line of a moment from which the command did not come to the same result.
FAULT = "; then "
# The clock and the machine are in these.
NOT_COMPARED = {"events", "lock", "metrics.jsonl", "checkpoints", "report.html"}


def contents(folder):
    """Returns what each file says, but for those in which the clock is."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not NOT_COMPARED & set(name.parts):
            if path.suffix == ".zip":
                with zipfile.ZipFile(path) as archive:
                    found[name] = {each: archive.read(each) for each in archive.namelist()}
            elif path.suffix == ".wav":
                # In its header there may be a clock.
                waveform, rate = soundfile.read(path)
                found[name] = (rate, waveform.tobytes())
            else:
                found[name] = path.read_bytes()
    return found


def names(folder):
    """Returns the names of all files; those of TensorBoard have the clock in them."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {str(path) for path in paths if path.parts[0] != "events"}


def same_files(folder, expected):
    assert names(folder) == names(expected)
    ours, theirs = contents(folder), contents(expected)
    assert [str(name) for name in ours if ours[name] != theirs[name]] == []


def same_run(folder, expected):
    same_files(folder, expected)
    assert_same_state(folder, expected)
    assert_same_state(folder, expected, "checkpoints/best")
    lines = [
        [(line["kind"], line["step"], line.get("loss")) for line in read_metrics(str(each))]
        for each in (folder, expected)
    ]
    assert lines[0] == lines[1]


def same_model(folder, expected):
    assert names(folder) == names(expected)
    variables = "saved_model/variables/variables.data-00000-of-00001"
    assert (folder / variables).read_bytes() == (expected / variables).read_bytes()


@dataclass(frozen=True)
class Killed:
    """Is a command, with the folder that it starts from, and how two results are compared."""

    command: str
    start: str | None = None
    same: object = same_files


# In a command, ``out`` is the folder that it changes; the others are as ``prepare`` made them.
COMMANDS = {
    "synthetic": Killed("data_prep.synthetic --corpus=urmp --out=out --pieces=3 --secs=1"),
    "write": Killed(
        "data_prep.write --config=smoke --corpus=urmp --root=corpus --splits=splits.json"
        f" --out=out {SET}"
    ),
    "show": Killed("data_prep.show --records=records --track=03_Lantern_cl_hn --out=out"),
    "task": Killed(
        f"trainer.task --config=smoke --records=records --workdir=out {SET}", None, same_run
    ),
    "export": Killed("trainer.export --workdir=out", "run", same_model),
    "export again": Killed(
        "trainer.export --workdir=out --checkpoint=latest", "exported", same_model
    ),
    "evaluate": Killed("evaluation.evaluate --workdir=out --split=test --baselines=none", "run"),
    "evaluate folders": Killed(
        "evaluation.evaluate --estimates=estimates --references=estimates --out=out"
        " --baselines=none --set=evaluation.filter_taps=16"
    ),
    "audit": Killed("evaluation.audit --workdir=out --split=test", "run"),
    "separate": Killed("evaluation.separate --workdir=run songs --labels=vn,cl --out=out"),
    "compare": Killed("evaluation.compare scores others --report=out/compared.html", "empty"),
}


@pytest.fixture
def begun(soak_folder, monkeypatch):
    """A folder with all that the commands start from, which is also the current one."""
    prepared = soak_folder.parent / "kills"
    if not (prepared / "complete").exists():
        shutil.rmtree(prepared, ignore_errors=True)
        prepared.mkdir()
        monkeypatch.chdir(prepared)
        prepare()
        Path("complete").touch()
    if not (soak_folder / "complete").exists():
        shutil.rmtree(soak_folder)
        shutil.copytree(prepared, soak_folder)
    monkeypatch.chdir(soak_folder)
    return soak_folder


def prepare():
    write_urmp(Path("corpus"), num_pieces=3, secs=2.0, seed=3)
    pieces = sorted(path.parent.name for path in Path("corpus").glob("*/AuMix*.wav"))
    splits = {split: [piece] for split, piece in zip(SPLITS, pieces, strict=True)}
    splits["rule"] = "In the order of their names."
    Path("splits.json").write_text(json.dumps(splits))
    flags = set_flags(SETTINGS)
    must(
        "data_prep.write",
        "--config=smoke",
        "--corpus=urmp",
        "--root=corpus",
        "--splits=splits.json",
        "--out=records",
        *flags,
    )
    must("trainer.task", "--config=smoke", "--records=records", "--workdir=run", *flags)
    shutil.copytree("run", "exported")
    must("trainer.export", "--workdir=exported", "--checkpoint=best")
    shutil.copytree("run", "evaluated")
    must("evaluation.evaluate", "--workdir=evaluated", "--baselines=none")
    (scores,) = Path("evaluated/evaluation").glob("*-test")
    shutil.copytree(scores, "scores")
    shutil.copytree(scores, "others")
    for song in ("one", "two"):
        Path("songs").mkdir(exist_ok=True)
        source = next(Path("corpus", pieces[0]).glob("AuMix*.wav"))
        shutil.copy(source, f"songs/{song}.wav")
        for part in Path("corpus", pieces[0]).glob("AuSep*.wav"):
            instrument = part.stem.split("_")[2]
            Path("estimates", song).mkdir(parents=True, exist_ok=True)
            shutil.copy(part, f"estimates/{song}/{instrument}.wav")
    Path("empty").mkdir()


def must(*command):
    ended = run_command(*command)
    assert ended.returncode == 0, ended.stderr


def begin(killed, out):
    shutil.rmtree(out, ignore_errors=True)
    if killed.start:
        shutil.copytree(killed.start, out)


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="libraries are preloaded in another way")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_kill_before_each_change_leaves_no_trace(name, begun, record_property):
    killed = COMMANDS[name]
    out, expected, log = begun / "out", begun / "expected", begun / "moments.txt"
    log.touch()
    imports = ["tensorflow", "matplotlib.figure", "scipy.signal", "soundfile", "keras"]
    with KilledCommands(begun / "scratch", out, imports) as commands:
        begin(killed, out)
        undisturbed = commands.run(killed.command)
        assert undisturbed.status == 0, undisturbed.output
        shutil.rmtree(expected, ignore_errors=True)
        shutil.copytree(out, expected)
        # Which of them comes first is up to the workers, so that the number of a moment says no
        # more than how far a run had come.
        while (moment := len(log.read_text().splitlines()) + 1) <= undisturbed.num_changes:
            begin(killed, out)
            first = commands.run(killed.command, moment)
            second = commands.run(killed.command)
            fault = fault_of(killed, second, out, expected)
            line = f"{first.status} {first.change or 'had ended'}{fault}"
            with log.open("a") as file:
                file.write(f"{line}\n")
            print(f"{name}: {line}", flush=True)
    lines = log.read_text().splitlines()
    kinds = Counter(line.split()[1] for line in lines if line.startswith(f"{-signal.SIGKILL} "))
    record_property("kills", dict(kinds))
    assert [line for line in lines if FAULT in line] == []
    assert kinds.total() > 0.9 * undisturbed.num_changes > 0


def fault_of(killed, second, out, expected):
    """Returns in a line what is not as it would be without the kill; nothing where all is well."""
    if second.status:
        return f"{FAULT}status {second.status}, {second.output.splitlines()[-1]}"
    try:
        killed.same(out, expected)
    except AssertionError as error:
        return f"{FAULT}{' '.join(str(error).split())[:500]}"
    return ""
