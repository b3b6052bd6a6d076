"""A log that something damaged: what can be read of it is read, nothing is lost, and all is told."""

import os
import stat

import pytest

from configs import Train
from evaluation.report import curves
from trainer.loop.metrics import read_metrics, write_metrics
from trainer.loop.progress import Progress
from trainer.loop.summaries import Summaries

LINES = [
    {"step": 2, "kind": "train", "loss": 0.5, "learning_rate": 1e-3},
    {"step": 4, "kind": "valid", "improvement": float("-inf")},
    {"step": 4, "kind": "train", "loss": 0.25, "learning_rate": 1e-3},
]
DAMAGED = {
    "cut": b'{"step": 4, "kind": "tra',
    "no_utf8": b'{"step": 4, "kind": "tr\xe4in", "loss": 1.0}',
    "binary": b"\x00\xff\xfe\x80",
    "a_list": b"[4]",
    "null": b"null",
    "no_step": b'{"kind": "train", "loss": 1.0}',
    "step_in_words": b'{"step": "4", "kind": "train"}',
    "step_that_is_true": b'{"step": true, "kind": "train"}',
    "loss_in_words": b'{"step": 4, "kind": "train", "loss": "low"}',
    "loss_in_a_list": b'{"step": 4, "kind": "train", "loss": [1.0]}',
    "no_loss": b'{"step": 4, "kind": "valid", "loss": null}',
    "kind_of_number": b'{"step": 4, "kind": 1}',
    "too_large": b'{"step": 4, "kind": "train", "loss": 1' + b"0" * 400 + b"}",
    "nested": b"[" * 100_000 + b"]" * 100_000,
    "nested_figure": b'{"step": 4, "a": ' + b'{"a": ' * 100_000 + b"1" + b"}" * 100_001,
}


@pytest.fixture
def workdir(tmp_path):
    workdir = tmp_path / "run"
    workdir.mkdir()
    write_metrics(str(workdir), LINES)
    return workdir


def damage(workdir, line):
    """Puts a line before the last."""
    path = workdir / "metrics.jsonl"
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([*lines[:2], line, *lines[2:]]) + b"\n")
    return path.read_bytes()


def test_what_was_written_is_read(workdir, capfd):
    assert read_metrics(str(workdir)) == LINES
    assert read_metrics(str(workdir / "elsewhere")) == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("line", DAMAGED.values(), ids=DAMAGED.keys())
def test_evaluation_reads_the_others_and_leaves_the_file(workdir, capfd, line):
    before = damage(workdir, line)
    scores = workdir / "evaluation" / "4-test"
    for read, where in ((read_metrics, str(workdir)), (curves.read, scores)):
        assert read(where) == LINES
        said = capfd.readouterr().err
        assert said.startswith(f"warning: {workdir}/metrics.jsonl is damaged: 1 line cannot be ")
        assert "the first being 3; 3 lines can be shown." in said
        assert said.count("\n") == 1
    assert (workdir / "metrics.jsonl").read_bytes() == before


@pytest.mark.parametrize("line", DAMAGED.values(), ids=DAMAGED.keys())
def test_training_sets_the_file_aside_and_goes_on(workdir, capfd, line):
    before = damage(workdir, line)
    (workdir / "metrics.damaged-1.jsonl").write_text("of an earlier time")
    progress = Progress(str(workdir), Train(), 4, Summaries(str(workdir)))
    said = capfd.readouterr().out
    aside = workdir / "metrics.damaged-2.jsonl"
    assert f"the file is called {aside} now, and 3 lines of it stay.\n" in said
    assert said.count("\n") == 1
    assert aside.read_bytes() == before
    assert read_metrics(str(workdir)) == LINES
    progress.report(6, {"separation": 1.0}, 1e-3, 0.0)
    progress.save()
    assert [line["step"] for line in read_metrics(str(workdir))] == [2, 4, 4, 6]
    assert (workdir / "metrics.damaged-1.jsonl").read_text() == "of an earlier time"


def test_a_run_that_begins_has_no_figures_of_one_that_left_no_checkpoint(workdir):
    write_metrics(str(workdir), [{"step": 0, "kind": "valid", "loss": 1.0}, *LINES])
    Progress(str(workdir), Train(), 4, Summaries(str(workdir))).save()
    assert [line["step"] for line in read_metrics(str(workdir))] == [0, 2, 4, 4]
    Progress(str(workdir), Train(), 0, Summaries(str(workdir))).save()
    assert read_metrics(str(workdir)) == []


def test_a_folder_in_its_place_stops_nothing(workdir, capfd):
    path = workdir / "metrics.jsonl"
    path.unlink()
    path.mkdir()
    (path / "notes.txt").write_text("mine")
    assert read_metrics(str(workdir)) == []
    assert "metrics.jsonl cannot be read: Is a directory; 0 lines" in capfd.readouterr().err
    Progress(str(workdir), Train(), 4, Summaries(str(workdir))).save()
    assert (workdir / "metrics.damaged-1.jsonl" / "notes.txt").read_text() == "mine"
    assert read_metrics(str(workdir)) == []


def test_a_run_that_may_only_be_read_is_read(workdir):
    damage(workdir, b"{")
    workdir.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert read_metrics(str(workdir)) == LINES
        assert os.listdir(workdir) == ["metrics.jsonl"]  # noqa: PTH208
    finally:
        workdir.chmod(stat.S_IRWXU)


@pytest.mark.parametrize(
    ("losses", "told"),
    [
        ([0.5, 0.01, 0.09, 0.02], None),
        ([0.5, 0.01, 0.25, 0.26], "warning: loss is 25 times what it was at step 20: training ran"),
        # In dB, say: of such there are no multiples.
        ([-1.0, -10.0, 5.0, 300.0], None),
    ],
)
def test_a_loss_that_runs_away_is_told_once(tmp_path, capsys, losses, told):
    progress = Progress(str(tmp_path), Train(), 0, Summaries(str(tmp_path)))
    for call, loss in enumerate(losses, start=1):
        progress.report(10 * call, {"separation": loss}, 1e-3, 0.0)
    warnings = [line for line in capsys.readouterr().out.splitlines() if "ran away" in line]
    assert len(warnings) == (told is not None)
    assert all(line.startswith(told) for line in warnings)
