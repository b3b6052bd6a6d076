"""A run that hears instruments: trained, scored, reported, by the commands."""

import csv
import json

import numpy as np
import pytest

import configs
from data_prep.records.manifest import load_manifest
from tests.support.commands import run_command, set_flags
from trainer.batches.patches import make_batches
from trainer.loop.metrics import read_metrics
from trainer.tasks.tagging.task import TaggingTask
from trainer.tasks.tagging.thresholds import thresholds_of
from trainer.tasks.tagging.truth import audibility_of

pytestmark = pytest.mark.slow

SMALL = [
    "audio.sample_rate=4000",
    "data.excerpt_secs=1",
    "data.context_frames=4096",
    "model.window_frames=256",
    "model.hop_frames=64",
    "model.num_bands=24",
    "model.width=16",
    "model.depth=3",
    "model.estimate_frames=2048",
    "train.steps=30",
    "train.steps_per_call=5",
    "train.checkpoint_steps=15",
    "train.validation_steps=15",
    "train.warmup_steps=2",
    "train.average_decay=0.5",
]


@pytest.fixture(scope="module")
def workdir(corpus, tmp_path_factory):
    """A run on the small corpus."""
    folder = tmp_path_factory.mktemp("tagging")
    flags = ["--config=smoke_tagger", *set_flags(SMALL)]
    words = ["--corpus=urmp", f"--root={corpus}", f"--out={folder / 'records'}", "--workers=1"]
    done = run_command("data_prep.write", *flags, *words)
    assert done.returncode == 0, done.stderr
    words = [f"--records={folder / 'records'}", f"--workdir={folder / 'run'}"]
    done = run_command("trainer.task", *flags, *words)
    assert done.returncode == 0, done.stderr
    assert "validation average_precision " in done.stdout
    assert "threshold" not in done.stdout
    return folder / "run"


@pytest.fixture(scope="module")
def results(workdir):
    done = run_command("evaluation.evaluate", f"--workdir={workdir}", "--checkpoint=latest")
    assert done.returncode == 0, done.stderr
    return workdir / "evaluation" / "30-test"


def read_rows(results):
    with (results / "scores.csv").open() as file:
        return list(csv.DictReader(file))


def test_it_learns_and_keeps_thresholds(workdir):
    lines = read_metrics(str(workdir))
    losses = [line["loss"] for line in lines if line["kind"] == "train"]
    assert losses[-1] < 0.8 * losses[0]
    sources = configs.load("smoke_tagger").data.sources
    chosen = thresholds_of(str(workdir), 30, sources)
    (last,) = [line for line in lines if line["kind"] == "valid" and line["step"] == 30]
    kept = {name: value for name, value in last.items() if name.startswith("threshold/")}
    assert kept == {f"threshold/{name}": chosen[name] for name in sources if chosen[name] != 0.5}
    assert len(kept) > 2
    # Those of the weights themselves are others, as those of an earlier checkpoint are.
    assert thresholds_of(str(workdir), 30, sources, "raw") != chosen
    assert thresholds_of(str(workdir), 29, sources) != chosen
    assert set(thresholds_of(str(workdir), 14, sources).values()) == {0.5}


def test_the_report_shows_rivals(results):
    rows = read_rows(results)
    systems = {row["system"] for row in rows}
    assert systems == {"model", "majority", "always on", "MFCC, linear"}
    page = (results / "report.html").read_text()
    for title in ("What is heard instead", "Calibration", "Instrument by instrument", "<svg"):
        assert title in page
    text = (results / "report.md").read_text()
    assert "MFCC, linear" in text
    described = json.loads((results / "scores.json").read_text())
    assert described["task"] == "tagging"
    # What was kept of single tracks is gone.
    assert not list(results.glob("heard-*"))


def test_the_scores_of_all_tracks_are_those_of_their_columns(results):
    """What each track counts adds up, and F1 follows."""
    rows = [row for row in read_rows(results) if row["system"] == "model"]
    whole = {row["source"]: row for row in rows if row["track"] == "all"}
    for source, row in whole.items():
        parts = [part for part in rows if part["source"] == source and part["track"] != "all"]
        for name in ("num_columns", "support", "hits", "false_alarms", "misses"):
            assert int(row[name]) == sum(int(part[name]) for part in parts)
        wrong = int(row["false_alarms"]) + int(row["misses"])
        hits = int(row["hits"])
        expected = 2 * hits / (2 * hits + wrong) if hits + wrong else 0
        assert float(row["f1"]) == pytest.approx(expected, abs=1e-12)
    assert any(int(row["support"]) for row in whole.values())


def test_always_on_has_the_f1_of_how_often_it_sounds(results):
    for row in read_rows(results):
        if row["system"] == "always on":
            share = int(row["support"]) / int(row["num_columns"])
            assert float(row["f1"]) == pytest.approx(2 * share / (1 + share), abs=1e-12)
            if 0 < share < 1:
                assert (float(row["roc_auc"]), float(row["balanced_accuracy"])) == (0.5, 0.5)


def test_another_folder_and_no_rivals(workdir, tmp_path):
    flags = [f"--workdir={workdir}", "--checkpoint=latest", "--baselines=none"]
    done = run_command("evaluation.evaluate", *flags, f"--out={tmp_path}", "--split=valid")
    assert done.returncode == 0, done.stderr
    assert {row["system"] for row in read_rows(tmp_path)} == {"model"}


def test_what_does_not_hear_or_separate_is_refused(workdir, tmp_path):
    (tmp_path / "a.wav").write_bytes(b"")
    done = run_command("evaluation.separate", f"--workdir={workdir}", str(tmp_path / "a.wav"))
    assert done.returncode == 1
    assert "learnt task.kind=tagging and separates nothing" in done.stderr
    done = run_command("trainer.export", f"--workdir={workdir}", f"--out={tmp_path / 'model'}")
    assert done.returncode == 1
    assert "learnt task.kind=tagging and separates nothing" in done.stderr
    done = run_command("evaluation.evaluate", f"--workdir={workdir}", "--audit")
    assert (
        "--audit means nothing for the task tagging; its own flags are --baselines" in done.stderr
    )


def test_the_truth_of_an_example_is_that_of_its_sources(workdir):
    """Of those that sound, and of those that do not, whatever was mixed."""
    records = str(workdir.parent / "records")
    config = configs.load("smoke_tagger", SMALL)
    task = TaggingTask(config, load_manifest(records), records)
    rule = audibility_of(config)
    around = rule.margin_frames
    patches = make_batches(task._excerpts, config, 0, around)
    margin = config.model.window().margin_frames
    shares = []
    for example, patch in zip(task.make_examples(0).take(24), patches.take(24), strict=True):
        np.testing.assert_array_equal(example["mixture"], patch["mixture"])
        heard = patch["mixture"][margin - around : len(patch["mixture"]) - margin + around]
        expected = rule.columns(patch["sources"], heard)
        np.testing.assert_array_equal(example["truth"], expected)
        shares.append(float(np.mean(expected)))
    assert 0.05 < np.mean(shares) < 0.8
