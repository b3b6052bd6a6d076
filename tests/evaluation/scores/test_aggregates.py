"""Aggregates apart from those of test_table.py: groups, lone sources, improvements_by_segment, and
intervals against SciPy's.
"""

import math

import numpy as np
import pytest
from scipy import stats

from evaluation.scores import bootstrap
from evaluation.scores.aggregates import AGGREGATES, aggregate, summarise
from evaluation.scores.bootstrap import MIN_TRACKS, intervals
from evaluation.scores.improvement import improvement, improvements_by_segment
from evaluation.scores.table import Row


def clustered(num_tracks, seed, per_track=6):
    """Values of tracks that differ from each other, up to eight times as many in one as in another,
    out of order.
    """
    rng = np.random.default_rng(seed)
    counts = per_track * 2 ** (np.arange(num_tracks) % 4)
    tracks = np.repeat([f"t{t}" for t in range(num_tracks)], counts)
    values = np.repeat(rng.normal(5, 2, num_tracks), counts) + rng.normal(0, 3, counts.sum())
    shuffled = rng.permutation(len(values))
    return values[shuffled], tracks[shuffled]


@pytest.fixture(scope="module")
def by_track():
    values, tracks = clustered(20, seed=1)
    return values, tracks, [values[tracks == track] for track in np.unique(tracks)]


@pytest.mark.parametrize(
    ("name", "statistic"),
    [
        ("median_of_track_medians", lambda drawn: np.median([np.median(each) for each in drawn])),
        ("median_of_segments", lambda drawn: np.median(np.concatenate(drawn))),
        ("mean_of_track_medians", lambda drawn: np.mean([np.median(each) for each in drawn])),
        ("mean_of_segments", lambda drawn: np.mean(np.concatenate(drawn))),
    ],
)
def test_intervals_are_those_of_scipy_over_tracks(by_track, name, statistic):
    values, tracks, lists = by_track
    expected = stats.bootstrap(
        (np.arange(len(lists)),),
        lambda chosen: statistic([lists[i] for i in chosen]),
        vectorized=False,
        n_resamples=1500,
        method="percentile",
        rng=np.random.default_rng(2),
    ).confidence_interval
    found = aggregate(values, tracks, resamples=1500)
    assert getattr(found, name) == pytest.approx(statistic(lists))
    interval = found.intervals[name]
    assert (interval.low, interval.high) == pytest.approx(
        tuple(expected), abs=0.2
    )  # both draw; the width is 2 or more
    assert interval.low < getattr(found, name) < interval.high
    assert (found.num_values, found.num_tracks) == (len(values), 20)


@pytest.mark.parametrize("seed", range(20))
def test_medians_of_resamples_are_those_of_what_they_hold(seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 9, 30).astype(float)  # with ties
    codes = np.concatenate([np.arange(5), rng.integers(0, 5, 25)])
    drawn = rng.multinomial(5, np.full(5, 0.2), size=10)
    expected = [
        np.median(np.concatenate([np.tile(values[codes == t], n[t]) for t in range(5)]))
        for n in drawn
    ]
    assert bootstrap._medians(values, codes, drawn).tolist() == expected


def test_intervals_cover_what_they_should():
    """95 % of 300 samples of 25 tracks, give or take what 300 draws and a percentile interval of 25
    values may miss.
    """
    hits = np.zeros(2)
    for seed in range(300):
        values = np.random.default_rng(seed).normal(5, 2, 25)
        hits += [
            each.low <= 5 <= each.high for each in intervals(values, np.arange(25), resamples=400)
        ]
    assert np.all(hits / 300 > 0.9)
    assert np.all(hits / 300 < 0.985)


def test_drawing_segments_instead_of_tracks_would_promise_too_much():
    values, tracks = clustered(20, seed=3, per_track=15)
    over_tracks, over_segments = (
        intervals(values, tracks)[1],
        intervals(values, np.arange(len(values)))[1],
    )
    assert over_tracks.high - over_tracks.low > 2 * (over_segments.high - over_segments.low)


def test_too_few_tracks_have_no_interval_and_say_why():
    values = np.arange(float(MIN_TRACKS))
    assert intervals(values, np.arange(MIN_TRACKS)) is not None
    assert intervals(values[1:], np.arange(MIN_TRACKS - 1)) is None
    assert intervals(values, np.arange(MIN_TRACKS), resamples=0) is None
    assert bootstrap.why_none(5) == "tracks: 5, fewer than 6"
    assert bootstrap.why_none(6) is None


def test_the_same_rows_have_the_same_interval(by_track):
    values, tracks, _ = by_track
    assert intervals(values, tracks) == intervals(values, tracks)
    reverse = slice(None, None, -1)
    first, second = intervals(values, tracks), intervals(values[reverse], tracks[reverse])
    assert [(each.low, each.high) for each in first] == [
        pytest.approx((each.low, each.high)) for each in second
    ]


def row(
    system, snr, start_secs=0.0, track="t", source="va", status="scored", polyphony=2, **metrics
):
    return Row(system, track, start_secs, source, status, polyphony, snr=snr, **metrics)


def sample(num_tracks=8):
    """Duets, a trio, a lone source, which the mixture has perfectly, and the leak of another one
    beside it.
    """
    rows = []
    for t in range(num_tracks):
        for system, gain in (("model", 6.0 + t), ("mixture", 0.0)):
            rows += [
                row(system, gain - 1, 0, f"t{t}"),
                row(system, gain - 4, 1, f"t{t}", polyphony=3),
                row(system, 20.0 if gain else 300.0, 2, f"t{t}", status="solo", polyphony=1),
                row(system, None, 2, f"t{t}", "vc", "absent", 1, leakage=-30.0),
            ]
    return rows


def test_a_lone_source_is_in_the_aggregates_of_all_rows_and_not_in_those_together():
    model, mixture = (each for each in summarise(sample()) if each.source is None)
    assert mixture.metrics["snr"].mean_of_segments == pytest.approx((300 - 1 - 4) / 3)
    assert mixture.together["snr"].mean_of_segments == -2.5
    assert mixture.together["snr"].num_values == model.together["snr"].num_values == 16
    assert model.metrics["snr"].num_values == 24
    assert mixture.together["leakage"] == mixture.metrics["leakage"]
    assert model.shares["solo"] == 0.25
    missed = [row("model", 0.0, status="silent_estimate", polyphony=1), row("model", 3.0, 1)]
    assert summarise(missed)[0].together["snr"].mean_of_segments == 3


def test_groups_by_polyphony_and_by_track():
    rows = sample()[::-1]
    found = [each for each in summarise(rows, by="polyphony") if each.system == "mixture"]
    assert [(each.polyphony, each.source, each.track, each.num_rows) for each in found] == [
        (None, None, None, 32),
        (1, None, None, 16),
        (2, None, None, 8),
        (3, None, None, 8),
    ]
    assert found[1].metrics["snr"].median_of_segments == 300
    assert "snr" not in found[1].together
    assert found[3].metrics["snr"].median_of_segments == -4
    tracks = [
        each for each in summarise(sample(2), by="track", resamples=10) if each.system == "model"
    ]
    assert [each.track for each in tracks] == [None, "t0", "t1"]
    assert [tracks[i].together["snr"].median_of_segments for i in (1, 2)] == [3.5, 4.5]
    assert tracks[1].together["snr"].intervals is None


def test_intervals_where_they_are_asked_for():
    summary = summarise(sample(), resamples=200)[0]
    assert set(summary.together["snr"].intervals) == set(AGGREGATES)
    assert summarise(sample())[0].together["snr"].intervals is None


def test_gains_are_per_segment_and_none_where_nothing_can_be_better():
    rows = sample(1)
    assert improvements_by_segment(rows) == {
        ("t0", 0, "va"): 6.0,
        ("t0", 1, "va"): 6.0,
        ("t0", 2, "va"): None,
    }
    assert improvements_by_segment([row("model", 9.0), row("mixture", math.inf)]) == {
        ("t", 0.0, "va"): None
    }
    with pytest.raises(ValueError, match=r"track t, 0\.0 s, va: expected a row of the mixture"):
        improvements_by_segment([row("model", 9.0)])


def test_improvement_has_an_interval_over_tracks():
    rows = sample(20)
    found = improvement(rows, resamples=2000)[0]
    expected = stats.bootstrap(
        (6.0 + np.arange(20),), np.median, method="percentile", rng=np.random.default_rng(0)
    )
    assert found.median_db == 15.5
    assert (found.num_rows, found.num_left_out, found.num_tracks) == (40, 20, 20)
    assert (found.interval.low, found.interval.high) == pytest.approx(
        tuple(expected.confidence_interval), abs=1
    )
    assert improvement(rows)[0].interval is None
    assert improvement(sample(5), resamples=2000)[0].interval is None
    by_polyphony = improvement(rows, by="polyphony")
    assert [(each.polyphony, each.num_rows, each.num_left_out) for each in by_polyphony] == [
        (None, 40, 20),
        (1, 0, 20),
        (2, 20, 0),
        (3, 20, 0),
    ]
    assert [each.median_db for each in improvement(sample(2), by="track")] == [6.5, 6.0, 7.0]
