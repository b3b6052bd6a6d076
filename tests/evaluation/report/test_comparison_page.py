"""The comparison of runs as a report: its numbers computed again, its sounds, and runs that have
not everything.
"""

import io
import json
import math
import re
from base64 import b64decode
from collections import defaultdict
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

import configs
from configs import Evaluation, instruments
from data_prep.audio import activity
from data_prep.storage.lock import held
from evaluation.document.parts import Clips
from evaluation.listening.archive import write_clips
from evaluation.listening.clips import Choice, ClipWaveforms, record
from evaluation.report.comparison import short_names
from evaluation.report.comparison_tables import config_table
from evaluation.report.shared_clips import common_clips
from evaluation.scores import bootstrap
from evaluation.scores.saved import load
from evaluation.scores.significance import holm
from evaluation.scores.table import CONSTANT_GAIN, write_csv
from evaluation.scores.table import METRICS as COLUMNS_IN_DB
from evaluation.tasks.separation import comparison as compare
from tests.evaluation.report.test_run_page import BLANK, ORACLES, about, printed, sample_rows
from tests.evaluation.test_compare import write_museval
from tests.support.commands import run_command
from tests.support.page import Page

pytestmark = pytest.mark.slow

METRICS = {
    "snr": "SNR",
    "sdr": "SDR",
    "sir": "SIR",
    "sar": "SAR",
    "si_sdr": "SI-SDR",
    "si_sar": "SI-SAR",
}
NAMES = ["film", "gate", "none"]
RATE = 8000


def write_run(
    folder, seed=0, gain=0.0, config=None, vocabulary=instruments.MUSDB, num_tracks=7, sound=True
):
    """A run of which the model is better by a gain and some noise; the references are those of
    every other run.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for row in sample_rows(vocabulary, num_tracks, 8):
        if row.system == "model" and row.status == "scored":
            more = gain + rng.normal()
            names = (*METRICS, "isr", "sir_v4", "sar_v4", "snri")
            row = replace(row, **{name: getattr(row, name) + more for name in names})
            if row.bins is not None:
                row = replace(row, bins=row.bins * (rng.uniform(0.9, 1) - 0.1 * seed))
        rows.append(row)
    folder.mkdir(parents=True)
    write_csv(folder / "scores.csv", rows)
    described = asdict(about(config_json=configs.to_json(config or configs.load("urmp_labels"))))
    (folder / "scores.json").write_text(json.dumps({"schema_version": 3, **described}))
    if sound:
        choices = [Choice("common", "a track", source, 2.0, 2.5) for source in ("va", "vn")]
        write_clips(folder / "clips.zip", list(record(choices, make_read(seed), RATE)))
    return str(folder)


def estimate_noise(seed, shape):
    return np.random.default_rng(1 + seed).uniform(-0.01, 0.01, shape)


def make_read(seed):
    def read(choice):
        shape = round((choice.stop_secs - choice.start_secs) * RATE), 1
        mixture, reference = np.random.default_rng(0).uniform(-0.2, 0.2, (2, *shape))
        return ClipWaveforms(mixture, reference, reference * 0.1 + estimate_noise(seed, shape))

    return read


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    for name, gain in (("film", 6.5), ("gate", 5.25)):
        lines = [{"step": step, "kind": "valid", "improvement": gain * step / 9} for step in (5, 9)]
        (root / name).mkdir()
        (root / name / "metrics.jsonl").write_text(
            "".join(json.dumps(line) + "\n" for line in lines)
        )
    film, none = (
        configs.load("urmp_labels", each)
        for each in ([], ["model.conditioning=none", "model.conditioned_at=none"])
    )
    return [
        write_run(root / "film" / "evaluation" / "9-test", 0, 0.5, film),
        write_run(root / "gate" / "evaluation" / "9-test", 1, 0.0, film),
        write_run(root / "none" / "evaluation" / "9-test", 2, -3.0, none),
    ]


@pytest.fixture(scope="module")
def compared(tmp_path_factory, three):
    """What the command said, and the folder of the report that it wrote on the three runs."""
    folder = tmp_path_factory.mktemp("compared")
    return run_command("evaluation.compare", *three, f"--report={folder / 'compared.html'}"), folder


def read_report(compared):
    return (compared[1] / "compared.html").read_text(encoding="utf-8")


def report(tmp_path, names, metric="snr", sources=()):
    runs = [load(name) for name in names]
    path = tmp_path / "compared.html"
    compare.write_report(path, runs, compare.compare(runs, metric, sources), sources)
    return path.read_text(encoding="utf-8"), runs


def values(run, metric, system="model"):
    """What is compared: place -> value."""
    return {
        (row.track, row.start_secs, row.source): getattr(row, metric)
        for row in run.rows
        if row.system == system and row.polyphony > 1 and getattr(row, metric) is not None
    }


def differences(reference, run, metric):
    """Track -> the mean over sources of the median difference."""
    before, after = values(reference, metric), values(run, metric)
    found = defaultdict(lambda: defaultdict(list))
    for place in before.keys() & after.keys():
        found[place[0]][place[2]].append(after[place] - before[place])
    return {
        track: np.mean([np.median(each) for each in by_source.values()])
        for track, by_source in found.items()
    }


def test_differences_are_computed_from_the_rows_of_the_runs(compared, three):
    runs = [load(name) for name in three]
    page = Page(read_report(compared))
    assert set(page.tables) == {
        "differences",
        "by-source",
        "scores",
        "polyphony",
        "aggregates",
        "track",
        "configs",
    }
    p_values = []
    for metric, title in METRICS.items():
        for name, run in zip(NAMES[1:], runs[1:], strict=True):
            found = np.array(list(differences(runs[0], run, metric).values()))
            shown = page.lines("differences")[f"{title} {name}"]
            low, high = (
                bound
                for bound in asdict(bootstrap.intervals(found, np.arange(len(found)))[0]).values()
            )
            assert shown[0] == [f"{np.median(found):+.2f}", f"{low:+.2f} to {high:+.2f}"]
            assert [each[0] for each in shown[1:3]] == [str(len(found)), str(sum(found > 0))]
            assert (shown[3] == [BLANK]) == (metric != "snr")
            p_values += [float(shown[3][0])] if metric == "snr" else []
    corrected = [float(page.lines("differences")[f"SNR {name}"][4][0]) for name in NAMES[1:]]
    assert corrected == pytest.approx(holm(p_values), rel=0.05)
    assert p_values == [pytest.approx(2 / 2**7, rel=0.05)] * 2  # worse in all of seven tracks


def test_scores_are_computed_from_the_rows_of_the_runs(compared, three):
    runs = [load(name) for name in three]
    page = Page(read_report(compared))
    for number, (name, run) in enumerate(zip(NAMES, runs, strict=True)):
        columns = ["snri", "sdr", "sir", "sar", "si_sdr", "si_sar", "snr", "isr", "sar_v4"]
        *levels, bins = page.lines("scores")[name][1:]
        assert bins[0] == f"{100 * np.median(list(values(run, 'bins').values())):.1f}%"
        for metric, cell in zip(columns, levels, strict=True):
            assert cell[0] == printed(float(np.median(list(values(run, metric).values()))))
            assert " to " in cell[1]
        rows = [
            row
            for row in run.rows
            if row.system == "model" and row.polyphony > 1 and row.snr is not None
        ]
        by_track = {
            track: [row.snr for row in rows if row.track == track]
            for track in {row.track for row in rows}
        }
        by_polyphony = {
            f"{n} sources": [row.snr for row in rows if row.polyphony == n] for n in (2, 3, 4)
        }
        for table, groups in (("track", by_track), ("polyphony", by_polyphony)):
            for group, own in groups.items():
                assert page.lines(table)[group][number] == [
                    printed(float(np.median(own))),
                    str(len(own)),
                ]
        medians, listed = [np.median(own) for own in by_track.values()], [row.snr for row in rows]
        four = [np.median(medians), np.median(listed), np.mean(medians), np.mean(listed)]
        assert [each[0] for each in page.lines("aggregates")[name][1:]] == [
            printed(float(each)) for each in four
        ]
    assert {"mixture", "silence", CONSTANT_GAIN, *ORACLES} <= set(page.lines("scores"))
    # A gain leaves SDR, SIR, SAR, SI-SDR and SI-SAR those of the mixture.
    *levels, bins = page.lines("scores")[CONSTANT_GAIN][1:]
    rival = dict(zip(columns, levels, strict=True))
    # One answer for all bins of a source: the majority has the better one.
    assert bins == [BLANK]
    majority = list(values(runs[0], "bins_majority").values())
    expected = [[BLANK]] * len(columns) + [[f"{100 * np.median(majority):.1f}%"]]
    assert page.lines("scores")["majority"] == [[str(len(majority))], *expected]
    shown = values(runs[0], "snr", CONSTANT_GAIN).values()
    assert rival["snr"] == [printed(float(np.median(list(shown))))]
    assert {metric for metric in columns if rival[metric] == [BLANK]} == set(columns) - {
        "snri",
        "snr",
        "isr",
    }
    mixture = [
        value for value in values(runs[0], "sdr", "mixture").values() if math.isfinite(value)
    ]
    assert page.lines("scores")["mixture"][2] == [printed(float(np.median(mixture)))]


def test_differences_by_source(compared, three):
    runs = [load(name) for name in three]
    lines = Page(read_report(compared)).lines("by-source")
    for source in instruments.MUSDB:
        own = defaultdict(list)
        before, after = values(runs[0], "snr"), values(runs[2], "snr")
        for place in before.keys() & after.keys():
            if place[2] == source:
                own[place[0]].append(after[place] - before[place])
        medians = [np.median(each) for each in own.values()]
        assert [lines[source][1][0], lines[source][1][-1]] == [
            f"{np.median(medians):+.2f}",
            str(len(medians)),
        ]


def test_what_the_page_says_of_the_runs(compared):
    page = Page(read_report(compared))
    assert "film · gate · none" in page.text
    assert "3 runs compared on 7 tracks that all have" in page.text
    assert re.search(
        r"SNR minus that of film: gate -\d\.\d\d dB \(-\d\.\d\d to [-+]\d\.\d\d\) ?; none -\d\.\d\d dB",
        page.text,
    )
    assert page.lines("configs")["model.conditioning"] == [["film"], ["film"], ["none"]]
    *violins, curves = page.alternatives
    assert [each.split(", ")[0] for each in violins[:4]] == [
        "Violins of SNR improvement over the mixture",
        "Violins of SDR: all distortion",
        "Violins of SIR: interference from other sources",
        "Violins of SAR: artefacts",
    ]
    assert all("film: model" in each and "none: model" in each for each in violins)
    assert "mixture: mixture" in violins[1]
    assert curves.endswith("At the end: film 6.5 dB at step 9; gate 5.2 dB at step 9.")
    assert page.tags["audio"] == 2 * 5  # two sources; mixture, reference and three runs
    tree = json.loads((compared[1] / "compared.json").read_text())
    assert tree["sections"][0]["key"] == "differ"


def test_the_sounds_are_those_of_the_runs_at_one_level(three):
    blocks = common_clips({name: load(name) for name in three})
    clips = next(block for block in blocks if isinstance(block, Clips)).clips
    assert [clip.title for clip in clips] == ["viola", "violin"]
    for clip in clips:
        heard = {
            take.name: soundfile.read(io.BytesIO(b64decode(take.sound.split(",")[1])))[0]
            for take in clip.judged
        }
        assert list(heard) == three
        for seed, waveform in enumerate(heard.values()):
            found = [
                np.corrcoef(waveform, estimate_noise(other, (len(waveform), 1))[:, 0])[0, 1]
                for other in range(3)
            ]
            assert np.argmax(found) == seed
            assert found[seed] > 0.3
            assert activity.rms_db(waveform[:, None]) == pytest.approx(-23, abs=0.1)


def test_runs_without_common_sounds_are_compared_in_silence(tmp_path, three):
    silent = write_run(tmp_path / "silent", sound=False)
    html, _ = report(tmp_path, [three[0], silent])
    page = Page(html)
    assert page.tags["audio"] == 0
    assert "script-src 'none'" in page.policy
    assert "Nothing can be heard side by side: " in page.text
    assert "came without sounds" in page.text


def test_a_published_system_stands_beside_a_run(tmp_path):
    for track in dict.fromkeys(row.track for row in sample_rows(instruments.MUSDB, 3, 8)):
        write_museval(
            tmp_path / "theirs" / f"{track}.json", targets=instruments.MUSDB, num_frames=8
        )
    ours = write_run(tmp_path / "ours", num_tracks=3)
    html, _ = report(tmp_path, [ours, str(tmp_path / "theirs")])
    page = Page(html)
    assert [name for name in page.lines("differences") if name != "Metric"] == [
        f"{title} theirs" for title in ("SNR", "ISR", "SIR v4", "SAR v4")
    ]
    assert "No intervals and no tests (tracks: 3, fewer than 6)" in page.text
    assert "configs" not in page.tables


def test_chosen_sources_and_another_metric(tmp_path, three):
    html, runs = report(tmp_path, three, "sir", ["vocals"])
    page = Page(html)
    assert next(name for name in page.lines("differences") if name.startswith("S")) == "SIR gate"
    assert [name for name in page.lines("by-source") if name != "Source"] == ["vocals"]
    own = [value for place, value in values(runs[0], "sdr").items() if place[2] == "vocals"]
    assert page.lines("scores")["film"][2][0] == printed(float(np.median(own)))


def test_shares_of_bins_are_compared_in_percentage_points(tmp_path, three):
    # Without the other metrics nothing is drawn, which takes seconds.
    others = dict.fromkeys(COLUMNS_IN_DB)
    runs = []
    for name in three:
        run = load(name)
        rows = [replace(row, **others) for row in run.rows if row.system in ("model", "mixture")]
        runs.append(replace(run, rows=rows))
    path = tmp_path / "compared.html"
    compare.write_report(path, runs, compare.compare(runs, "bins"), ())
    page = Page(path.read_text(encoding="utf-8"))
    found = np.array(list(differences(runs[0], runs[1], "bins").values()))
    median = f"{100 * np.median(found):+.2f} points"
    assert page.lines("differences")["Bins gate"][0][0] == median
    assert page.lines("differences")["Bins gate"][0][1].count(" points") == 2
    assert f"Bins minus that of film: gate {median}" in page.text
    majority = values(runs[0], "bins_majority")
    for name, run in zip(NAMES, runs, strict=True):
        own = list(values(run, "bins").values())
        assert page.lines("aggregates")[name][2][0] == f"{100 * np.median(own):.1f}%"
    listed = list(majority.values())
    assert page.lines("aggregates")["majority"][2] == [f"{100 * np.median(listed):.1f}%"]
    for track in {place[0] for place in majority}:
        of_track = [value for place, value in majority.items() if place[0] == track]
        shown = page.lines("track")[track]
        assert len(shown) == len(runs) + 1
        assert shown[-1] == [f"{100 * np.median(of_track):.1f}%", str(len(of_track))]
    assert "majority: " not in page.text


def test_names_of_runs_show_as_text(tmp_path):
    hostile = [
        write_run(tmp_path / name, seed)
        for seed, name in enumerate(["<script>alert(1)", "b & <b>c"])
    ]
    html, _ = report(tmp_path, hostile)
    page = Page(html)
    assert page.tags["script"] == 1  # ours
    assert page.tags["b"] == 0
    assert "<script>alert(1) · b & <b>c" in page.text


def test_a_run_in_a_folder_named_as_a_system_is_not_that_system(tmp_path):
    names = [
        write_run(tmp_path / name, seed, num_tracks=2, sound=False)
        for seed, name in enumerate(["film", "silence"])
    ]
    html, runs = report(tmp_path, names)
    scores = Page(html).lines("scores")
    own = [value for value in values(runs[1], "snr").values() if math.isfinite(value)]
    assert scores["run silence"][7][0] == printed(float(np.median(own)))
    assert scores["silence"][7][0] == "0.0"


def test_runs_without_a_constant_gain_are_named(tmp_path):
    names = [
        write_run(tmp_path / name, seed, num_tracks=1, sound=False)
        for seed, name in enumerate(["old", "new"])
    ]
    rows = [row for row in load(names[0]).rows if row.system != CONSTANT_GAIN]
    write_csv(Path(names[0]) / "scores.csv", rows)
    page = Page(report(tmp_path, names)[0])
    assert "Without the constant gain beside them, which others have: old" in page.text
    assert CONSTANT_GAIN not in page.lines("scores")


def test_short_names():
    assert short_names(["runs/film/evaluation/9-test", "runs/none/evaluation/9-test"]) == [
        "film",
        "none",
    ]
    assert short_names(["film/9-test", "film/7-test"]) == ["9-test", "7-test"]
    assert short_names(["a", "a/b"]) == ["a", "a/b"]  # nothing would be left of the first
    assert short_names(["x/a/b", "x/b/a"]) == ["x/a/b", "x/b/a"]


def test_places_that_cannot_be_written_are_refused_first(tmp_path):
    for places, message in [
        (["--report=a.txt"], "--report is a.txt; expected a name that ends in .html."),
        (
            ["--report=a.html", "--out=a.json"],
            "--out is a.json, which --report=a.html writes too; choose another name.",
        ),
        (["--report=no/a.html"], "there is no folder no for no/a.html; make it or choose another."),
    ]:
        done = run_command("evaluation.compare", "x", "y", *places)
        assert (done.returncode, done.stderr) == (1, f"error: {message}\n")
    assert list(tmp_path.iterdir()) == []


def test_a_page_that_another_command_writes_is_left_to_it(three, tmp_path):
    page = tmp_path / "compared.html"
    with held(str(page), beside=True):
        done = run_command("evaluation.compare", *three, f"--report={page}")
    assert done.returncode == 1
    assert f"expected no other job at work in {page}, " in done.stderr
    assert done.stderr.endswith("or choose another --report.\n")
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_the_report(compared):
    done, folder = compared
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"report: {folder / 'compared.html'}\n")
    assert sorted(each.name for each in folder.iterdir()) == [
        "compared.html",
        "compared.json",
        "compared.md",
    ]


def test_files_of_other_systems_have_no_config_to_differ_in():
    settings = json.dumps({"evaluation": asdict(Evaluation())})
    scored = SimpleNamespace(name="files", about={"config_json": settings})
    trained = SimpleNamespace(
        name="run", about={"config_json": configs.to_json(configs.load("smoke"))}
    )
    for runs in ({"a": scored, "b": scored}, {"a": trained, "b": scored}):
        assert config_table(SimpleNamespace(runs=runs, reference="a")) is None
