"""Runs compared: pairing, the test against all flips of signs, Holm by hand, museval's files, what
is refused.
"""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest

from evaluation.scores.paired import compare
from evaluation.scores.saved import ScoredRun, load, read_museval
from evaluation.scores.significance import holm, signed_rank
from evaluation.scores.table import METRICS, STATUSES, Row, write_csv
from evaluation.tasks.separation import comparison as command
from tests.support.commands import run_command


def make_run(
    name="a", shift=0.0, num_tracks=8, sources=("va", "vc"), system="model", settings=None
):
    """Five segments a track of a duet; the track t is t * shift better than the run without a
    shift.
    """
    rng = np.random.default_rng(0)
    values = rng.normal(5, 2, (num_tracks, 5, len(sources)))
    rows = [
        Row(system, f"t{t}", float(i), source, "scored", 2, snr=float(values[t, i, k]) + t * shift)
        for t in range(num_tracks)
        for i in range(5)
        for k, source in enumerate(sources)
    ]
    return ScoredRun(name, rows, settings or {})


def change(run, index, **changes):
    rows = list(run.rows)
    rows[index] = replace(rows[index], **changes)
    return replace(run, rows=rows)


def shift_segments(run, secs):
    return replace(run, rows=[replace(row, start_secs=row.start_secs + secs) for row in run.rows])


def by_source(comparison):
    return {each.source: each for each in comparison.differences}


def test_a_known_difference():
    found = compare([make_run(), make_run("b", 0.5)])
    overall, viola, cello = found.differences
    assert (overall.run, overall.source, viola.source, cello.source) == ("b", None, "va", "vc")
    for each in found.differences:
        assert each.median == pytest.approx(1.75)  # of 0 0.5 ... 3.5
        assert (each.num_tracks, each.num_higher) == (8, 7)
        assert 0 <= each.interval.low < 1.75 < each.interval.high <= 3.5
        assert each.why_none is None
    assert overall.p_value == overall.p_holm < 0.05
    assert viola.p_value is None
    assert found.tracks == [f"t{t}" for t in range(8)]
    assert (found.left_out, found.unpaired) == ({}, {"b": 0})


def test_all_sources_are_the_mean_of_the_medians_of_each():
    reference = ScoredRun(
        "a", [Row("model", "t", float(i), s, "scored", 2, snr=0.0) for i in range(3) for s in "xyz"]
    )
    gains = {"x": [1.0, 2.0, 90.0], "y": [0.0, 0.0, 0.0], "z": [-4.0, -5.0, -90.0]}
    other = ScoredRun(
        "b", [replace(row, snr=gains[row.source][int(row.start_secs)]) for row in reference.rows]
    )
    found = by_source(compare([reference, other]))
    assert {source: each.median for source, each in found.items()} == {
        None: -1.0,
        "x": 2.0,
        "y": 0.0,
        "z": -5.0,
    }
    assert found[None].why_none == "tracks: 1, fewer than 6"
    assert found[None].interval is found[None].p_value is found[None].p_holm is None


def test_the_order_of_rows_does_not_matter():
    other = make_run("b", 0.5)
    shuffled = replace(other, rows=other.rows[::-1])
    first, second = (by_source(compare([make_run(), each])) for each in (other, shuffled))
    assert {key: each.median for key, each in first.items()} == {
        key: each.median for key, each in second.items()
    }


def test_a_run_does_not_differ_from_its_copy():
    overall = compare([make_run(), make_run("b")]).differences[0]
    assert (overall.median, overall.p_value, overall.num_higher) == (0, 1, 0)
    assert (overall.interval.low, overall.interval.high) == (0, 0)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("num_zeros", [0, 3])  # zeros have the least ranks, and no sign to flip
def test_the_p_value_is_that_of_all_flips_of_signs(seed, num_zeros):
    differences = np.random.default_rng(seed).normal(0.7, 1, 9)
    differences[:num_zeros] = 0
    ranks = np.argsort(np.argsort(np.abs(differences))) + 1
    ranks[:num_zeros] = 0
    sums = np.array([np.dot(signs, ranks) for signs in itertools.product([-1, 1], repeat=9)])
    observed = abs(np.dot(np.sign(differences), ranks))
    assert signed_rank(differences) == pytest.approx(np.mean(np.abs(sums) >= observed))


def test_six_tracks_of_one_sign_are_the_least_that_can_tell():
    assert (
        compare([make_run(num_tracks=7), change_all(make_run("b", num_tracks=7))])
        .differences[0]
        .p_value
        < 0.05
    )
    assert (
        compare([make_run(num_tracks=6), change_all(make_run("b", num_tracks=6))])
        .differences[0]
        .p_value
        == 2 / 2**6
    )
    five = compare([make_run(num_tracks=5), change_all(make_run("b", num_tracks=5))]).differences[0]
    assert five.p_value is None
    assert five.why_none == "tracks: 5, fewer than 6"


def change_all(run):
    """Better everywhere, by more in one track than in another, without ties."""
    return replace(
        run, rows=[replace(row, snr=row.snr + 1 + int(row.track[1:])) for row in run.rows]
    )


def test_no_difference_is_found_where_there_is_none():
    """Of 300 comparisons of noise with noise, about one in twenty has a p-value below 0.05."""
    rng = np.random.default_rng(5)
    p_values = np.array([signed_rank(rng.normal(0, 1, 12)) for _ in range(300)])
    assert 0.02 < np.mean(p_values < 0.05) < 0.085


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


def test_p_values_are_corrected_for_the_number_of_runs():
    one = compare([make_run(), change_all(make_run("b"))]).differences[0]
    two = [
        each
        for each in compare([make_run(), change_all(make_run("b")), make_run("c")]).differences
        if each.source is None
    ]
    assert [each.run for each in two] == ["b", "c"]
    assert two[0].p_value == one.p_value == 2 / 2**8
    assert (two[0].p_holm, one.p_holm) == (2 * one.p_value, one.p_value)
    assert two[1].p_holm == 1


def test_blank_infinite_and_lone_segments_are_not_compared():
    blank = change(make_run("b"), 0, snr=None, status="absent", leakage=-30.0)
    assert compare([make_run(), blank]).unpaired == {"b": 1}
    assert compare([make_run(), change(make_run("b"), 0, snr=np.inf)]).unpaired == {"b": 1}
    lone = {"polyphony": 1, "status": "solo", "snr": 300.0}
    found = compare([change(make_run(), 0, **lone), change(make_run("b"), 0, **lone)])
    assert found.unpaired == {"b": 0}
    assert [each.aggregate.num_values for each in found.summaries] == [79, 79]


def test_tracks_that_one_run_alone_has_are_named_and_left_out():
    found = compare([make_run(), make_run("b", num_tracks=7)])
    assert found.tracks == [f"t{t}" for t in range(7)]
    assert found.left_out == {"a": ["t7"]}
    assert [each.aggregate.num_tracks for each in found.summaries] == [7, 7]
    assert "left out, not in all: t7 of A" in command.lines(found)


def test_other_systems_of_the_reference_stand_beside_the_runs():
    reference, mixture = make_run(), make_run(system="mixture")
    found = compare([replace(reference, rows=[*reference.rows, *mixture.rows]), make_run("b")])
    assert [each.name for each in found.summaries] == ["a", "b"]
    assert [each.name for each in found.beside] == ["mixture"]
    assert found.summaries[0].aggregate == found.beside[0].aggregate


def test_runs_that_were_not_scored_beside_the_constant_gain_are_named():
    def beside(run):
        rival = make_run(system="constant gain")
        return replace(run, rows=[*run.rows, *rival.rows])

    found = compare([beside(make_run()), make_run("b", 0.5), beside(make_run("c")), make_run("d")])
    assert found.without_constant_gain == ["b", "d"]
    text = "\n".join(command.lines(found))
    assert "without the constant gain beside them, which others have: B, D\n" in text
    assert "\nconstant gain       80" in text
    # Where no run has it nothing is missing, nor where all have.
    for runs in ([make_run(), make_run("b")], [beside(make_run()), beside(make_run("b"))]):
        found = compare(runs)
        assert found.without_constant_gain == []
        assert "which others have" not in "\n".join(command.lines(found))


def test_what_not_all_have_is_left_out_and_counted():
    """As published systems differ: a segment more at the end of a track, other sources."""
    reference = make_run()
    other = make_run("b", 0.5)
    longer = replace(other, rows=[*other.rows, replace(other.rows[-1], start_secs=5.0)])
    found = compare([reference, longer])
    assert found.differences == compare([reference, other]).differences
    assert (found.num_other_rows, found.other_sources) == ({"b": 1}, {})
    more = compare([make_run(sources=("va",)), other])
    assert (more.other_sources, more.num_other_rows) == ({"b": ["vc"]}, {})
    assert by_source(more).keys() == {None, "va"}
    assert compare([reference, other], sources=["va"]).other_sources == {}


@pytest.mark.parametrize(
    ("runs", "options", "message"),
    [
        ([make_run()], {}, "two or more different runs"),
        ([make_run(), make_run()], {}, "two or more different runs"),
        ([make_run(), make_run("b")], {"metric": "pesq"}, "no metric 'pesq'; they have sdr"),
        (
            [make_run(), make_run("b")],
            {"metric": "sir"},
            "a has no sir where sources sound together",
        ),
        ([make_run(), make_run("b", system="mixture")], {}, "b has no rows of the system 'model'"),
        ([make_run(), make_run("b")], {"sources": ["vn"]}, "a has no source vn; it has va, vc"),
        (
            [make_run(), make_run("b", sources=("fl", "vn"))],
            {},
            r"no source in common: a has va, vc; b has fl, vn\.",
        ),
        (
            [make_run(), shift_segments(make_run("b"), 0.5)],
            {},
            r"different segments: not all have track t0, 0 s, va of a, and 79 more",
        ),
        (
            [make_run(), change(make_run("b"), 2, start_secs=0.0)],
            {},
            "b has track t0, 0 s, va more than once",
        ),
        (
            [
                make_run(),
                replace(make_run("b"), rows=[replace(r, track="u") for r in make_run().rows]),
            ],
            {},
            "the runs have no track in common",
        ),
        (
            [
                make_run(settings={"sample_rate": 22050}),
                make_run("b", settings={"sample_rate": 44100}),
            ],
            {},
            "a was scored with sample_rate = 22050, b with 44100",
        ),
    ],
)
def test_refuses_what_cannot_be_compared(runs, options, message):
    with pytest.raises(ValueError, match=message):
        compare(runs, **options)


def test_chosen_sources_alone_are_compared():
    found = compare([make_run(), make_run("b", sources=("va", "vn"))], sources=["va"])
    assert [each.source for each in found.differences] == [None, "va"]


# As museval writes it (its schema, musdb.schema.json); a frame in which a source is silent is NaN
# for all.
def write_museval(path, targets=("vocals", "drums", "accompaniment"), num_frames=3, shift=0.0):
    def frame(i, k):
        metrics = {"SDR": 1.0 * i + shift, "SIR": 10.0 + k, "SAR": 20.0, "ISR": 30.0}
        if i == 1:
            metrics = dict.fromkeys(metrics, float("nan"))
        return {"time": float(i), "duration": 1.0, "metrics": metrics}

    listed = [
        {"name": name, "frames": [frame(i, k) for i in range(num_frames)]}
        for k, name in enumerate(targets)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"targets": listed, "museval_version": "0.3.0"}))


def test_museval_goes_to_the_columns_of_version_4_and_to_no_other(tmp_path):
    write_museval(tmp_path / "test" / "A - B.json")
    rows = load(str(tmp_path)).rows
    assert rows == read_museval(tmp_path / "test" / "A - B.json")
    first, silent, third, *_, last = rows
    assert (first.system, first.track, first.start_secs, first.source) == (
        "model",
        "A - B",
        0.0,
        "vocals",
    )
    assert (first.status, first.polyphony, first.snr, third.snr, last.source) == (
        "scored",
        2,
        0,
        2,
        "accompaniment",
    )
    expected = {"snr": 0.0, "isr": 30.0, "sir_v4": 10.0, "sar_v4": 20.0}
    assert {
        metric: getattr(first, metric) for metric in METRICS if getattr(first, metric) is not None
    } == {metric: value for metric, value in expected.items() if metric in METRICS}
    assert silent.status == "not_scored"
    assert all(getattr(silent, metric) is None for metric in METRICS)
    assert {row.status for row in rows} <= set(STATUSES)


def test_museval_stands_beside_a_run_of_ours(tmp_path):
    for t in range(6):
        write_museval(
            tmp_path / "theirs" / f"t{t}.json", targets=("va", "vc"), num_frames=5, shift=t
        )
    found = compare([make_run(num_tracks=6), load(str(tmp_path / "theirs"))])
    ours, theirs = (each.aggregate for each in found.summaries)
    assert (ours.num_values, theirs.num_values) == (60, 48)
    assert theirs.median_of_track_medians == np.median(
        [2.5 + t for t in range(6)]
    )  # of 0 2 3 4, and the shift
    assert list(found.unpaired.values()) == [12]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "x.json is not JSON"),
        ("[]", "holds a list; expected a JSON object"),
        ("{}", "no file of museval: expected targets, frames and metrics .KeyError: 'targets'"),
        (
            '{"targets": [{"name": "v", "frames": [{"time": 0, "metrics": {"SDR": 1}}]}]}',
            "KeyError: 'ISR'",
        ),
        ('{"targets": [7]}', "no file of museval"),
        ('{"targets": [{"name": "v", "frames": [7]}]}', "no file of museval"),
    ],
)
def test_refuses_what_museval_never_wrote(tmp_path, text, message):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        load(str(tmp_path))


def test_nothing_to_read(tmp_path):
    with pytest.raises(ValueError, match=r"holds neither scores\.csv nor JSON files of museval"):
        load(str(tmp_path))
    with pytest.raises(
        ValueError,
        match=rf"there is no {tmp_path / 'nowhere'}; expected what evaluation\.evaluate wrote",
    ):
        load(str(tmp_path / "nowhere"))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(
        ValueError,
        match=rf"{tmp_path} is the folder of a training run; score it first, by evaluation",
    ):
        load(str(tmp_path))
    (tmp_path / "evaluation" / "40-test").mkdir(parents=True)
    (tmp_path / "evaluation" / "40-test" / "scores.csv").write_text("")
    with pytest.raises(
        ValueError,
        match=rf"a training run; name its scores, such as {tmp_path}/evaluation/40-test\.",
    ):
        load(str(tmp_path))


def with_bins(run, shift):
    """Gives rows of a duet shares of bins; the track t is t * shift better."""
    rows = [
        replace(row, bins=0.5 + i % 5 / 100 + int(row.track[1:]) * shift, bins_majority=0.75)
        for i, row in enumerate(run.rows)
    ]
    return replace(run, rows=rows)


def test_shares_of_bins_are_compared_in_percent(tmp_path):
    runs = [with_bins(make_run(), 0), with_bins(make_run("b"), 0.01)]
    found = compare(runs, "bins")
    assert found.differences[0].median == pytest.approx(0.035)  # of 0 1 ... 7 points
    assert [each.name for each in found.beside] == ["majority"]
    assert found.beside[0].aggregate.median_of_segments == 0.75
    command.write_json(tmp_path / "out.json", found)
    written = json.loads((tmp_path / "out.json").read_text())["differences"][0]
    assert written["median_share"] == found.differences[0].median
    assert "median_db" not in written
    text = command.lines(found)
    assert not any("dB" in line for line in text)
    levels = next(i for i, line in enumerate(text) if line.startswith("bins, %"))
    assert text[levels + 1].split()[:3] == ["A", "80", "52.00"]
    majority = [line for line in text if line.startswith("majority")]
    assert [line.split()[:3] for line in majority] == [["majority", "80", "75.00"]]
    heads = next(i for i, line in enumerate(text) if line.startswith("minus A, percentage points"))
    assert text[heads + 1].split()[:4] == ["B", "all", "sources", "+3.50"]


def test_runs_without_shares_of_bins_are_refused_for_them_alone():
    runs = [with_bins(make_run(), 0), make_run("b")]
    with pytest.raises(ValueError, match="b has no bins where sources sound together"):
        compare(runs, "bins")
    with pytest.raises(ValueError, match=r"no metric 'bins_majority'; they have sdr, .*, bins"):
        compare(runs, "bins_majority")
    assert compare(runs).differences[0].median == 0


def test_the_command_prints_a_table_and_writes_it(tmp_path):
    for name, shift in (("plain", 0.0), ("film", 0.5)):
        (tmp_path / name).mkdir()
        write_csv(tmp_path / name / "scores.csv", make_run(shift=shift).rows)
        about = {"sample_rate": 22050, "evaluation": {"filter_taps": 512}}
        (tmp_path / name / "scores.json").write_text(json.dumps(about))
    runs = [str(tmp_path / "plain"), str(tmp_path / "film" / "scores.csv")]
    done = run_command("evaluation.compare", *runs, f"--out={tmp_path / 'out.json'}")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"A = {runs[0]}" in done.stdout
    line = next(line for line in done.stdout.splitlines() if line.startswith("B all sources"))
    written = json.loads((tmp_path / "out.json").read_text())
    overall = written["differences"][0]
    assert line.split()[3] == f"{overall['median_db']:+.2f}" == "+1.75"
    assert written["summaries"][0]["aggregate"]["intervals"]["mean_of_segments"]["low"] < 5.5
    failed = run_command("evaluation.compare", runs[0])
    assert (failed.returncode, failed.stderr) == (
        1,
        "error: name two or more different runs to compare.\n",
    )
