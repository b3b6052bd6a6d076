"""Runs opened to be evaluated, alone and as the mean of several, which are scored like any run."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from data_prep.audio import activity
from data_prep.records.full_tracks import iter_full_tracks
from evaluation.estimates.estimated_system import open_estimated_system
from evaluation.estimates.named_checkpoint import NamedCheckpoint
from evaluation.estimates.opened_run import open_run
from evaluation.listening.clips import Choice
from evaluation.listening.recorder import make_reader
from evaluation.scores.table import read_csv
from tests.support.commands import run_command, set_flags
from trainer.inference.separator import TrainedSeparator

FILES = Path(__file__).parents[2] / "before" / "files"
# By which the kept scores of the run were made.
SETTINGS = json.loads((FILES / "expected.json").read_text(encoding="utf-8"))["evaluation"]


@pytest.fixture
def files(tmp_path):
    """Runs of 6 and of 2 steps of two networks on the same records, which may be changed."""
    target = tmp_path / "files"
    shutil.copytree(FILES, target)
    return target


def named(files, *others, **changes):
    values = {"records": str(files / "records"), "checkpoint": "latest", **changes}
    values.setdefault("overrides", SETTINGS)
    averaged_with = [str(files / other) for other in others]
    return NamedCheckpoint(str(files / "run"), averaged_with=averaged_with, **values)


def test_the_results_of_a_mean_have_a_folder_of_their_own(files):
    own = f"{files}/run/evaluation/6-test"
    opened = [open_run(named(files, *others)) for others in ((), ("other",), ("other", "carrying"))]
    urls = [each.out.url for each in opened]
    assert urls[0] == own
    assert re.fullmatch(re.escape(own) + "-mean-of-2-[0-9a-f]{8}", urls[1])
    assert re.fullmatch(re.escape(own) + "-mean-of-3-[0-9a-f]{8}", urls[2])
    # The same runs have the same folder, another one has another.
    assert open_run(named(files, "other")).out.url == urls[1]
    assert open_run(named(files, "carrying")).out.url not in urls
    assert open_run(named(files, "other", out=f"{files}/mean")).out.url == f"{files}/mean"


def test_the_flags_of_a_mean_name_the_same_runs(files):
    opened = open_run(named(files, "other"))
    flags = [f"--workdir={files / 'run'}", f"--workdir={files / 'other'}"]
    assert opened.arguments[:2] == flags
    # The steps differ, so that no number names both.
    assert "--checkpoint=latest" in opened.arguments
    assert "--checkpoint=6" in open_run(named(files)).arguments
    assert [each.words for each in opened.checkpoints] == [
        f"step 6 of {files / 'run'} (smoke)",
        f"step 2 of {files / 'other'} (smoke)",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"audio": {"channels": 2}}, "differ in channels (1 / 2); name runs with the same"),
        ({"audio": {"sample_rate": 8000}}, "differ in sample_rate (4000 / 8000)"),
        ({"data": {"sources": ["hn", "va", "tba"]}}, "sources (hn, tba, va / hn, va, tba)"),
    ],
)
def test_runs_without_a_mean_are_refused_in_a_sentence(files, changes, message):
    path = files / "other" / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    for section, values in changes.items():
        config[section] |= values
    path.write_text(json.dumps(config), encoding="utf-8")
    assert message in refused(files, "other")


def refused(files, other, *flags):
    """Returns the sentence by which the command refuses a mean."""
    workdirs = [f"--workdir={files / 'run'}", f"--workdir={files / other}"]
    where = [*workdirs, f"--records={files / 'records'}", "--checkpoint=latest"]
    done = run_command("evaluation.evaluate", *where, *flags)
    assert done.returncode == 1
    (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    return sentence


def test_a_run_with_itself_and_an_audit_of_two_are_refused(files):
    assert "is named twice" in refused(files, "run")
    assert "there is no " in refused(files, "nothing")
    assert "--audit tells one network wrong labels; leave it out" in refused(
        files, "other", "--audit"
    )


@pytest.fixture
def scored(files):
    """Scores the mean of two runs by the command; returns all files and the folder of the scores."""
    workdirs = [f"--workdir={files / name}" for name in ("run", "other")]
    where = [*workdirs, f"--records={files / 'records'}", "--checkpoint=latest"]
    how = ["--baselines=none", "--processes=1", *set_flags(SETTINGS)]
    before = (files / "run/evaluation/6-test/scores.csv").read_bytes()
    done = run_command("evaluation.evaluate", *where, *how)
    assert done.returncode == 0, done.stderr
    assert (files / "run/evaluation/6-test/scores.csv").read_bytes() == before
    (out,) = (files / "run/evaluation").glob("6-test-mean-of-2-*")
    assert f"scores: {out}/scores.csv" in done.stdout
    return files, out


@pytest.mark.slow
def test_a_mean_is_scored_like_any_run(scored):
    files, out = scored
    described = json.loads((out / "scores.json").read_text(encoding="utf-8"))
    assert described["title"] == "Mean of 2 runs of smoke"
    assert described["step"] is None
    assert [text.split(" of ")[0] for text in described["averaged"]] == ["step 6", "step 2"]
    report = plain(out / "report.md")
    assert "The estimates are the mean of those of these networks" in report
    assert f"step 2 of {files / 'other'} (smoke)" in report
    assert "How it learnt" not in report
    require_scores_of_the_mean(files, out)
    own = files / "run/evaluation/6-test"
    page = files / "compared.html"
    done = run_command("evaluation.compare", own, out, f"--report={page}", "--metric=snr")
    assert done.returncode == 0, done.stderr
    text = plain(page.with_suffix(".md"))
    assert f"the mean of step 6 of {files / 'run'} (smoke) and step 2 of " in text
    # The curve is that of the run, which the mean is not.
    assert "At the end: 6-test " in text
    assert f"{out.name} " not in text.split("At the end: ")[1].splitlines()[0]


def plain(path):
    """Reads Markdown without what keeps its letters from meaning something."""
    return path.read_text(encoding="utf-8").replace("\\", "")


def require_scores_of_the_mean(files, out):
    """Compares scores, and what is to be heard, with the mean of estimates by each network alone."""
    system = open_estimated_system(named(files, "other", out=str(files / "again")))
    networks = [TrainedSeparator(str(files / name), "latest") for name in ("run", "other")]
    read = make_reader(system)
    rate = system.config.audio.sample_rate
    (track,) = iter_full_tracks(system.manifest, system.folder, "test")
    mean = np.mean([each.estimate(track.mixture, track.labels) for each in networks], axis=0)
    rows = [row for row in read_csv(out / "scores.csv") if row.system == "model"]
    scored = [row for row in rows if row.status in ("scored", "solo")]
    assert len(scored) > 2
    bounds = activity.segments(len(track.mixture), rate, system.config.evaluation)
    stop_of = {start / rate: stop for start, stop in bounds}
    for row in scored:
        slot = system.config.data.sources.index(row.source)
        start = round(row.start_secs * rate)
        stop = stop_of[row.start_secs]
        reference = track.references[slot, start:stop]
        assert activity.snr(reference, mean[slot, start:stop]) == pytest.approx(row.snr, abs=1e-3)
    source = track.labels[0]
    slot = system.config.data.sources.index(source)
    heard = read(Choice("best", track.name, source, 0.7123, 1.3))
    part = slice(round(0.7123 * rate), round(1.3 * rate))
    np.testing.assert_allclose(heard.estimate, mean[slot, part], atol=1e-6)
