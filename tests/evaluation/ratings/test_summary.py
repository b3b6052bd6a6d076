"""Ratings beside the metrics: which sounds they are of, and sums done by hand."""

import json
import math
from dataclasses import replace

import pytest

from evaluation.listening.archive import read_clips, write_clips
from evaluation.listening.clips import Choice, record
from evaluation.ratings.matching import (
    Matched,
    Opinion,
    Passage,
    RatedSound,
    match,
    sounds_of,
)
from evaluation.ratings.saved import COLUMNS, Rating
from evaluation.ratings.summary import MIN_ESTIMATES, summarise
from evaluation.scores.saved import ScoredRun, load
from evaluation.scores.table import Row
from tests.evaluation.ratings.test_saved import PAGE, SESSION, write
from tests.evaluation.report.test_comparison_page import RATE, make_read, write_run
from tests.support.commands import run_command
from tests.support.page import Page

RUNS = ["a", "b"]


def opinion(listener, track, run, rating, improvement_db=None, start=0.0):
    return Opinion(
        listener,
        RatedSound(run, Passage(track, "vn", start, start + 5), improvement_db),
        rating,
    )


def summary(*opinions):
    return summarise(Matched(opinions, len(opinions), {}), RUNS)


def test_means_and_differences_by_hand():
    found = summary(
        opinion("ann", "t1", "a", 40),
        opinion("ann", "t1", "b", 70),
        opinion("bob", "t1", "a", 10),
        opinion("bob", "t1", "b", 20),
        opinion("bob", "t2", "a", 25),
        opinion("bob", "t2", "b", 20),
        # Of one run alone, which says nothing of the other.
        opinion("ann", "t2", "b", 100),
    )
    first, second = found.runs
    assert (first.name, first.rating.mean, first.difference) == ("a", 25, None)
    assert second.rating.mean == pytest.approx(110 / 3)
    assert second.difference.mean == pytest.approx((30 + 10 - 5) / 3)
    assert second.rating.interval is second.difference.interval is found.drawn is None
    assert (found.num_pairs, found.num_unpaired, found.num_ratings) == (3, 1, 7)
    assert [(each.name, each.num_pairs, each.means) for each in found.by_track] == [
        ("t1", 2, [25, 45]),
        ("t2", 1, [25, 20]),
    ]
    assert [(each.name, each.num_pairs, each.means) for each in found.by_listener] == [
        ("ann", 1, [40, 70]),
        ("bob", 2, [17.5, 20]),
    ]


def test_a_sound_rated_on_two_pages_counts_once():
    found = summary(
        opinion("ann", "t1", "a", 40),
        opinion("ann", "t1", "a", 60),
        opinion("ann", "t1", "b", 30),
        opinion("ann", "t2", "a", 0),
        opinion("ann", "t2", "b", 0),
    )
    assert [run.rating.mean for run in found.runs] == [25, 15]


@pytest.mark.parametrize("drawn", ["tracks", "listeners"])
def test_six_tracks_or_listeners_are_the_least_for_an_interval(drawn):
    def of(number):
        who, where = ("ann", f"t{number}") if drawn == "tracks" else (f"l{number}", "t")
        return [opinion(who, where, "a", 50), opinion(who, where, "b", 50 + number)]

    five = summary(*[each for number in range(5) for each in of(number)])
    assert (five.drawn, five.runs[1].rating.interval) == (None, None)
    six = summary(*[each for number in range(6) for each in of(number)])
    assert six.drawn == drawn
    assert six.runs[0].rating.interval.low == six.runs[0].rating.interval.high == 50
    # The standard error of a mean of 0 to 5 is sqrt(35 / 12 / 6) = 0.70.
    interval = six.runs[1].difference.interval
    assert interval.low == pytest.approx(2.5 - 1.96 * math.sqrt(35 / 72), abs=0.2)
    assert interval.high == pytest.approx(2.5 + 1.96 * math.sqrt(35 / 72), abs=0.2)
    shown = (len(six.by_track), len(six.by_listener))
    assert shown == ((0, 1) if drawn == "tracks" else (1, 0))


def test_rank_correlation_by_hand():
    """Spearman's without ties: 1 - 6 sum(d^2) / (n (n^2 - 1))."""
    ratings = [10, 30, 20, 40, 60, 50, 80, 70]
    opinions = [
        opinion("ann", f"t{number}", "a", rating, float(number))
        for number, rating in enumerate(ratings)
    ]
    found = summary(*opinions)
    assert found.rank_correlation == pytest.approx(1 - 6 * 6 / (8 * 63))
    assert (found.num_estimates, MIN_ESTIMATES) == (8, 8)
    assert summary(*opinions[:-1]).rank_correlation is None
    alike = [replace(each, rating=50) for each in opinions]
    assert summary(*alike).rank_correlation is None
    # Two listeners of one estimate are one estimate.
    assert summary(*opinions, replace(opinions[0], listener="bob")).num_estimates == 8


def test_the_hidden_source_is_no_run():
    found = summary(opinion("ann", "t", None, 95), opinion("bob", "t", None, 85))
    assert (found.reference_mean, found.num_reference, found.runs) == (90, 2, [])
    assert found.num_unpaired == 0


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    root = tmp_path_factory.mktemp("rated")
    return [write_run(root / name, seed, num_tracks=2) for seed, name in enumerate(RUNS)]


def ratings_of(run, values, session=SESSION, listener="Ann"):
    """What a page saves of the estimates of a run; values by source."""
    return [
        Rating(
            PAGE,
            clip.key_of("estimate"),
            clip.choice.track,
            clip.choice.source,
            clip.choice.start_secs,
            "film",
            values[clip.choice.source],
            listener,
            session,
            1,
        )
        for clip in read_clips(load(run).folder / "clips.zip")
        if clip.choice.source in values
    ]


def save(path, ratings):
    lines = [[str(getattr(each, column)) for column in COLUMNS] for each in ratings]
    return write(path, *lines)


def test_a_sound_is_known_by_its_key_and_not_by_its_name(two):
    runs = [load(name) for name in two]
    files = {"x.csv": ratings_of(two[0], {"va": 10}) + ratings_of(two[1], {"va": 20, "vn": 30})}
    found = match(files, sounds_of(runs)).opinions
    assert [(each.sound.run, each.sound.passage.source, each.rating) for each in found] == [
        (two[0], "va", 10),
        (two[1], "va", 20),
        (two[1], "vn", 30),
    ]


def test_equal_sounds_of_two_runs_are_both_rated(two):
    copy = replace(load(two[0]), name="copy")
    found = match({"x": ratings_of(two[0], {"va": 10})}, sounds_of([load(two[0]), copy]))
    assert [each.sound.run for each in found.opinions] == [two[0], "copy"]
    assert found.num_ratings == 1


def test_one_who_gave_no_name_is_told_from_others(two):
    files = {
        "x": ratings_of(two[0], {"va": 10}, listener=" "),
        "y": ratings_of(two[0], {"va": 20}, session="f" * 16, listener=""),
    }
    found = match(files, sounds_of([load(two[0])])).opinions
    assert [each.listener for each in found] == ["unnamed 00112233", "unnamed ffffffff"]


def test_ratings_of_other_sounds_are_counted(two):
    files = {"x": [*ratings_of(two[0], {"va": 10}), *ratings_of(two[1], {"va": 20, "vn": 5})]}
    found = match(files, sounds_of([load(two[0])]))
    assert (len(found.opinions), found.num_ratings, found.num_others) == (1, 1, {"x": 2})
    with pytest.raises(
        ValueError, match=r"x has 2 ratings, none of a sound .* calls film; compare"
    ):
        match({"x": ratings_of(two[1], {"va": 20, "vn": 5})}, sounds_of([load(two[0])]))
    with pytest.raises(ValueError, match="x has 1 rating, none of a sound of these runs"):
        match({"x": ratings_of(two[0], {"va": 10})}, sounds_of([load(two[0])], ["vn"]))


def test_refuses_a_rating_that_is_there_twice_or_was_moved(two):
    sounds = sounds_of([load(two[0])])
    own = ratings_of(two[0], {"va": 10})
    with pytest.raises(ValueError, match=r"y has a rating of track a track, 2 s, va, film that x"):
        match({"x": own, "y": [replace(own[0], rating=20)]}, sounds)
    with pytest.raises(ValueError, match=r"x was changed: .* va, .* is track a track, 2 s, va\."):
        match({"x": [replace(own[0], start_secs=3.0)]}, sounds)


def test_the_improvement_of_a_passage_is_that_of_its_segments(tmp_path):
    """Of seconds 2 to 4 the segments 2 and 3; of a choice around a segment that one alone."""
    rows = [
        Row(system, "t", float(i), "vn", "scored", 2, snr=level)
        for system, levels in (("model", [0, 9, 4, 6, 90]), ("mixture", [0, 1, 2, 1, 0]))
        for i, level in enumerate(levels)
    ]
    choices = [Choice("common", "t", "vn", 2.0, 4.0), Choice("best", "t", "vn", 0.0, 3.0, (1, 2))]
    write_clips(tmp_path / "clips.zip", list(record(choices, make_read(0), RATE)))
    found = sounds_of([ScoredRun("a", rows, folder=tmp_path)]).values()
    improvements = [each.improvement_db for (each,) in found if each.run]
    assert improvements == [(2 + 5) / 2, 8]


def test_runs_without_sounds_take_no_ratings(tmp_path):
    with pytest.raises(ValueError, match=r"no run has sounds of these sources \(clips\.zip\)"):
        sounds_of([ScoredRun("a", [], folder=tmp_path)])


def test_the_command_sets_ratings_beside_the_metrics(two, tmp_path):
    rated = [
        [*ratings_of(two[0], {"va": 40}), *ratings_of(two[1], {"va": 70, "vn": 5})],
        [
            *ratings_of(two[0], {"va": 10}, "f" * 16, "<b>Bob</b>"),
            *ratings_of(two[1], {"va": 20}, "f" * 16, "<b>Bob</b>"),
        ],
    ]
    files = [save(tmp_path / f"{number}.csv", each) for number, each in enumerate(rated)]
    given = [f"--ratings={path}" for path in files]
    out = [f"--report={tmp_path / 'c.html'}", f"--out={tmp_path / 'c_numbers.json'}"]
    done = run_command("evaluation.compare", *two, *given, *out)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "B                             45.0                       +20.0" in lines
    assert "listener Ann: A 40.0, B 70.0 (n = 1)" in lines
    assert "track a track: A 25.0, B 45.0 (n = 2)" in lines
    assert "5 ratings of 2 listeners" in lines
    assert any(line.startswith("not in these means: 1 rating of passages") for line in lines)
    written = json.loads((tmp_path / "c_numbers.json").read_text())["ratings"]
    assert written["runs"][1]["difference"] == {"mean": 20, "interval": None}
    page = Page((tmp_path / "c.html").read_text(encoding="utf-8"))
    assert page.lines("ratings")["b"] == [["45.0"], ["+20.0"], ["2"]]
    assert page.lines("rated-listener")["<b>Bob</b>"] == [["10.0", "1"], ["20.0", "1"]]
    assert "5 ratings of 2 listeners." in page.text
    assert "b | 45.0 | +20.0 | 2" in (tmp_path / "c.md").read_text(encoding="utf-8")


def test_bad_ratings_cost_no_report(two, tmp_path):
    for path, message in [
        ("none.csv", "none.csv: No such file or directory"),
        (f"{two[0]}/scores.csv", "is no file of ratings that the page of a report saved"),
    ]:
        done = run_command(
            "evaluation.compare", *two, f"--ratings={path}", f"--report={tmp_path / 'c.html'}"
        )
        assert done.returncode == 1
        assert message in done.stderr
        assert done.stdout == ""
    own = save(tmp_path / "own.csv", ratings_of(two[0], {"va": 40}))
    done = run_command("evaluation.compare", *two, f"--ratings={own}", f"--ratings={own}")
    assert done.stderr == "error: a file of ratings is named twice; name each once.\n"
    assert list(tmp_path.iterdir()) == [own]
