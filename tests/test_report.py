import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import configs
from configs import instruments
from evaluation import report, scores
from evaluation.audit import Condition
from evaluation.baselines import ORACLES
from evaluation.scores import Row

SYSTEMS = ("model", "mixture", "silence", *ORACLES)
BLANK = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"  # the page has it; Page reads it as a hyphen


def sample_rows(vocabulary: Sequence[str], num_tracks: int, num_segments: int, seed: int = 0) -> list[Row]:
    """What a fair model's rows look like: quartets at most, rests, lone and silent stretches, a silent estimate."""
    rng = np.random.default_rng(seed)
    rows = []
    for t in range(num_tracks):
        piece = rng.choice(len(vocabulary), size=min(4, len(vocabulary)), replace=False)
        for i in range(num_segments):
            active = set(piece[rng.random(len(piece)) < 0.85]) if rng.random() > 0.05 else set()
            for k, source in enumerate(vocabulary):
                place = (f"{t:02d}_Piece_{'_'.join(vocabulary[j] for j in piece)}", float(i), source)
                rows += _sample_segment(rng, place, len(active), k in active)
    return sorted(rows, key=lambda row: SYSTEMS.index(row.system))


def _sample_segment(rng: np.random.Generator, place: tuple[str, float, str], polyphony: int, active: bool) -> list[Row]:
    if polyphony == 0:
        return [Row(system, *place, "silent_mixture", 0) for system in SYSTEMS]
    if not active:
        leaks = (rng.normal(-30, 8), 0.0, *[-100.0] * 4)
        return [Row(s, *place, "absent", polyphony, leakage=leak) for s, leak in zip(SYSTEMS, leaks, strict=True)]
    below = rng.normal(-10 * math.log10(max(polyphony - 1, 1)), 5)
    above = below + rng.normal(5, 2)
    silence = Row("silence", *place, "silent_estimate", polyphony, sdr=0.0, snr=0.0)
    if polyphony == 1:
        lone = {"sdr": 301.0, "sar": 301.0, "si_sdr": math.inf, "snr": math.inf}
        model = Row("model", *place, "solo", 1, sdr=15.2, sar=15.2, si_sdr=14.0, snr=14.1)
        return [model, silence, *(Row(system, *place, "solo", 1, **lone) for system in ("mixture", *ORACLES))]
    others = [_scored("mixture", place, polyphony, below + 0.2, below + 0.3, 300.0, below, below), silence]
    for offset, oracle in enumerate(ORACLES, start=2):
        values = rng.normal(above + offset, 1, 5)
        others.append(_scored(oracle, place, polyphony, *values))
    if rng.random() < 0.02:
        return [Row("model", *place, "silent_estimate", polyphony, sdr=0.0, snr=0.0), *others]
    values = [above + offset + rng.normal() for offset in (1.0, 7.0, 3.0, -0.5)]
    return [_scored("model", place, polyphony, *values, above), *others]


def _scored(system: str, place: tuple[str, float, str], polyphony: int, *values: float) -> Row:
    metrics = dict(zip(("sdr", "sir", "sar", "si_sdr", "snr"), map(float, values), strict=True))
    return Row(system, *place, "scored", polyphony, **metrics)


def about(**changes: Any) -> report.About:
    config = configs.load("urmp_labels")
    about = report.About(
        title="urmp_labels",
        step=200_000,
        split="test",
        sample_rate=22050,
        channels=1,
        labels="oracle labels of each piece",
        evaluation=config.evaluation,
        config_json=configs.to_json(config),
        manifest={"corpus": "urmp", "splits": "grouped"},
        code_revision="0123456789abcdef",
        command="python -m evaluation.evaluate --workdir=runs/urmp_labels --split=test",
    )
    return replace(about, **changes)


class Page(HTMLParser):
    """The page as a reader finds it: text, tables by section, figures, references; a wrong nesting is an error."""

    VOID = frozenset({"meta", "link", "br", "img", "input"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.labelled: list[str] = []
        self.alternatives: list[str] = []
        self.texts: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._open: list[str] = []
        self._table: list[list[str]] = []
        self.feed(html.replace(MINUS, "-"))
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        given = {name: value or "" for name, value in attrs}
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given[name] for name in ("href", "src", "xlink:href") if name in given]
        self.labelled += [given["aria-labelledby"]] if "aria-labelledby" in given else []
        self.alternatives += [given["aria-label"]] if given.get("role") == "img" else []
        if given.get("class") == "scroll":
            self._table = self.tables.setdefault(given["aria-labelledby"], [])
        elif tag == "tr":
            self._table.append([])
        elif tag in ("td", "th"):
            self._table[-1].append("")
        elif tag == "small":
            self._table[-1].append("")  # the n below a number counts as a cell
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if {"td", "th"} & set(self._open):
            self._table[-1][-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def lines(self, section: str) -> dict[str, list[str]]:
        """The rows of the table of a section by their first cell."""
        return {row[0]: row[1:] for row in self.tables[section]}


def write(tmp_path: Path, rows: Sequence[Row], **changes: Any) -> str:
    path = tmp_path / "report.html"
    report.write_report(path, rows, about(**changes))
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    return path.read_text(encoding="utf-8")


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


def check_headline(html: str, rows: Sequence[Row]) -> None:
    """Every number of the first table, computed again from the rows."""
    lines = Page(html).lines("above")
    by_place = {(row.system, row.track, row.start_secs, row.source): row for row in rows}
    for source in (*dict.fromkeys(row.source for row in rows), None):
        snrs: dict[str, list[float]] = {system: [] for system in SYSTEMS}
        for (system, *place), row in by_place.items():
            together = row.polyphony > 1 and row.snr is not None
            if together and source in (None, row.source) and math.isfinite(by_place["mixture", *place].snr):
                snrs[system].append(row.snr)
        gains = [np.subtract(snrs[system], snrs["mixture"]) for system in ("model", "silence", *ORACLES)]
        expected = [f"{len(gains[0]):,}"]
        expected += [printed(median(gain)[0], "+") for gain in gains]
        expected += [printed(median(snrs[system])[0]) for system in ("model", "mixture")]
        assert lines[title(source)] == expected


def check_metrics(html: str, rows: Sequence[Row]) -> None:
    """Every number of the second table, with the n below it."""
    lines = Page(html).lines("metrics")
    columns = [("sdr", system) for system in SYSTEMS]
    columns += [(metric, system) for metric in ("sir", "sar", "si_sdr") for system in ("model", "mixture")]
    for source in (*dict.fromkeys(row.source for row in rows), None):
        own = [row for row in rows if source in (None, row.source)]
        expected = []
        for metric, system in columns:
            value, n = median(getattr(row, metric) for row in own if row.system == system)
            expected += [printed(value), f"{n:,}"]
        assert lines[title(source)] == expected


@pytest.mark.parametrize("vocabulary", [instruments.URMP, instruments.MUSDB])
def test_the_first_tables_print_the_aggregates_of_the_rows(tmp_path: Path, vocabulary: Sequence[str]) -> None:
    rows = sample_rows(vocabulary, num_tracks=4, num_segments=30)
    html = write(tmp_path, rows)
    check_headline(html, rows)
    check_metrics(html, rows)
    overall = Page(html).lines("above")["All sources"]
    assert f"{overall[1][1:]} dB above the mixture" in Page(html).text
    lone = sum(row.polyphony == 1 and row.snr is not None for row in rows if row.system == "model")
    assert f"Left out: {lone} segment" in Page(html).text
    assert f"median of {overall[0]} segments of 1 s in 4 tracks" in Page(html).text


def test_the_check_of_the_first_tables_sees_a_wrong_number(tmp_path: Path) -> None:
    rows = sample_rows(instruments.MUSDB, num_tracks=2, num_segments=20)
    html = write(tmp_path, rows)
    for check, section in ((check_headline, "above"), (check_metrics, "metrics")):
        start = html.index(f'<div class="scroll" role="region" aria-labelledby="{section}"')
        for found in list(re.finditer(r">\D?\d+\.\d<", html[start : html.index("</table>", start)]))[:8]:
            last = start + found.end() - 2
            wrong = html[:last] + str((int(html[last]) + 1) % 10) + html[last + 1 :]
            with pytest.raises(AssertionError):
                check(wrong, rows)
    worse = [replace(row, snr=row.snr - 1) if row.system == "model" and row.snr is not None else row for row in rows]
    with pytest.raises(AssertionError):
        check_headline(html, worse)


def test_the_other_tables_print_the_aggregates_of_the_rows(tmp_path: Path) -> None:
    rows = sample_rows(instruments.URMP, num_tracks=5, num_segments=20)
    page = Page(write(tmp_path, rows))
    model = [row for row in rows if row.system == "model"]
    by_track = {track: [row.sir for row in model if row.track == track] for track in {row.track for row in model}}
    medians = [median(values)[0] for values in by_track.values()]
    values = [row.sir for row in model if row.sir is not None]
    four = (np.median(medians), np.median(values), np.mean(medians), np.mean(values))
    assert page.lines("aggregates")["SIR"] == ["model", f"{len(values):,}", *map(printed, four)]

    counts = [sum(row.status == status for row in model) for status in scores.STATUSES]
    shares = [f"{count / len(model):.1%}" for count in counts]
    leakage, absent = median(row.leakage for row in model)
    pairs = [cell for pair in zip(map("{:,}".format, counts), shares, strict=True) for cell in pair]
    assert page.lines("statuses")["All sources"] == [f"{len(model):,}", *pairs, printed(leakage), f"{absent:,}"]

    tracks = page.lines("tracks")
    assert {track: tracks[track][6:8] for track in by_track} == {
        track: [printed(median(sirs)[0]), str(median(sirs)[1])] for track, sirs in by_track.items()
    }
    gains = [float(cells[0]) for track, cells in tracks.items() if track in by_track]
    assert gains == sorted(gains, reverse=True)


def test_names_and_configs_show_as_text(tmp_path: Path) -> None:
    hostile = "</title></pre><script>alert('1')</script>&amp;\""
    rows = [replace(row, track=hostile) for row in sample_rows(["<b>x</b>", "$\\frac{$"], 1, 12)]
    given = dict.fromkeys(("title", "split", "labels", "config_json", "code_revision", "command"), hostile)
    html = write(tmp_path, rows, **given, manifest={hostile: hostile}, known_leaks=[hostile], not_a_result=hostile)
    page = Page(html)
    assert page.tags["script"] == page.tags["b"] == 0
    assert page.texts.count(hostile) >= 6
    assert f"Not a result: {hostile}" in page.texts
    assert "<b>x</b>" in page.tables["above"][2][0]
    assert any(text.startswith("<b>x</b> · ") for text in page.texts)  # the axis of a figure
    assert any(text.startswith("$\\frac{$ · ") for text in page.texts)  # and no formula


def test_the_page_asks_for_nothing_and_points_at_what_it_has(tmp_path: Path) -> None:
    html = write(tmp_path, sample_rows(instruments.URMP, 4, 30))
    page = Page(html)
    assert re.findall(r"(?i)(?:src|href|action|@import|url\()[\s=]*[\"'(]?\s*(?:https?:|//)", html) == []
    assert page.tags["script"] == page.tags["img"] == page.tags["iframe"] == 0
    assert set(page.links) - {"data:,"} <= {f"#{name}" for name in page.ids}
    assert set(re.findall(r"url\(#([^)]+)\)", html)) <= set(page.ids)
    assert set(page.labelled) <= set(page.ids)
    assert len(set(page.ids)) == len(page.ids)
    assert len(html.encode()) < 2_000_000


def test_figures_have_their_numbers_as_text_and_the_colours_of_the_page(tmp_path: Path) -> None:
    rows = sample_rows(instruments.URMP, 4, 30)
    html = write(tmp_path, rows)
    page = Page(html)
    improvement, sdr, sir, sar, si_sdr = page.alternatives
    model, mixture = (
        median(row.sdr for row in rows if row.system == system and row.source == "vn") for system in SYSTEMS[:2]
    )
    assert f"violin: model {printed(model[0])} ({model[1]}), mixture {printed(mixture[0])} ({mixture[1]})" in sdr
    n, gain, *_ = page.lines("above")["violin vn"]
    assert f"violin: model {gain.lstrip('+')} ({n})" in improvement
    assert "mixture" not in sar
    assert "mixture" in sir
    assert "mixture" in si_sdr
    svgs = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(svgs) == 5
    for svg in svgs:
        assert re.findall(r"(?:fill|stroke): ?#\w+", svg) == []
        assert "var(--model)" in svg
    defined = set(re.findall(r"(--[\w-]+):", html))
    assert set(re.findall(r"var\((--[\w-]+)\)", html)) <= defined


def test_what_a_figure_cannot_draw_is_counted(tmp_path: Path) -> None:
    rows = [
        Row(system, "t", float(i), source, "scored", 2, sdr, -1.0 if system == "mixture" else 2.0, 9.0, snr=1.0)
        for system in ("model", "mixture")
        for source in ("vn", "vc")
        for i, sdr in enumerate([1.0, 2.0, 3.0, 4.0, 5.0, math.inf, -math.inf, 300.0])
    ]
    page = Page(write(tmp_path, rows))
    assert "Not drawn: of the model 4 infinite, 2 beyond the axis; of the mixture 4 infinite, 2 beyond" in page.text
    assert page.lines("metrics")["violin vn"][:2] == ["3.5", "6"]
    assert page.text.count("No segment has a finite value.") == 1  # SI-SDR
    assert "Every segment is drawn." in page.text


def test_one_row(tmp_path: Path) -> None:
    values = {"model": (4.0, 5.0, 6.0, 3.0, 2.5), "mixture": (-1.0, -1.0, 300.0, -1.25, -1.5)}
    rows = [_scored(system, ("t", 0.0, "vn"), 2, *metrics) for system, metrics in values.items()]
    html = write(tmp_path, rows)
    assert f">{MINUS}1.5<" in html
    page = Page(html)
    assert page.lines("above")["violin vn"] == ["1", "+4.0", BLANK, "2.5", "-1.5"]
    assert "4.0 dB above the mixture : median of 1 segment of 1 s in 1 track." in page.text
    assert "Silence in place" not in page.text


def test_no_segment_could_be_scored(tmp_path: Path) -> None:
    rows = [Row(s, "t", 0.0, k, "silent_mixture", 0) for s in SYSTEMS for k in instruments.MUSDB]
    page = Page(write(tmp_path, rows))
    assert "No segment could be compared with the mixture" in page.text
    assert page.lines("above")["All sources"] == ["0", *[BLANK] * 7]
    assert page.lines("statuses")["drums"][-4:] == ["1", "100.0%", BLANK, "0"]
    assert page.tags["svg"] == 0


def test_a_model_worse_than_silence_is_told(tmp_path: Path) -> None:
    values = {"model": -2.0, "mixture": -1.0, "silence": 0.0}
    rows = [Row(s, "t", float(i), "vn", "scored", 2, snr=snr) for s, snr in values.items() for i in range(6)]
    text = Page(write(tmp_path, rows)).text
    assert "1.0 dB below the mixture" in text
    assert "Silence in place of every estimate would lie at +1.0 dB, which the model does not exceed" in text


def test_what_surrounds_the_numbers(tmp_path: Path) -> None:
    rows = sample_rows(instruments.MUSDB, 1, 10)
    plain = Page(write(tmp_path, rows)).text
    assert "Not a result" not in plain
    assert "Known leaks" not in plain
    assert "22,050 Hz, mono. Not comparable with published figures at 44.1 kHz stereo." in plain
    assert "Segments of 1 s" in plain
    assert "above -60 dB relative to" in plain
    assert "filters of 512 taps" in plain
    assert "oracle labels of each piece" in plain
    changes = {"not_a_result": "a smoke run", "known_leaks": ["two takes"], "sample_rate": 44100, "channels": 2}
    marked = Page(write(tmp_path, rows, **changes)).text
    assert "Not a result: a smoke run" in marked
    assert "two takes" in marked
    assert "44,100 Hz, stereo." in marked
    assert "Not comparable" not in marked


def test_oracles_and_the_audit_show_where_there_are_any(tmp_path: Path) -> None:
    rows = sample_rows(instruments.MUSDB, 2, 12)
    conditions = [
        Condition("true", 4.25, 1200, -42.5, 900, num_tracks=2),
        Condition("unknown", not_measured="it cannot do without"),
        Condition("swapped", -1.5, 1200, -8.0, 900, -6.5, 500, 2),
    ]
    path = tmp_path / "report.html"
    report.write_report(path, rows, about(), conditions)
    page = Page(path.read_text(encoding="utf-8"))
    assert page.tables["above"][1] == ["model", "silence", *ORACLES, "model", "mixture"]
    assert "IBM1, IRM1 and MWF are oracles" in page.text
    lines = page.lines("audit")
    assert lines["true"][1:] == ["+4.2", "1,200", "-42.5", "900", BLANK, "0"]
    assert lines["unknown"] == ["Not measured: it cannot do without."]
    assert lines["swapped"][1:] == ["-1.5", "1,200", "-8.0", "900", "-6.5", "500"]
    plain = Page(write(tmp_path, [row for row in rows if row.system not in ORACLES]))
    assert plain.tables["above"][1] == ["model", "silence", "model", "mixture"]
    assert "oracles, which" not in plain.text
    assert "audit" not in plain.tables


def test_names_that_no_font_or_encoding_holds(tmp_path: Path) -> None:
    rows = [
        replace(row, track="bad\udcff")
        for row in sample_rows(["二胡", "a name that is far too long for an axis"], 1, 12)
    ]
    page = Page(write(tmp_path, rows))
    assert any(text.startswith("二胡 · ") for text in page.texts)
    assert any(text.startswith("a name that is fa… · ") for text in page.texts)


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    rows = sample_rows(instruments.MUSDB, 2, 12)
    assert write(tmp_path, rows) == write(tmp_path, rows)


def test_a_report_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    rows = sample_rows(instruments.MUSDB, 1, 10)
    before = write(tmp_path, rows)
    path = tmp_path / "report.html"
    for system, message in (("model", "rows of the system 'model'"), ("mixture", "a row of the mixture")):
        with pytest.raises(ValueError, match=message):
            report.write_report(path, [row for row in rows if row.system != system], about())
    assert path.read_text(encoding="utf-8") == before
