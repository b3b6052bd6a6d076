"""The table of scores: statuses, segments, what goes into which metric, the file, and what is made
of it.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.schema import Evaluation
from data_prep.audio import activity
from data_prep.audio.activity import segment_bounds, segments
from evaluation.metrics import bss_eval
from evaluation.metrics.si_sdr import si_sar, si_sdr, span
from evaluation.scores.aggregates import summarise
from evaluation.scores.improvement import improvement
from evaluation.scores.table import (
    COLUMNS,
    IMPROVEMENTS,
    METRICS,
    SHARES,
    STATUSES,
    Row,
    read_csv,
    write_csv,
)
from evaluation.scoring.one_segment import score_track

# Scores of before there were shares of bins.
KEPT = Path(__file__).parents[2] / "before/files/run/evaluation/6-test/scores.csv"
RATE = 200  # frames per second, and per segment
CONFIG = Evaluation(filter_taps=8)
NAMES = ("va", "vc", "vn")


def noise(seed, *shape):
    return 0.1 * np.random.default_rng(seed).standard_normal(shape)


def score(references, estimates, mixture=None, config=CONFIG, names=None):
    """Rows by (system, segment, source)."""
    mixture = references.sum(axis=0) if mixture is None else mixture
    names = NAMES[: len(references)] if names is None else names
    rows = score_track("01_Tune", mixture, references, {"model": estimates}, names, RATE, config)
    assert all(row.track == "01_Tune" for row in rows)
    hop_secs = config.hop_secs or config.segment_secs
    table = {(row.system, round(row.start_secs / hop_secs), row.source): row for row in rows}
    assert len(table) == len(rows)
    return table


def defined(row):
    return {metric for metric in (*METRICS, *SHARES) if getattr(row, metric) is not None}


@given(num_frames=st.integers(1, 10_000), segment_frames=st.integers(1, 500), data=st.data())
def test_segments_cover_a_track_and_none_is_short_or_long(num_frames, segment_frames, data):
    hop_frames = data.draw(st.integers(1, segment_frames))
    bounds = segment_bounds(num_frames, segment_frames, hop_frames)
    assert set().union(*(range(*each) for each in bounds)) == set(range(num_frames))
    assert [start for start, _ in bounds] == [i * hop_frames for i in range(len(bounds))]
    if hop_frames == segment_frames:
        assert sum(stop - start for start, stop in bounds) == num_frames
    if num_frames >= segment_frames:
        assert all(0.5 <= (stop - start) / segment_frames < 1.5 for start, stop in bounds)
        assert all(stop - start == segment_frames for start, stop in bounds[:-1])
    else:
        assert len(bounds) == 1


@pytest.mark.parametrize(
    ("num_frames", "hop_frames", "bounds"),
    [
        (30, 10, [(0, 10), (10, 20), (20, 30)]),
        (34, 10, [(0, 10), (10, 20), (20, 34)]),
        (35, 10, [(0, 10), (10, 20), (20, 30), (30, 35)]),
        (14, 10, [(0, 14)]),
        (3, 10, [(0, 3)]),
        (20, 5, [(0, 10), (5, 15), (10, 20)]),
        (21, 5, [(0, 10), (5, 15), (10, 20), (15, 21)]),
        (22, 8, [(0, 10), (8, 18), (16, 22)]),
        (20, 8, [(0, 10), (8, 20)]),
        (3, 2, [(0, 3)]),
    ],
)
def test_a_short_remainder_joins_the_segment_before_it(num_frames, hop_frames, bounds):
    assert segment_bounds(num_frames, 10, hop_frames) == bounds


@pytest.mark.parametrize(
    ("num_frames", "segment_frames", "hop_frames"), [(0, 10, 10), (10, 0, 0), (9, 5, 0), (9, 5, 6)]
)
def test_nothing_has_no_segments_and_gaps_are_refused(num_frames, segment_frames, hop_frames):
    with pytest.raises(
        ValueError, match="expected 1 or more of each, and a hop no longer than a segment"
    ):
        segment_bounds(num_frames, segment_frames, hop_frames)


def test_segments_of_the_first_publication_and_segments_that_overlap():
    assert segments(50_000, 22050, Evaluation(segment_secs=0.743)) == [
        (0, 16383),
        (16383, 32766),
        (32766, 50_000),
    ]
    assert segments(4000, 1000, Evaluation(hop_secs=0.5)) == [
        (i, i + 1000) for i in range(0, 3001, 500)
    ]
    references, estimates = noise(1, 2, 3 * RATE, 1), noise(2, 2, 3 * RATE, 1)
    tiled, overlapping = (
        score(references, estimates),
        score(references, estimates, config=replace(CONFIG, hop_secs=0.5)),
    )
    assert sorted({row.start_secs for row in overlapping.values()}) == [0, 0.5, 1, 1.5, 2]
    by_start = {(row.system, row.start_secs, row.source): row for row in overlapping.values()}
    assert all(by_start[row.system, row.start_secs, row.source] == row for row in tiled.values())


@pytest.fixture(scope="module")
def statuses():
    """Five segments: both sources, va alone, both, va alone, nothing; vn never plays. The model
    misses va in 2, 3.
    """
    references = np.zeros((3, 5 * RATE, 1))
    references[0, : 4 * RATE] = noise(1, 4 * RATE, 1)
    references[1, :RATE] = noise(2, RATE, 1)
    references[1, 2 * RATE : 3 * RATE] = noise(3, RATE, 1)
    estimates = 0.5 * references + 0.01 * noise(4, *references.shape)
    estimates[0, 2 * RATE : 4 * RATE] *= 1e-6
    return score(references, estimates)


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        (
            "model",
            {
                "va": ("scored", "solo", "silent_estimate", "silent_estimate", "silent_mixture"),
                "vc": ("scored", "absent", "scored", "absent", "silent_mixture"),
                "vn": ("absent", "absent", "absent", "absent", "silent_mixture"),
            },
        ),
        (
            "mixture",
            {
                "va": ("scored", "solo", "scored", "solo", "silent_mixture"),
                "vc": ("scored", "absent", "scored", "absent", "silent_mixture"),
                "vn": ("absent", "absent", "absent", "absent", "silent_mixture"),
            },
        ),
        (
            "silence",
            {
                "va": ("silent_estimate",) * 4 + ("silent_mixture",),
                "vc": ("silent_estimate", "absent", "silent_estimate", "absent", "silent_mixture"),
                "vn": ("absent", "absent", "absent", "absent", "silent_mixture"),
            },
        ),
    ],
)
def test_every_status(statuses, system, expected):
    assert {
        name: tuple(statuses[system, i, name].status for i in range(5)) for name in NAMES
    } == expected


def test_a_status_fixes_the_polyphony_and_which_metrics_there_are(statuses):
    # What is not scored, by the rules of museval, is in test_track_filters.
    assert {row.status for row in statuses.values()} == {*STATUSES} - {"not_scored"}
    for (_, segment, _), row in statuses.items():
        assert row.polyphony == (2, 1, 2, 1, 0)[segment]
        assert row.start_secs == segment
        assert (
            defined(row)
            == {
                "scored": {*METRICS, *SHARES} - {"leakage"},
                "solo": {"sdr", "sar", "isr", "sar_v4", "si_sdr", "si_sar", "snr", *SHARES},
                "silent_estimate": {"sdr", "snr", *SHARES}
                | ({"sdri", "snri"} if row.polyphony > 1 else set()),
                "absent": {"leakage"},
                "silent_mixture": set(),
            }[row.status]
        )
        if row.status == "silent_estimate":
            assert row.sdr == row.snr == 0


def test_the_mixture_is_silent_before_a_source_is_active():
    references = np.stack([noise(1, RATE, 1), noise(2, RATE, 1)])
    rows = score(references, references, mixture=np.zeros((RATE, 1)))
    assert {row.status for row in rows.values()} == {"silent_mixture"}
    assert {row.polyphony for row in rows.values()} == {2}


def test_active_means_above_both_thresholds():
    segment = np.ones((RATE, 1))
    levels = {
        "loud": (0, 0),
        "soft": (0, -61),
        "softer": (-15, -74),
        "faint": (-75, -81),
    }  # dBFS of two segments
    references = np.stack(
        [
            np.concatenate([10 ** (level / 20) * segment for level in pair])
            for pair in levels.values()
        ]
    )
    rows = score(references, references, names=tuple(levels), config=replace(CONFIG, filter_taps=1))
    active = [name for name in levels if rows["model", 1, name].status != "absent"]
    assert active == ["loud", "softer"]


def test_the_metrics_are_those_of_the_active_references():
    references, estimates = noise(1, 3, RATE, 1), noise(2, 3, RATE, 1)
    estimates += references
    references[1] *= 1e-6  # there, but not active
    rows = score(references, estimates)
    active = [0, 2]
    sdr, sir, sar = bss_eval.bss_eval_sources(references[active, :, 0], estimates[active, :, 0], 8)
    for i, name in enumerate(("va", "vn")):
        row = rows["model", 0, name]
        assert (row.sdr, row.sir, row.sar) == pytest.approx((sdr[i], sir[i], sar[i]), abs=1e-9)
        assert row.si_sdr == pytest.approx(
            si_sdr(references[active[i], :, 0], estimates[active[i], :, 0])
        )
        sars = si_sar(references[active], estimates[active], span(references[active]))
        assert row.si_sar == pytest.approx(sars[i])
        assert row.snr == pytest.approx(activity.snr(references[active[i]], estimates[active[i]]))


@pytest.mark.parametrize("channels", [1, 2])
def test_v4_has_columns_of_its_own_and_its_sdr_is_the_snr(channels):
    references = noise(1, 3, RATE, channels)
    estimates = 0.8 * references + noise(2, 3, RATE, channels)
    references[1] *= 1e-6  # there, but not active
    rows, without = (
        score(references, estimates),
        score(references, estimates, config=replace(CONFIG, bss_v4=False)),
    )
    active = [0, 2]
    expected = np.transpose(bss_eval.bss_eval_images(references[active], estimates[active], 8))
    for values, name in zip(expected, ("va", "vn"), strict=True):
        row = rows["model", 0, name]
        assert (row.snr, row.isr, row.sir_v4, row.sar_v4) == pytest.approx(tuple(values), abs=1e-9)
        assert ((row.sir, row.sar) == (row.sir_v4, row.sar_v4)) == (channels == 1)
    for key, row in rows.items():
        assert without[key] == replace(row, isr=None, sir_v4=None, sar_v4=None)


def test_improvements_are_differences_from_the_row_of_the_mixture(statuses):
    for (system, segment, source), row in statuses.items():
        mixture = statuses["mixture", segment, source]
        for column, metric in IMPROVEMENTS.items():
            if (value := getattr(row, column)) is not None:
                assert value == getattr(row, metric) - getattr(mixture, metric)
                assert value == 0 or system != "mixture"
    assert statuses["silence", 0, "va"].snri == -statuses["mixture", 0, "va"].snr
    assert statuses["model", 3, "va"].snri is None  # alone and missed


@pytest.mark.parametrize("num_sources", [1, 3])
def test_the_backend_mir_eval_agrees_and_leaves_the_other_columns(num_sources):
    segment = 12 * RATE
    references, estimates = (
        noise(1, num_sources, 2 * segment, 1),
        noise(2, num_sources, 2 * segment, 1),
    )
    references[1:, segment:] = 0
    estimates += references
    estimates[-1, segment:] = 0
    config = Evaluation(segment_secs=12)
    ours, theirs = (
        score(references, estimates, config=replace(config, backend=name))
        for name in ("own", "mir_eval")
    )
    statuses = (
        {"scored", "solo", "absent", "silent_estimate"}
        if num_sources == 3
        else {"solo", "silent_estimate"}
    )
    assert {row.status for row in theirs.values()} == statuses
    for key, row in ours.items():
        assert theirs[key].status == row.status
        for metric in METRICS:
            expected, found = getattr(row, metric), getattr(theirs[key], metric)
            if metric in ("sdr", "sir", "sar", "sdri") and expected is not None:
                assert (
                    found == pytest.approx(expected, abs=1e-6) or min(found, expected) > 200
                )  # rounding
            else:
                assert found == expected


def test_the_backend_mir_eval_says_what_it_cannot(monkeypatch):
    config = Evaluation(backend="mir_eval")
    with pytest.raises(ValueError, match=r"evaluation\.backend=mir_eval scores one channel, not 2"):
        score(noise(1, 2, RATE, 2), noise(2, 2, RATE, 2), config=config)
    with pytest.raises(
        ValueError, match=r"evaluation\.filter_taps is 8; expected 512, as mir_eval has them"
    ):
        Evaluation(backend="mir_eval", filter_taps=8)
    monkeypatch.setitem(sys.modules, "mir_eval", None)
    with pytest.raises(ValueError, match=r"needs the package mir_eval before 0\.9"):
        score(noise(1, 2, RATE, 1), noise(2, 2, RATE, 1), config=config)


def test_leakage_is_relative_to_the_mixture_and_has_a_floor():
    references = np.stack([noise(1, RATE, 1), np.zeros((RATE, 1)), np.zeros((RATE, 1))])
    estimates = np.stack([references[0], 0.1 * references[0], np.zeros((RATE, 1))])
    rows = score(references, estimates)
    assert rows["model", 0, "vc"].leakage == pytest.approx(-20)
    assert rows["model", 0, "vn"].leakage == -100
    assert rows["mixture", 0, "vn"].leakage == 0
    assert rows["silence", 0, "vn"].leakage == -100


def test_a_perfect_estimate_is_infinite_not_blank():
    references = noise(1, 2, RATE, 1)
    row = score(references, references)["model", 0, "va"]
    assert row.snr == row.si_sdr == np.inf
    assert min(row.sdr, row.sir, row.sar, row.isr, row.sir_v4, row.sar_v4) > 200


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_silent_slots_change_no_bit_of_the_others(dtype):
    names = ("bn", "cl", "db", "fl", "hn")
    references = noise(1, 2, 3 * RATE + 70, 2).astype(dtype)
    references[1, RATE : 2 * RATE] = 0
    estimates = references + noise(2, *references.shape).astype(dtype)
    few = score(references, estimates, names=("cl", "hn"))
    wide_references, wide_estimates = np.zeros((2, 5, *references.shape[1:]), dtype)
    wide_references[[1, 4]], wide_estimates[[1, 4]] = references, estimates
    wide_estimates[0] = noise(3, *references.shape[1:])
    many = score(wide_references, wide_estimates, mixture=references.sum(axis=0), names=names)
    assert {key: row for key, row in many.items() if key[2] in ("cl", "hn")} == few
    assert {row.status for key, row in many.items() if key[2] not in ("cl", "hn")} == {"absent"}


def test_channels_are_decomposed_each_and_their_energies_added():
    # One tap and orthogonal signals: |s_target|^2 = 9 + 4, |e_interf|^2 = 4 + 0, |e_artif|^2 = 1 +
    # 1 over the channels.
    first, second, artifacts = np.eye(3, RATE)
    references = np.stack(
        [np.stack([first, 2 * first], axis=-1), np.stack([second, 0 * second], axis=-1)]
    )
    estimate = np.stack([3 * first + 2 * second + artifacts, 2 * first + artifacts], axis=-1)
    row = score(
        references, np.stack([estimate, references[1]]), config=replace(CONFIG, filter_taps=1)
    )["model", 0, "va"]
    assert (row.sdr, row.sir, row.sar) == pytest.approx(
        tuple(10 * np.log10([13 / 6, 13 / 4, 17 / 2]))
    )
    # One scale for both channels, a = (3 + 4) / 5: the rest of the estimate is orthogonal to the
    # reference.
    error = (3 - 1.4) ** 2 + 4 + 1 + (2 - 2.8) ** 2 + 1
    assert row.si_sdr == pytest.approx(10 * np.log10(1.4**2 * 5 / error))
    assert row.snr == pytest.approx(10 * np.log10(5 / (4 + 4 + 1 + 0 + 1)))


def test_two_equal_channels_score_as_one():
    references, estimates = noise(1, 2, RATE, 1), noise(2, 2, RATE, 1)
    mono, stereo = (
        score(references, estimates),
        score(references.repeat(2, axis=2), estimates.repeat(2, axis=2)),
    )
    for key, row in mono.items():
        for metric in defined(row):
            one, two = (
                min(getattr(each, metric), 200) for each in (row, stereo[key])
            )  # above is rounding
            assert two == pytest.approx(one, abs=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"estimates": np.zeros((2, 9, 1))},
            r"track t: expected .* shape \(2, 10, 1\) .* got \(2, 10, 1\), \(2, 9, 1\)",
        ),
        ({"references": np.zeros((3, 10, 1))}, r"2 slots .* got \(3, 10, 1\), \(2, 10, 1\)"),
        ({"mixture": np.zeros(10)}, r"\(frames, channels\) = \(10,\)"),
        (
            {"estimates": np.stack([np.zeros((10, 1)), np.full((10, 1), np.nan)])},
            "track t: vc of the model has values",
        ),
        (
            {"references": np.full((2, 10, 1), np.inf)},
            "track t: va, vc of the reference has values",
        ),
        ({"mixture": np.full((10, 1), np.nan)}, "track t: the mixture has values"),
    ],
)
def test_refuses_what_cannot_be_scored(change, message):
    waveforms = {
        "mixture": np.zeros((10, 1)),
        "references": np.zeros((2, 10, 1)),
        "estimates": np.zeros((2, 10, 1)),
    }
    mixture, references, estimates = (waveforms | change).values()
    with pytest.raises(ValueError, match=message):
        score_track("t", mixture, references, {"model": estimates}, ("va", "vc"), 10, CONFIG)


def test_refuses_a_system_named_like_a_baseline():
    silence = np.zeros((1, 10, 1))
    with pytest.raises(ValueError, match="no system may be called mixture: that is a baseline"):
        score_track("t", silence[0], silence, {"mixture": silence}, ("va",), 10, CONFIG)


_names = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=20)
_decibels = st.none() | st.floats(-1e4, 1e4) | st.sampled_from((np.inf, -np.inf))


@settings(deadline=None)
@given(
    rows=st.lists(
        st.builds(
            Row,
            system=_names,
            track=_names,
            start_secs=st.floats(0, 1e5),
            source=_names,
            status=st.sampled_from(STATUSES),
            polyphony=st.integers(0, 13),
            **dict.fromkeys(METRICS, _decibels),
            **dict.fromkeys(SHARES, st.none() | st.floats(0, 1)),
        ),
        max_size=5,
    )
)
def test_a_table_comes_back_from_its_file(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("scores") / "scores.csv"
    write_csv(path, rows)
    assert read_csv(path) == rows


def test_scored_rows_come_back_from_their_file(statuses, tmp_path):
    write_csv(tmp_path / "scores.csv", statuses.values())
    assert read_csv(tmp_path / "scores.csv") == list(statuses.values())


@pytest.mark.parametrize("missing", [("si_sar",), ("si_sar", *SHARES)])
def test_a_table_of_before_is_read_with_blanks(statuses, tmp_path, missing):
    """As tables were before they had some columns; and one of the files that were kept."""
    path = tmp_path / "scores.csv"
    write_csv(path, statuses.values())
    lines = [line.split(",") for line in path.read_text().splitlines()]
    kept = [i for i, column in enumerate(COLUMNS) if column not in missing]
    path.write_text("".join(",".join(line[i] for i in kept) + "\n" for line in lines))
    assert any(row.si_sar is not None for row in statuses.values())
    assert read_csv(path) == [replace(row, **dict.fromkeys(missing)) for row in statuses.values()]
    kept = read_csv(KEPT)
    assert len(kept) > 100
    assert kept[0].snri == pytest.approx(-10.298362351641629)
    assert {(row.bins, row.bins_majority, row.si_sar) for row in kept} == {(None, None, None)}


def test_a_write_that_fails_leaves_the_old_table(statuses, tmp_path):
    path = tmp_path / "scores.csv"
    old = list(statuses.values())[:3]
    write_csv(path, old)

    def broken():
        yield from statuses.values()
        raise RuntimeError("no more rows")

    with pytest.raises(RuntimeError):
        write_csv(path, broken())
    assert read_csv(path) == old


_HEADER = ",".join(COLUMNS)
_GOOD = "model,t,0.0,va,scored,2,1.0,2.0,3.0,,,,4.0,,5.0,,,,,0.75,0.5"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "other columns than expected: none, not system, track"),
        (
            _HEADER.replace("snr", "sdr_v4"),
            "expected: .*si_sar, sdr_v4, leakage, .*not system, .*snr, leakage",
        ),
        (_HEADER + ",sdr_v4", "expected: .*leakage, .*sdr_v4, not"),
        (f"{_HEADER}\n{_GOOD}\nmodel,t,0.0", "line 3 has 3 values; expected 21"),
        (f"{_HEADER}\n{_GOOD}\n{_GOOD},", "line 3 has 22 values; expected 21"),
        (
            f"{_HEADER}\n{_GOOD.replace('scored', 'heard')}",
            "line 2: status is 'heard'; expected one of scored, solo",
        ),
        (
            f"{_HEADER}\n{_GOOD.replace(',2,', ',two,')}",
            "line 2: polyphony is 'two'; expected a count",
        ),
        (
            f"{_HEADER}\n{_GOOD.replace(',0.0,', ',,')}",
            "line 2: start_secs is ''; expected a number of seconds",
        ),
        (
            f"{_HEADER}\n{_GOOD.replace('4.0', 'four')}",
            "line 2: si_sdr is 'four'; expected a number of dB or nothing",
        ),
        (
            f"{_HEADER}\n{_GOOD.replace('4.0', 'nan')}",
            "line 2: si_sdr is 'nan'; expected a number of dB or nothing",
        ),
        (
            f"{_HEADER}\n{_GOOD}\nmodel,{'t' * 200_000}",
            "is not a CSV file: field larger .* in line 3",
        ),
        (
            f"{_HEADER}\n{_GOOD.replace('4.0', 't' * 100_000)}",
            r"line 2: si_sdr is 't+\.\.\.t+'; expected a number of dB or nothing",
        ),
        (
            f"{_HEADER}\n{_GOOD.replace('0.0', 'inf')}",
            "line 2: start_secs is 'inf'; expected a number of seconds",
        ),
        (
            f"{_HEADER}\n{_GOOD.replace('0.0', '1e300')}",
            "line 2: start_secs is '1e300'; expected a number of seconds",
        ),
        (
            f"{_HEADER}\n{_GOOD.replace('4.0', '-1e308')}",
            "line 2: si_sdr is '-1e308'; expected a number of dB or nothing",
        ),
        (
            f"{_HEADER}\n{_GOOD.replace('0.75', '1.01')}",
            "line 2: bins is '1.01'; expected a share from 0 to 1 or nothing",
        ),
        (
            f"{_HEADER}\n{_GOOD.replace('0.75,0.5', '0.75,nan')}",
            "line 2: bins_majority is 'nan'; expected a share from 0 to 1 or nothing",
        ),
        (_HEADER.removesuffix(",bins_majority"), "expected: .*snri, bins, not"),
        (
            f"{_HEADER}\n{_GOOD.replace('0.0', '-1e-9')}",
            "line 2: start_secs is '-1e-9'; expected a number of seconds",
        ),
        (
            f"{_HEADER}\n{_GOOD.replace(',2,', ',-1,')}",
            "line 2: polyphony is '-1'; expected a count",
        ),
        (
            f"{_HEADER}\n{_GOOD.replace(',2,', f',{2**63},')}",
            "line 2: polyphony is '9223372036854775808'; expected a count",
        ),
        (
            f"{_HEADER}\n{_GOOD.replace(',2,', ',1e0,')}",
            "line 2: polyphony is '1e0'; expected a count",
        ),
        (
            f"{_HEADER}\n{_GOOD}\n" + _GOOD.replace(",t,", ",t\0,"),
            r"line 3: track is 't\\x00'; expected a name without the character NUL",
        ),
        ("\0" * 1000, "other columns than expected: .{,700}$"),
    ],
)
def test_a_bad_table_is_refused_with_its_line_and_column(tmp_path, text, message):
    path = tmp_path / "scores.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_csv(path)


def test_bytes_are_no_table(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="is not text in UTF-8"):
        read_csv(path)


def row(system, source, snr, start_secs=0.0, status="scored", polyphony=2, track="t", **metrics):
    return Row(system, track, start_secs, source, status, polyphony, snr=snr, **metrics)


def test_improvement_by_hand():
    rows = [
        row("model", "va", 7.0, 0),
        row("mixture", "va", 1.0, 0),  # + 6
        row("model", "va", 0.0, 1, "silent_estimate"),
        row("mixture", "va", -3.0, 1),  # + 3
        row("model", "va", 30.0, 2, "solo", 1),
        row("mixture", "va", 90.0, 2, "solo", 1),  # left out: alone
        row("model", "va", 0.0, 3, "silent_estimate", 1),
        row("mixture", "va", 90.0, 3, "solo", 1),  # left out: alone and missed
        row("model", "va", None, 4, "absent", 1, leakage=-30.0),
        row("mixture", "va", None, 4, "absent", 1, leakage=0.0),
        row("model", "vc", 2.0, 0),
        row("mixture", "vc", -8.0, 0),  # + 10
        row("model", "vc", 2.0, 0, track="u"),
        row("mixture", "vc", 4.0, 0, track="u"),  # - 2
        row("model", "vn", None, 0, "absent", 1, leakage=-30.0),
        row("mixture", "vn", None, 0, "absent", 1, leakage=0.0),
        row("silence", "va", 0.0, 0, "silent_estimate"),  # - 1
    ]
    found = {
        each.source: (each.median_db, each.num_rows, each.num_left_out)
        for each in improvement(rows)
    }
    assert found == {None: (4.5, 4, 2), "va": (4.5, 2, 2), "vc": (4.0, 2, 0), "vn": (None, 0, 0)}
    assert [each.source for each in improvement(rows)] == [None, "va", "vc", "vn"]
    assert [each.median_db for each in improvement(rows, "silence")] == [-1.0, -1.0]
    assert [each.median_db for each in improvement(rows, "mixture")] == [0.0, 0.0, 0.0, None]


def test_improvement_leaves_out_what_the_mixture_has_perfectly():
    rows = [row("model", "va", 50.0), row("mixture", "va", np.inf)]
    assert [(each.median_db, each.num_left_out) for each in improvement(rows)] == [
        (None, 1),
        (None, 1),
    ]


@pytest.mark.parametrize(
    "mixture", [[], [row("mixture", "va", 1.0, 7.0)], [row("mixture", "va", None)]]
)
def test_improvement_needs_the_mixture_beside_every_row(mixture):
    with pytest.raises(
        ValueError, match=r"track t, 0\.0 s, va: expected a row of the mixture with an SNR"
    ):
        improvement([row("model", "va", 2.0), *mixture])


def test_improvement_of_the_mixture_plus_a_known_gain():
    references = noise(1, 2, 4 * RATE, 1)
    mixture = references.sum(axis=0)
    estimates = references + 0.1 * (mixture - references)
    rows = score(references, estimates).values()
    assert [each.median_db for each in improvement(list(rows))] == pytest.approx([20.0] * 3)


def test_aggregates_by_hand():
    sdr = {"t": [1.0, 2.0, 9.0], "u": [4.0, np.inf], "v": [30.0, 40.0, None]}
    rows = [
        Row(
            "model",
            track,
            float(i),
            "va",
            "scored" if value is not None else "absent",
            2,
            sdr=value,
        )
        for track, values in sdr.items()
        for i, value in enumerate(values)
    ]
    rows += [
        Row("model", "t", 0.0, "vc", "scored", 2, sdr=-6.0),
        Row("silence", "t", 0.0, "va", "solo", 1, sdr=0.0),
    ]
    together, viola, cello, silence_together, silence = summarise(rows)
    assert [(each.system, each.source, each.num_rows) for each in (together, viola, cello)] == [
        ("model", None, 9),
        ("model", "va", 8),
        ("model", "vc", 1),
    ]
    assert (silence_together.system, silence_together.source, silence.source) == (
        "silence",
        None,
        "va",
    )
    aggregate = viola.metrics["sdr"]
    assert aggregate.median_of_track_medians == 4  # of 2 4 35
    assert aggregate.median_of_segments == 6.5  # of 1 2 4 9 30 40
    assert aggregate.mean_of_track_medians == pytest.approx(41 / 3)
    assert aggregate.mean_of_segments == pytest.approx(86 / 6)
    assert aggregate.num_values == 6
    aggregate = together.metrics["sdr"]
    assert aggregate.median_of_track_medians == 4  # of 1.5 (-6 1 2 9), 4 and 35
    assert aggregate.median_of_segments == 4  # of -6 1 2 4 9 30 40
    assert aggregate.mean_of_track_medians == 13.5
    assert aggregate.mean_of_segments == pytest.approx(80 / 7)
    assert set(viola.metrics) == {"sdr"}
    assert viola.shares == pytest.approx(
        dict.fromkeys(STATUSES, 0) | {"scored": 7 / 8, "absent": 1 / 8}
    )
    assert silence.shares["solo"] == 1


def test_an_empty_table_has_no_aggregates():
    assert summarise([]) == []
    assert [(each.median_db, each.num_rows) for each in improvement([])] == [(None, 0)]
