import base64
import hashlib
import json
import math
import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import configs
from configs import instruments
from evaluation.classical.names import BEST_ORDER, BLIND_NMF, NMF, ROWS
from evaluation.document import render
from evaluation.document.as_json import SCHEMA_VERSION
from evaluation.estimates.oracles import ORACLES
from evaluation.listening.clips import Choice, RecordedClip
from evaluation.listening.sounds import decode, encode
from evaluation.report.metric_names import FIGURE_TITLES, V3
from evaluation.report.run_page import Extras, make_document
from evaluation.scores import bootstrap, table
from evaluation.scores.about import About
from evaluation.scores.conditions import Condition
from evaluation.scores.table import CONSTANT_GAIN, Row, read_csv, write_csv
from tests.support.page import MINUS, Page

SYSTEMS = ("model", "mixture", "silence", CONSTANT_GAIN, *ORACLES)
NO_EXTRAS = Extras()
QUARTETS = (instruments.URMP, 4, 20)  # of too few tracks for intervals
INTERVALS = (instruments.MUSDB, 7, 12)
BLANK = "\N{EN DASH}"


def sample_rows(
    vocabulary: Sequence[str], num_tracks: int, num_segments: int, seed: int = 0
) -> list[Row]:
    """What a fair model's rows look like: quartets at most, rests, lone and silent stretches, a
    silent estimate.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for t in range(num_tracks):
        piece = rng.choice(len(vocabulary), size=min(4, len(vocabulary)), replace=False)
        for i in range(num_segments):
            active = set(piece[rng.random(len(piece)) < 0.85]) if rng.random() > 0.05 else set()
            for k, source in enumerate(vocabulary):
                place = (
                    f"{t:02d}_Piece_{'_'.join(vocabulary[j] for j in piece)}",
                    float(i),
                    source,
                )
                rows += _sample_segment(rng, place, len(active), k in active)
    mixtures = {
        (row.track, row.start_secs, row.source): row.snr for row in rows if row.system == "mixture"
    }
    improved = [
        replace(row, snri=row.snr - mixtures[row.track, row.start_secs, row.source])
        if row.polyphony > 1 and row.snr is not None
        else row
        for row in sorted(rows, key=lambda row: SYSTEMS.index(row.system))
    ]
    return with_bins(improved, seed)


def with_bins(rows: Sequence[Row], seed: int) -> list[Row]:
    """Gives rows their shares of bins, but for some segments of which every bin is silent."""
    rng = np.random.default_rng(seed)
    majorities: dict[tuple[str, float, str], float | None] = {}
    found = []
    for row in rows:
        place = (row.track, row.start_secs, row.source)
        if place not in majorities:
            majorities[place] = rng.uniform(0.5, 1) if rng.random() > 0.1 else None
        majority = majorities[place]
        if majority is not None and row.status in table.COUNTED_STATUSES:
            bins = rng.uniform(majority - 0.3, 1)
            row = replace(row, bins=bins, bins_majority=majority)
        found.append(row)
    return found


def _sample_segment(
    rng: np.random.Generator, place: tuple[str, float, str], polyphony: int, active: bool
) -> list[Row]:
    if polyphony == 0:
        return [Row(system, *place, "silent_mixture", 0) for system in SYSTEMS]
    if not active:
        leaks = (rng.normal(-30, 8), 0.0, *[-100.0] * 5)
        return [
            Row(s, *place, "absent", polyphony, leakage=leak)
            for s, leak in zip(SYSTEMS, leaks, strict=True)
        ]
    below = rng.normal(-10 * math.log10(max(polyphony - 1, 1)), 5)
    above = below + rng.normal(5, 2)
    silence = Row("silence", *place, "silent_estimate", polyphony, sdr=0.0, snr=0.0)
    if polyphony == 1:
        lone = {"sdr": 301.0, "sar": 301.0, "si_sdr": math.inf, "si_sar": math.inf, "snr": math.inf}
        model = Row(
            "model", *place, "solo", 1, sdr=15.2, sar=15.2, si_sdr=14.0, si_sar=14.0, snr=14.1
        )
        return [
            model,
            silence,
            *(Row(system, *place, "solo", 1, **lone) for system in ("mixture", *ORACLES)),
            Row(CONSTANT_GAIN, *place, "solo", 1, **{**lone, "snr": 3.5}),
        ]
    others = [
        _scored("mixture", place, polyphony, below + 0.2, below + 0.3, 300.0, below, below),
        silence,
    ]
    # The best that a gain of the segment could do.
    scaled = 10 * math.log10(1 + 10 ** (below / 10))
    level = (below + 0.2, below + 0.3, 300.0, below, scaled)
    others.append(_scored(CONSTANT_GAIN, place, polyphony, *level))
    for offset, oracle in enumerate(ORACLES, start=2):
        values = rng.normal(above + offset, 1, 5)
        others.append(_scored(oracle, place, polyphony, *values))
    if rng.random() < 0.02:
        return [Row("model", *place, "silent_estimate", polyphony, sdr=0.0, snr=0.0), *others]
    values = [above + offset + rng.normal() for offset in (1.0, 7.0, 3.0, -0.5)]
    return [_scored("model", place, polyphony, *values, above), *others]


def _scored(system: str, place: tuple[str, float, str], polyphony: int, *values: float) -> Row:
    metrics = dict(zip(("sdr", "sir", "sar", "si_sdr", "snr"), map(float, values), strict=True))
    metrics |= {"isr": metrics["snr"] + 3, "sir_v4": metrics["sir"], "sar_v4": metrics["sar"] - 1}
    metrics["si_sar"] = metrics["sar"] - 2
    return Row(system, *place, "scored", polyphony, **metrics)


def about(**changes: Any) -> About:
    config = configs.load("urmp_labels")
    about = About(
        title="urmp_labels",
        step=200_000,
        split="test",
        sample_rate=22050,
        channels=1,
        labels="oracle labels of each piece",
        evaluation=config.evaluation,
        config_json=configs.to_json(config),
        manifest={"corpus": "urmp", "splits": "grouped"},
        manifest_json='{"shards": {}}',
        code_revision="0123456789abcdef",
        command="python -m evaluation.evaluate --workdir=runs/urmp_labels --split=test",
    )
    return replace(about, **changes)


def write_page(path: Path, rows: Sequence[Row], about: About, extras: Extras = NO_EXTRAS) -> None:
    render.write(path, make_document(rows, about, extras))


def write(tmp_path: Path, rows: Sequence[Row], extras: Extras = NO_EXTRAS, **changes: Any) -> str:
    path = tmp_path / "report.html"
    write_page(path, rows, about(**changes), extras)
    assert sorted(each.name for each in tmp_path.glob("report.*")) == [
        "report.html",
        "report.json",
        "report.md",
    ]
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A report with nothing more than its rows, in a folder beside them; made once for all tests."""

    @cache
    def write_once(vocabulary: Sequence[str], num_tracks: int, num_segments: int) -> Path:
        folder = tmp_path_factory.mktemp("report")
        rows = sample_rows(vocabulary, num_tracks, num_segments)
        write_csv(folder / "scores.csv", rows)
        write(folder, rows)
        return folder

    return write_once


def read_page(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


def printed(value: float | None, sign: str = "") -> str:
    """Written anew, so that the report's own printing is tested too."""
    if value is None or abs(value) > 100:
        return BLANK if value is None else "> 100"
    text = f"{value:{sign}.1f}"
    return "0.0" if text in ("-0.0", "+0.0") else text


def median(values: Iterable[float | None]) -> tuple[float | None, int]:
    finite = [value for value in values if value is not None and math.isfinite(value)]
    return (float(np.median(finite)), len(finite)) if finite else (None, 0)


def title(source: str | None) -> str:
    if source is None:
        return "All sources"
    name = instruments.name_of(source)
    return name if name == source else f"{name} {source}"


def together(row: Row) -> bool:
    return row.polyphony != 1 or row.status == "absent"


def cell(
    rows: Sequence[Row], metric: str, n: int | None = None, interval: bool = False
) -> list[str]:
    """A median with its interval, and its n where that is not ``n``."""
    found = [
        (row.track, value)
        for row in rows
        if (value := getattr(row, metric)) is not None and math.isfinite(value)
    ]
    return numbers(found, n, interval)


def numbers(
    found: Sequence[tuple[str, float]], n: int | None, interval: bool, sign: str = ""
) -> list[str]:
    values = np.array([value for _, value in found])
    cells = [printed(float(np.median(values)) if len(values) else None, sign)]
    if interval and (
        bounds := bootstrap.intervals(values, np.array([track for track, _ in found]))
        if found
        else None
    ):
        cells.append(" to ".join(printed(bound, sign) for bound in (bounds[0].low, bounds[0].high)))
    return cells + ([f"{len(values):,}"] if n is not None and len(values) not in (0, n) else [])


def share_cell(
    rows: Sequence[Row], metric: str, n: int | None = None, interval: bool = False
) -> list[str]:
    """As ``cell``, of shares."""
    found = [(row.track, getattr(row, metric)) for row in rows if getattr(row, metric) is not None]
    if not found:
        return [BLANK]
    tracks, values = (np.array(each) for each in zip(*found, strict=True))
    cells = [f"{100 * np.median(values):.1f}%"]
    bounds = bootstrap.intervals(values, tracks) if interval else None
    if bounds:
        cells.append(f"{100 * bounds[0].low:.1f}% to {100 * bounds[0].high:.1f}%")
    return cells + ([f"{len(values):,}"] if len(values) != n else [])


def gains(rows: Sequence[Row], system: str) -> list[tuple[Row, float]]:
    mixtures = {
        (row.track, row.start_secs, row.source): row.snr for row in rows if row.system == "mixture"
    }
    pairs = [
        (row, mixtures[row.track, row.start_secs, row.source])
        for row in rows
        if row.system == system
    ]
    return [(row, row.snr - snr) for row, snr in pairs if row.polyphony > 1 and row.snr is not None]


def improvement(rows: Sequence[Row], system: str = "model", interval: bool = False) -> list[str]:
    return numbers([(row.track, gain) for row, gain in gains(rows, system)], None, interval, "+")


def by_source(rows: Sequence[Row], every: bool = False) -> dict[str, list[Row]]:
    sources = dict.fromkeys(row.source for row in rows)
    own = {title(source): [row for row in rows if row.source == source] for source in sources}
    heard = {name: each for name, each in own.items() if every or gains(each, "model")}
    return {**heard, "All sources": list(rows)}


def of(rows: Sequence[Row], system: str = "model") -> list[Row]:
    return [row for row in rows if row.system == system]


def expected_above(rows: Sequence[Row]) -> dict[str, list[list[str]]]:
    return {
        name: [
            [f"{len(gains(own, 'model')):,}"],
            improvement(own, interval=True),
            *(improvement(own, system) for system in ("silence", CONSTANT_GAIN, *ORACLES)),
            cell([row for row in of(own) if together(row)], "snr", interval=True),
            cell([row for row in of(own, "mixture") if together(row)], "snr"),
            *expected_bins(own),
        ]
        for name, own in by_source(rows).items()
    }


def expected_bins(rows: Sequence[Row]) -> list[list[str]]:
    model = [row for row in of(rows) if together(row)]
    if not any(row.bins for row in model):
        return []
    n = len(gains(rows, "model"))
    return [share_cell(model, "bins", n, interval=True), share_cell(model, "bins_majority", n)]


def expected_metrics(
    rows: Sequence[Row], columns: Sequence[tuple[str, str]]
) -> dict[str, list[list[str]]]:
    expected = {}
    for name, own in by_source(rows).items():
        n = len(gains(own, "model"))
        expected[name] = [[f"{n:,}"]]
        for metric, system in columns:
            chosen = [row for row in of(own, system) if together(row)]
            expected[name].append(cell(chosen, metric, n, interval=system == "model"))
    return expected


V3_COLUMNS = [
    *(("sdr", system) for system in SYSTEMS if system != CONSTANT_GAIN),
    *(
        (metric, system)
        for metric in ("sir", "sar", "si_sdr", "si_sar")
        for system in ("model", "mixture")
    ),
]
V3_COLUMNS.remove(("sar", "mixture"))
V3_COLUMNS.remove(("si_sar", "mixture"))
V4_COLUMNS = [
    ("snr", "model"),
    ("snr", "mixture"),
    ("snr", "silence"),
    ("snr", CONSTANT_GAIN),
    ("isr", "model"),
    ("isr", "mixture"),
    ("isr", CONSTANT_GAIN),
]
V4_COLUMNS += [("sir_v4", "model"), ("sir_v4", "mixture"), ("sar_v4", "model")]


def expected_polyphony(rows: Sequence[Row]) -> dict[str, list[list[str]]]:
    expected = {}
    for polyphony in sorted({row.polyphony for row in rows} - {0}):
        own = [row for row in rows if row.polyphony == polyphony]
        n = sum(row.snr is not None for row in of(own))
        cells = [
            improvement(own, interval=True),
            cell(of(own), "snr", n, interval=True),
            cell(of(own, "mixture"), "snr", n),
        ]
        cells += [cell(of(own), metric, n, interval=True) for metric in V3]
        cells.append(cell(of(own), "leakage", -1, interval=True))
        expected[f"{polyphony} source{'s' * (polyphony > 1)}"] = [[f"{n:,}"], *cells]
    return expected


def expected_aggregates(rows: Sequence[Row]) -> dict[str, list[list[str]]]:
    names = {"sdr": "SDR", "sir": "SIR", "sar": "SAR", "si_sdr": "SI-SDR", "si_sar": "SI-SAR"}
    names |= {
        "snri": "SNR improvement",
        "snr": "SNR",
        "isr": "ISR",
        "sir_v4": "SIR v4",
        "sar_v4": "SAR v4",
    }
    expected = {}
    improved = [("snri", system) for system in ("model", "silence", CONSTANT_GAIN)]
    for metric, system in [*improved, *V3_COLUMNS, *V4_COLUMNS]:
        found = [
            (r.track, getattr(r, metric))
            for r in of(rows, system)
            if together(r) and getattr(r, metric) is not None
        ]
        found = [(track, value) for track, value in found if math.isfinite(value)]
        tracks, values = (
            np.array([track for track, _ in found]),
            np.array([value for _, value in found]),
        )
        medians = np.array([np.median(values[tracks == track]) for track in dict.fromkeys(tracks)])
        four = [np.median(medians), np.median(values), np.mean(medians), np.mean(values)]
        cells = [[printed(float(each))] for each in four]
        if system == "model" and len(medians) >= bootstrap.MIN_TRACKS:
            bounds = [
                bootstrap.intervals(*each)
                for each in ((medians, np.arange(len(medians))), (values, tracks))
            ]
            ordered = (bounds[0][0], bounds[1][0], bounds[0][1], bounds[1][1])
            cells = [
                [*each, f"{printed(b.low)} to {printed(b.high)}"]
                for each, b in zip(cells, ordered, strict=True)
            ]
        expected[f"{names[metric]} {system}"] = [[f"{len(values):,}"], [str(len(medians))], *cells]
    for column, system in (("bins", "model"), ("bins_majority", "majority")):
        expected[f"Bins {system}"] = expected_bins_aggregates(rows, column)
    return expected


def expected_bins_aggregates(rows: Sequence[Row], column: str) -> list[list[str]]:
    model = [row for row in of(rows) if together(row) and getattr(row, column) is not None]
    tracks = np.array([row.track for row in model])
    values = np.array([getattr(row, column) for row in model])
    medians = np.array([np.median(values[tracks == track]) for track in dict.fromkeys(tracks)])
    four = [np.median(medians), np.median(values), np.mean(medians), np.mean(values)]
    cells = [[f"{100 * each:.1f}%"] for each in four]
    if column == "bins" and len(medians) >= bootstrap.MIN_TRACKS:
        by_track = bootstrap.intervals(medians, np.arange(len(medians)))
        by_segment = bootstrap.intervals(values, tracks)
        ordered = (by_track.median, by_segment.median, by_track.mean, by_segment.mean)
        for each, bounds in zip(cells, ordered, strict=True):
            each.append(f"{100 * bounds.low:.1f}% to {100 * bounds.high:.1f}%")
    return [[f"{len(values):,}"], [str(len(medians))], *cells]


def expected_statuses(rows: Sequence[Row]) -> dict[str, list[list[str]]]:
    expected = {}
    for name, own in by_source(rows, every=True).items():
        model = of(own)
        counts = [sum(row.status == status for row in model) for status in table.STATUSES]
        leaks = [(row.track, row.leakage) for row in model if row.leakage is not None]
        cells = [[f"{count:,}", f"{count / len(model):.1%}"] for count in counts]
        leakage = numbers(leaks, -1, interval=True)
        expected[name] = [[f"{len(model):,}"], *cells, leakage]
    return expected


def expected_tracks(rows: Sequence[Row]) -> dict[str, list[list[str]]]:
    expected = {}
    for track in dict.fromkeys(row.track for row in rows):
        own = [row for row in rows if row.track == track]
        n = len(gains(own, "model"))
        model = [row for row in of(own) if together(row)]
        medians = [cell(model, metric, n) for metric in ("snr", *V3)]
        expected[track] = [[f"{n:,}"], improvement(own), *medians]
    return expected


EXPECTED = {
    "above": expected_above,
    "metrics": lambda rows: expected_metrics(rows, V3_COLUMNS),
    "metrics-v4": lambda rows: expected_metrics(rows, V4_COLUMNS),
    "polyphony": expected_polyphony,
    "aggregates": expected_aggregates,
    "statuses": expected_statuses,
    "tracks": expected_tracks,
}


def check(key: str, html: str, rows: Sequence[Row]) -> None:
    """Every number of a table, computed again from the rows."""
    expected, lines = EXPECTED[key](rows), Page(html).lines(key)
    assert set(expected) <= set(lines)
    for name, cells in expected.items():
        assert lines[name] == cells, name
    assert [name for name in lines if name in expected] == list(lines)[
        -len(expected) :
    ]  # after the heads


def check_figures(html: str, rows: Sequence[Row]) -> None:
    """Every median and every count that the text of a figure says, source by source and by
    polyphony.
    """
    alternatives: dict[str, list[str]] = defaultdict(list)
    for each in Page(html).alternatives:
        alternatives[each.removeprefix("Violins of ").split(", in dB")[0]].append(each)
    metrics = {
        title: metric for metric, title in FIGURE_TITLES.items() if metric != "sir_v4"
    }  # here that is sir again
    assert set(alternatives) == set(metrics)
    numbers_of = {"source": instruments.name_of, "polyphony": lambda n: f"{n} sources"}
    for name, shown in alternatives.items():
        metric = metrics[name]
        for by, text in zip(numbers_of, shown, strict=False):
            said = text.split("number of segments: ")[1].removesuffix(".").split("; ")
            expected = []
            for group in {getattr(row, by) for row in rows}:
                own = [row for row in rows if getattr(row, by) == group and together(row)]
                words = [
                    f"{system} {printed(value)} ({n:,})"
                    for system in ("model", "mixture")[
                        : 1 if metric in ("snri", "sar", "si_sar", "sar_v4") else 2
                    ]
                    for value, n in [median(getattr(row, metric) for row in of(own, system))]
                    if n
                ]
                expected += [f"{numbers_of[by](group)}: {', '.join(words)}"] if words else []
            assert sorted(said) == sorted(expected)


@pytest.mark.parametrize(
    ("vocabulary", "num_tracks", "num_segments"),
    [QUARTETS, INTERVALS],
)
def test_every_number_is_the_aggregate_of_the_rows(
    written: Callable[..., Path], vocabulary: Sequence[str], num_tracks: int, num_segments: int
) -> None:
    folder = written(vocabulary, num_tracks, num_segments)
    html, rows = read_page(folder), read_csv(folder / "scores.csv")
    assert set(Page(html).tables) == {*EXPECTED, "records"}  # no table without a check
    for key in EXPECTED:
        check(key, html, rows)
    check_figures(html, rows)
    text, (n, gain, *_) = Page(html).text, Page(html).lines("above")["All sources"]
    assert f"{gain[0][1:]} dB above the mixture" in text
    if num_tracks < bootstrap.MIN_TRACKS:
        assert f"No intervals (tracks: {num_tracks}, fewer than 6)" in text
    else:
        assert f"above the mixture (95 % interval {gain[1]} dB)" in text
    if lone := sum(
        row.polyphony == 1 and row.snr is not None for row in rows if row.system == "model"
    ):
        assert f"Left out: {lone} segment" in text
    assert f"median of {n[0]} segments of 1 s in {num_tracks} tracks" in text
    gains_shown = [
        float(cells[1][0]) for name, cells in Page(html).lines("tracks").items() if "_" in name
    ]
    assert gains_shown == sorted(gains_shown, reverse=True)


@pytest.mark.slow
def test_the_check_sees_a_wrong_number(written: Callable[..., Path]) -> None:
    folder = written(*INTERVALS)
    html, rows = read_page(folder), read_csv(folder / "scores.csv")
    for key in EXPECTED:
        start = html.rindex("<", 0, html.index(f'id="table-{key}"'))
        element = html[start : html.index("</table>", start)] + "</table></div>"
        check(key, element, rows)
        shown = list(re.finditer(r"(?:<td[^>]*|<small)>[^<>]*?(\d)[^<>]*<", element))
        assert len(shown) > 10
        for found in shown[:: len(shown) // 10]:
            digit = found.start(1)
            wrong = element[:digit] + str((int(element[digit]) + 1) % 10) + element[digit + 1 :]
            with pytest.raises(AssertionError):
                check(key, wrong, rows)


@pytest.mark.parametrize("sample", [QUARTETS, INTERVALS])
def test_markdown_and_json_say_the_same(
    written: Callable[..., Path], sample: tuple[Sequence[str], int, int]
) -> None:
    folder = written(*sample)
    page = Page(read_page(folder))
    markdown = (
        (folder / "report.md").read_text(encoding="utf-8").replace(MINUS, "-").replace("\\", "")
    )
    tree = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    tables = {
        block["key"]: block
        for section in tree["sections"]
        for block in section["blocks"]
        if block["kind"] == "table"
    }
    assert set(tables) == set(page.tables)
    for key in EXPECTED:
        for row in tables[key]["rows"]:
            name = f"{row['name']} {row['label']}".strip()
            shown = page.lines(key)[name]
            assert [each["text"].replace(MINUS, "-") for each in row["cells"]] == [
                each[0] for each in shown
            ]
            cells = [f"{first} ({'; '.join(notes)})" if notes else first for first, *notes in shown]
            assert f"| {name} | {' | '.join(cells)} |" in markdown
            for each in row["cells"]:
                if each["text"].endswith("%"):
                    share = float(each["text"].removesuffix("%")) / 100
                    assert abs(each["value"] - share) <= 0.000500001
                elif each["value"] is not None and "." in each["text"] and abs(each["value"]) < 100:
                    assert abs(each["value"] - float(each["text"].replace(MINUS, "-"))) <= 0.0500001
    assert tree["schema_version"] == SCHEMA_VERSION
    alternative = page.alternatives[0]
    assert alternative in markdown


def test_names_and_configs_show_as_text(tmp_path: Path) -> None:
    hostile = "</title></pre><script>alert('1')</script>&amp;\""
    rows = [replace(row, track=hostile) for row in sample_rows(["<b>x</b>", "$\\frac{$"], 1, 12)]
    given = dict.fromkeys(
        ("title", "split", "labels", "config_json", "code_revision", "command"), hostile
    )
    html = write(
        tmp_path,
        rows,
        **given,
        manifest={hostile: hostile},
        known_leaks=[hostile],
        not_a_result=hostile,
    )
    page = Page(html)
    assert page.tags["script"] == page.tags["b"] == 0
    assert page.texts.count(hostile) >= 6
    assert f"Not a result: {hostile}" in page.texts
    assert "<b>x</b>" in page.lines("above")
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "<script>" not in re.sub(
        r"^(`{3,})\n.*?^\1$", "", markdown, flags=re.DOTALL | re.MULTILINE
    )
    assert r"\</title\>\</pre\>\<script\>alert('1')\</script\>\&amp;" in markdown
    assert any(text.startswith("<b>x</b> · ") for text in page.texts)  # the axis of a figure
    assert any(text.startswith("$\\frac{$ · ") for text in page.texts)  # and no formula


def make_recordings(
    track: str, num: int, secs: float = 0.1, rate: int = 22050, channels: int = 1
) -> list[RecordedClip]:
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, (round(secs * rate), channels))
    sounds = dict.fromkeys(("mixture", "reference", "estimate"), encode(noise, 0.0, rate))
    return [
        RecordedClip(Choice("common", track, "vn", float(i), i + secs), rate, sounds)
        for i in range(num)
    ]


@pytest.mark.slow
def test_sounds_have_players_and_one_script_that_is_ours(
    tmp_path: Path, written: Callable[..., Path]
) -> None:
    hostile = "\"><script>alert('1')</script>"
    rows = [replace(row, track=hostile) for row in sample_rows(instruments.URMP, 1, 6)]
    html = write(tmp_path, rows, Extras(recordings=make_recordings(hostile, 2)))
    page = Page(html)
    assert (page.tags["audio"], page.tags["img"], page.tags["button"], page.tags["script"]) == (
        6,
        6,
        # One of each clip, and two of the form that saves ratings.
        4,
        1,
    )
    assert f"{hostile}, 1 to 1.1 s" in page.texts
    # Nobody recorded what the network did then.
    assert "before it learnt anything" not in page.text
    script = re.search(r"<script>(.*?)</script>\n</body>", html, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page.policy
    assert all(link.startswith(("#", "data:")) for link in page.links)
    assert "script-src 'none'" in Page(read_page(written(*INTERVALS))).policy


@pytest.mark.slow
def test_three_spectrograms_of_a_source_show_what_training_changed(tmp_path: Path) -> None:
    rows = sample_rows(instruments.URMP, 1, 6)
    plain, changed = make_recordings("a track", 2, 0.5)
    reference, _ = decode(changed.sounds["reference"])
    sounds = {**changed.sounds, "untrained": encode(0.5 * reference, 0.0, 22050)}
    changed = replace(changed, sounds=sounds)
    page = write(tmp_path, rows, Extras(recordings=[plain, changed]))
    tags = Page(page).tags
    assert (tags["audio"], tags["img"]) == (6, 9)
    assert "What the network did before it learnt anything is folded beneath a clip" in page
    (before,) = re.findall(r'<details class="before">.*?</details>', page, re.DOTALL)
    said = re.findall(r'<img src="data:image/png;base64,[^"]+" alt="([^"]+)"', before)
    said = [unescape(each) for each in said]
    axes = f"0.5 s, 60 Hz to 11.025 kHz, 70 dB of levels; {MINUS}24.8 dBFS"
    assert [each.removeprefix("Spectrogram of violin, ") for each in said] == [
        f"the source as it is: {axes}",
        f"estimated before training: {axes.replace('24.8', '30.8')}, SNR 6.0 dB",
        f"estimated after training: {axes}, SNR > 100 dB",
    ]
    assert len(before) < 30_000
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8").replace("\\", "")
    assert re.findall(r"  - (.*)", markdown) == said
    tree = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    (listen,) = [section for section in tree["sections"] if section["key"] == "listen"]
    (block,) = [block for block in listen["blocks"] if block["kind"] == "clips"]
    first, second = block["clips"]
    assert "spectrograms" not in first
    assert list(second["spectrograms"].values()) == said


@pytest.mark.slow
def test_a_page_stays_below_twenty_megabytes(tmp_path: Path) -> None:
    """Of noise, which FLAC cannot make smaller, at the rate and channels of MUSDB18."""
    recordings = make_recordings("t", 8, 5.0, 44100, 2)
    html = write(tmp_path, sample_rows(instruments.MUSDB, 7, 6), Extras(recordings=recordings))
    assert 10_000_000 < len(html.encode()) < 20_000_000
    assert re.search(r"Left out, so that the file stays small: [1-7] of 8 clips\.", Page(html).text)


def test_curves_say_where_they_begin_and_end(tmp_path: Path, written: Callable[..., Path]) -> None:
    lines = [
        {"step": step, "kind": "train", "loss": 1 / step, "learning_rate": 1e-3}
        for step in range(10, 5000, 10)
    ]
    lines += [{"step": 2500, "kind": "valid", "loss": 0.5, "improvement": 1.25}]
    lines += [{"step": 4990, "kind": "valid", "loss": 0.25, "improvement": 6.5}]
    page = Page(write(tmp_path, sample_rows(instruments.MUSDB, 1, 6), Extras(curves=lines)))
    (loss, gain) = page.alternatives[-2:]
    assert "In training from 1.00e-01 at step 10 to 2.00e-04 at step 4,990" in loss
    assert "In validation from 5.00e-01 at step 2,500 to 2.50e-01 at step 4,990" in loss
    assert "In validation from 1.2 dB at step 2,500 to 6.5 dB at step 4,990" in gain
    assert "How it learnt" in page.text
    assert "How it learnt" not in Page(read_page(written(*INTERVALS))).text


def test_the_page_asks_for_nothing_and_points_at_what_it_has(
    written: Callable[..., Path],
) -> None:
    html = read_page(written(*QUARTETS))
    page = Page(html)
    assert (
        re.findall(r"(?i)(?:src|href|action|@import|url\()[\s=]*[\"'(]?\s*(?:https?:|//)", html)
        == []
    )
    assert page.tags["script"] == page.tags["img"] == page.tags["iframe"] == 0
    assert set(page.links) - {"data:,"} <= {f"#{name}" for name in page.ids}
    assert set(re.findall(r"url\(#([^)]+)\)", html)) <= set(page.ids)
    assert set(page.labelled) <= set(page.ids)
    assert len(set(page.ids)) == len(page.ids)
    assert len(html.encode()) < 2_000_000


def test_figures_have_their_numbers_as_text_and_the_colours_of_the_page(
    written: Callable[..., Path],
) -> None:
    rows = sample_rows(*QUARTETS)
    html = read_page(written(*QUARTETS))
    page = Page(html)
    improvement, sdr, sir, sar, si_sdr, *_ = page.alternatives
    model, mixture = (
        median(
            row.sdr for row in rows if row.system == system and row.source == "vn" and together(row)
        )
        for system in SYSTEMS[:2]
    )
    assert (
        f"violin: model {printed(model[0])} ({model[1]}), mixture {printed(mixture[0])} "
        f"({mixture[1]})" in sdr
    )
    n, gain, *_ = page.lines("above")["violin vn"]
    assert f"violin: model {gain[0].lstrip('+')} ({n[0]})" in improvement
    assert "mixture" not in sar
    assert "mixture" in sir
    assert "mixture" in si_sdr
    svgs = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(svgs) == 11
    for svg in svgs:
        assert re.findall(r"(?:fill|stroke): ?#\w+", svg) == []
        assert "var(--model)" in svg
    defined = set(re.findall(r"(--[\w-]+):", html))
    assert set(re.findall(r"var\((--[\w-]+)\)", html)) <= defined


def test_what_a_figure_cannot_draw_is_counted(tmp_path: Path) -> None:
    rows = [
        Row(
            system,
            "t",
            float(i),
            source,
            "scored",
            2,
            sdr,
            -1.0 if system == "mixture" else 2.0,
            9.0,
            snr=1.0,
            snri=0.0,
        )
        for system in ("model", "mixture")
        for source in ("vn", "vc")
        for i, sdr in enumerate([1.0, 2.0, 3.0, 4.0, 5.0, math.inf, -math.inf, 300.0])
    ]
    page = Page(write(tmp_path, rows))
    assert (
        "Not drawn: of the model 4 infinite, 2 beyond the axis; of the mixture 4 infinite, 2 beyond"
        in page.text
    )
    assert page.lines("metrics")["violin vn"][:3] == [["8"], ["3.5", "6"], ["3.5", "6"]]
    assert "SI-SDR: all distortion" not in page.text  # it has no values
    assert "Every segment is drawn." in page.text


def test_one_row(tmp_path: Path) -> None:
    values = {"model": (4.0, 5.0, 6.0, 3.0, 2.5), "mixture": (-1.0, -1.0, 300.0, -1.25, -1.5)}
    rows = [_scored(system, ("t", 0.0, "vn"), 2, *metrics) for system, metrics in values.items()]
    html = write(tmp_path, rows)
    assert f">{MINUS}1.5<" in html
    page = Page(html)
    assert page.lines("above")["violin vn"] == [["1"], ["+4.0"], ["2.5"], ["-1.5"]]
    assert "4.0 dB above the mixture : median of 1 segment of 1 s in 1 track." in page.text
    assert "Silence in place" not in page.text
    assert CONSTANT_GAIN not in page.text.lower()  # as in scores of before, and of files


def test_no_segment_could_be_scored(tmp_path: Path) -> None:
    rows = [Row(s, "t", 0.0, k, "silent_mixture", 0) for s in SYSTEMS for k in instruments.MUSDB]
    page = Page(write(tmp_path, rows))
    assert "No segment could be compared with the mixture" in page.text
    assert page.lines("above")["All sources"] == [["0"], *[[BLANK]] * 8]
    assert page.lines("statuses")["drums"][-2:] == [["1", "100.0%"], [BLANK]]
    assert "Nothing to score for drums, bass, other, vocals." in page.text
    assert "metrics" not in page.tables
    assert page.tags["svg"] == 0


def test_a_model_worse_than_silence_is_told(tmp_path: Path) -> None:
    values = {"model": -2.0, "mixture": -1.0, "silence": 0.0}
    rows = [
        Row(s, "t", float(i), "vn", "scored", 2, snr=snr)
        for s, snr in values.items()
        for i in range(6)
    ]
    text = Page(write(tmp_path, rows)).text
    assert "1.0 dB below the mixture" in text
    assert (
        "Silence in place of every estimate would lie at +1.0 dB, which the model does not exceed"
        in text
    )


def rows_beside(gains: dict[str, dict[str, float]]) -> list[Row]:
    """Six segments of some sources in which systems lie above the mixture by a number of dB."""
    return [
        Row(system, "t", float(i), source, "scored", 2, snr=-1.0 + gain, snri=gain)
        for system, by_source in gains.items()
        for source, gain in by_source.items()
        for i in range(6)
    ]


def test_what_a_constant_gain_does_as_well_is_told(tmp_path: Path) -> None:
    mixture = {"va": 0.0, "vc": 0.0, "vn": 0.0}
    rival = {"va": 2.0, "vc": 1.5, "vn": -0.5}
    model = {"va": 1.25, "vc": 1.5, "vn": 3.0}
    rows = rows_beside({"model": model, "mixture": mixture, CONSTANT_GAIN: rival})
    text = Page(write(tmp_path, rows, gains=rival, about_gains="the 9 tracks")).text
    assert (
        "learnt from the training split, lies at +1.5 dB, which the model does not exceed" in text
    )
    assert (
        "The model has not learnt to separate what is not above it: viola (+1.2 dB, the constant "
        "gain +2.0 dB), cello (+1.5 dB, the constant gain +1.5 dB)."
    ) in text
    assert "over the 9 tracks. It is viola 2, cello 1.5, violin -0.5; instruments that" in text
    better = {source: gain + 0.5 for source, gain in rival.items()}
    rows = rows_beside({"model": better, "mixture": mixture, CONSTANT_GAIN: rival})
    text = Page(write(tmp_path, rows)).text
    assert "lies at +1.5 dB. In every source the model lies above it." in text
    assert "not learnt to separate" not in text


def test_methods_that_need_no_network_have_their_columns_and_words(tmp_path: Path) -> None:
    mixture = {"a": 0.0, "b": 0.0}
    gains = {"model": {"a": 3.0, "b": 1.0}, "mixture": mixture}
    beside = {name: {"a": 2.0, "b": 1.5} for name in (NMF, BEST_ORDER["ica"])}
    page = Page(write(tmp_path, rows_beside({**gains, **beside})))
    columns = [each[0] for each in page.tables["above"][1]]
    assert columns == ["model", NMF, BEST_ORDER["ica"], "model", "mixture"]
    for name in (NMF, BEST_ORDER["ica"]):
        assert f"{name}: {ROWS[name]}." in page.text
    assert BLIND_NMF not in page.text
    plain = Page(write(tmp_path, rows_beside(gains)))
    assert "NMF" not in plain.text


@pytest.mark.slow
def test_scores_without_a_constant_gain(tmp_path: Path) -> None:
    rows = [row for row in sample_rows(instruments.MUSDB, 1, 6) if row.system != CONSTANT_GAIN]
    page = Page(write(tmp_path, rows, about_gains="the records are gone"))
    for key in EXPECTED:
        assert page.tables[key]
    assert "Constant gain: left out, as the records are gone." in page.text
    assert page.text.lower().count(CONSTANT_GAIN) == 1


@pytest.mark.slow
def test_scores_of_before_have_no_bins(tmp_path: Path) -> None:
    rows = [replace(row, bins=None, bins_majority=None) for row in sample_rows(["va", "vc"], 1, 6)]
    html = write(tmp_path, rows)
    check("above", html, rows)
    text = Page(html).text
    assert "Bins" not in text
    assert "majority" not in text.lower()


def test_shares_of_bins_are_no_decibels(written: Callable[..., Path]) -> None:
    """In words, in no figure, and as shares from 0 to 1 in the JSON."""
    folder = written(*INTERVALS)
    page = Page(read_page(folder))
    assert "Bins: the share of the time-frequency bins of the mixture" in page.text
    assert "bins of tones below -80 dBFS do not count" in page.text.replace(MINUS, "-")
    assert not any("bins" in each.lower() for each in page.alternatives)
    tree = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    above = next(section for section in tree["sections"] if section["key"] == "above")
    table_of = next(block for block in above["blocks"] if block["kind"] == "table")
    assert table_of["columns"][-2:] == ["Bins model", "Bins majority"]
    for row in table_of["rows"]:
        for cell_of in row["cells"][-2:]:
            assert 0.5 < cell_of["value"] < 1
            assert cell_of["text"] == f"{cell_of['value']:.1%}"


def test_what_surrounds_the_numbers(tmp_path: Path, written: Callable[..., Path]) -> None:
    rows = sample_rows(instruments.MUSDB, 1, 10)
    plain = Page(read_page(written(*INTERVALS))).text
    assert "Not a result" not in plain
    assert "Known leaks" not in plain
    assert "22,050 Hz, mono. Not comparable with published figures at 44.1 kHz stereo." in plain
    assert "Segments of 1 s" in plain
    assert "above -60 dB relative to" in plain
    assert "filters of 512 taps" in plain
    assert "oracle labels of each piece" in plain
    changes = {
        "not_a_result": "a smoke run",
        "known_leaks": ["two takes"],
        "sample_rate": 44100,
        "channels": 2,
    }
    marked = Page(write(tmp_path, rows, **changes)).text
    assert "Not a result: a smoke run" in marked
    assert "two takes" in marked
    assert "44,100 Hz, stereo." in marked
    assert "Not comparable" not in marked


@pytest.mark.slow
def test_oracles_and_the_audit_show_where_there_are_any(tmp_path: Path) -> None:
    rows = sample_rows(instruments.MUSDB, 2, 12)
    conditions = [
        Condition("true", 4.25, 1200, -42.5, 900, num_tracks=2),
        Condition("unknown", not_measured="it cannot do without"),
        Condition("swapped", -1.5, 1200, -8.0, 900, -6.5, 500, 2),
    ]
    path = tmp_path / "report.html"
    write_page(path, rows, about(), Extras(conditions))
    page = Page(path.read_text(encoding="utf-8"))
    assert [each[0] for each in page.tables["above"][1]] == [
        "model",
        "silence",
        CONSTANT_GAIN,
        *ORACLES,
        "model",
        "mixture",
        "model",
        "majority",
    ]
    assert "IBM1, IRM1 and MWF are oracles" in page.text
    lines = page.lines("audit")
    assert lines["true"][1:] == [["+4.2", "1,200"], ["-42.5", "900"], [BLANK]]
    assert lines["unknown"] == [["Not measured: it cannot do without."], *[[BLANK]] * 3]
    assert lines["swapped"][1:] == [["-1.5", "1,200"], ["-8.0", "900"], ["-6.5", "500"]]
    plain = Page(write(tmp_path, [row for row in rows if row.system not in ORACLES]))
    assert [each[0] for each in plain.tables["above"][1]] == [
        "model",
        "silence",
        CONSTANT_GAIN,
        "model",
        "mixture",
        "model",
        "majority",
    ]
    assert "oracles, which" not in plain.text
    assert "audit" not in plain.tables


@pytest.mark.slow
def test_names_that_no_font_or_encoding_holds(tmp_path: Path) -> None:
    rows = [
        replace(row, track="bad\udcff")
        for row in sample_rows(["二胡", "a name that is far too long for an axis"], 1, 12)
    ]
    page = Page(write(tmp_path, rows))
    assert any(text.startswith("二胡 · ") for text in page.texts)
    assert any(text.startswith("a name that is fa… · ") for text in page.texts)


@pytest.mark.slow
def test_the_same_rows_give_the_same_bytes(tmp_path: Path, written: Callable[..., Path]) -> None:
    assert write(tmp_path, sample_rows(*INTERVALS)) == read_page(written(*INTERVALS))


def test_a_report_that_fails_leaves_the_old_one(
    tmp_path: Path, written: Callable[..., Path]
) -> None:
    rows = sample_rows(*INTERVALS)
    path = Path(shutil.copy(written(*INTERVALS) / "report.html", tmp_path))
    before = path.read_text(encoding="utf-8")
    for system, message in (
        ("model", "rows of the system 'model'"),
        ("mixture", "a row of the mixture"),
    ):
        with pytest.raises(ValueError, match=message):
            write_page(path, [row for row in rows if row.system != system], about())
    assert path.read_text(encoding="utf-8") == before
