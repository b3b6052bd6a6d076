"""The rows of scores.csv as a report that says in a minute what was separated how well: HTML, Markdown and JSON."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs import instruments
from evaluation.document.parts import (
    Block,
    Document,
    Figures,
    Items,
    Section,
    Terms,
    Text,
    count,
    decibels,
    gain,
    plain,
)
from evaluation.document.render import write
from evaluation.listening.clips import RecordedClip
from evaluation.report import clip_players, curves, run_tables, violins
from evaluation.report.audit_table import audit_blocks
from evaluation.report.method import method, origin
from evaluation.report.run_tables import MODEL, Digest
from evaluation.scores import bootstrap
from evaluation.scores.about import About
from evaluation.scores.conditions import Condition
from evaluation.scores.table import Row

STATUSES = {
    "scored": "The source sounds together with another one: every metric, and part of the improvement.",
    "solo": "It is the only source that sounds: no SIR, and left out of the improvement, as the mixture is the source.",
    "silent estimate": "It sounds, but its estimate is silent: SDR and SNR count as 0 dB, the other metrics are blank.",
    "absent": "It does not sound: no metric, but the energy that its estimate leaks.",
    "silent mixture": "Nothing sounds at all: not scored.",
    "leakage": "Energy of the estimate of an absent source relative to the mixture: median over the absent segments in "
    "dB, n below it; \N{MINUS SIGN}100 is the floor, lower is better.",
}
_FIGURE_NOTE = (
    "Segments in which a source sounds together with another one. Where there are two colours, the model lies above "
    "the line in colour and the mixture below it in grey; the upright stroke is the median; the number after a name "
    f"counts the model's segments; fewer than {violins.MIN_VALUES} are drawn as dots. Blank is a metric that the "
    "segment's status does not define."
)


@dataclass(frozen=True)
class Extras:
    """What a report shows beside the scores, as far as there is any."""

    conditions: Sequence[Condition] = ()  # the audit of the labels
    curves: Sequence[Mapping[str, Any]] = ()  # the lines of metrics.jsonl
    recordings: Sequence[RecordedClip] = ()  # to listen to


def write_report(path: Path, rows: Sequence[Row], about: About, extras: Extras = Extras()) -> None:
    """Write the page, and the same as Markdown and JSON beside it, each whole or not at all.

    Args:
        path: of the page, such as report.html.
        rows: of every system that was scored.
        about: what the rows do not say.
        extras: what else there is.

    Raises:
        ValueError: no row is the model's, or one has no row of the mixture beside it.
    """
    write(path, make_document(rows, about, extras))


def make_document(rows: Sequence[Row], about: About, extras: Extras) -> Document:
    """Everything that the report says."""
    if not any(row.system == MODEL for row in rows):
        raise ValueError(
            f"expected rows of the system {MODEL!r} among the scores; there are none, nothing to report."
        )
    needed = [
        row for row in rows if row.system in (MODEL, "mixture")
    ]  # the others are of no use there, and most work
    digest, by_polyphony, by_track = (
        Digest(rows),
        Digest(needed, "polyphony"),
        Digest(needed, "track"),
    )
    sections = [
        Section("above", "How far above the mixture", "Improvement", _headline(digest)),
        Section("metrics", "Distortion, interference, artefacts", "Metrics", _metrics(digest)),
        Section("figures", "Segment by segment", "Figures", _figures(rows, digest)),
        Section(
            "together",
            "When more sources sound at once",
            "Polyphony",
            _polyphony(rows, by_polyphony),
        ),
        Section("listen", "Listen", "Listen", clip_players.run_clips(extras.recordings, rows)),
        Section(
            "sums", "The same scores, summed up in four ways", "Aggregates", _aggregates(digest)
        ),
        Section(
            "scored", "What could be scored, and what could not", "Statuses", _statuses(digest)
        ),
        Section("labels", "What the labels do", "Labels", audit_blocks(extras.conditions)),
        Section("pieces", "Track by track", "Tracks", _tracks(by_track)),
        Section("training", "How it learnt", "Training", _training(extras.curves, about.step or 0)),
        Section("how", "How it was scored", "Method", method(about, len(digest.compared) > 1)),
        Section("origin", "Where it comes from", "Origin", origin(about)),
    ]
    return Document(
        about.title,
        about.subtitle,
        _head(digest, about),
        [each for each in sections if each.blocks],
    )


def _head(digest: Digest, about: About) -> list[Block]:
    blocks: list[Block] = []
    if about.not_a_result:
        blocks.append(Text(f"Not a result: {about.not_a_result}", "banner"))
    blocks += _lead(digest, about)
    if about.known_leaks:
        title = "Known leaks between the splits. These recordings are shared, so the scores may flatter:"
        blocks.append(Items(about.known_leaks, title))
    return blocks


def _lead(digest: Digest, about: About) -> list[Block]:
    found, silence = digest.improvement(), digest.improvement(None, "silence")
    note = "A source's signal-to-noise ratio (SNR) in its estimate, minus its SNR in the mixture, segment by segment."
    if not isinstance(found.value, float) or found.n is None:
        nothing = (
            "No segment could be compared with the mixture: nowhere do two sources sound together."
        )
        return [Text(nothing, "lead"), Text(note, "note")]
    strong = (
        f"{decibels(abs(found.value))} dB {'below' if found.value < 0 else 'above'} the mixture"
    )
    num_tracks = digest.num_tracks()
    of = f"{count(found.n, 'segment')} of {plain(about.evaluation.segment_secs)} s in {count(num_tracks, 'track')}"
    interval = found.interval
    within = (
        f" (95 % interval {gain(interval.low)} to {gain(interval.high)} dB)" if interval else ""
    )
    if isinstance(silence.value, float):
        exceeded = ", which the model does not exceed" if found.value <= silence.value else ""
        note += f" Silence in place of every estimate would lie at {silence.text} dB{exceeded}: among several sources, "
        note += "turning everything down already raises the SNR."
    return [
        Text(f"The estimates lie {strong}{within}: median of {of}.", "lead", strong),
        Text(note, "note"),
    ]


def _intervals(digest: Digest) -> str:
    if why := bootstrap.why_none(digest.num_tracks()):
        return f"No intervals ({why})."
    return (
        f"Small below a number, from one to another: its 95 % interval if other tracks had been drawn (bootstrap over "
        f"tracks, {bootstrap.RESAMPLES:,} resamples); sources with fewer than {bootstrap.MIN_TRACKS} tracks have none."
    )


def _headline(digest: Digest) -> list[Block]:
    left_out = digest.num_left_out()
    note = (
        "dB, medians over the segments in which the source sounds together with another one. The improvement is the "
        "median of the differences, not the difference of the medians beside it. Silence has an SNR of 0 dB."
    )
    if silent := [
        instruments.name_of(source) for source in digest.groups if source not in digest.sounding()
    ]:
        note += f" Nothing to score for {', '.join(silent)}."
    if left_out:
        note += f" Left out: {count(left_out, 'segment')} of a lone source, where the mixture is that source."
    return [Text(f"{note} {_intervals(digest)}", "note"), run_tables.headline_table(digest)]


def _metrics(digest: Digest) -> list[Block]:
    note = (
        "dB, median of segments, over those in which the source sounds together with another one and the metric is "
        "finite; n below a number that is made of fewer. SDR, SIR and SAR of the first table are BSS Eval v3 "
        "(sources), which forgives a gain and a short delay; SI-SDR forgives a gain. The mixture has no artefacts, so "
        "its SAR is not shown; silence has an SDR alone, and of the oracles only that is shown."
    )
    blocks: list[Block] = [Text(note, "note")]
    v3, v4 = (
        run_tables.metric_table("metrics", run_tables.V3, digest),
        run_tables.metric_table("metrics-v4", run_tables.V4, digest),
    )
    blocks += [v3] if v3 else []
    if v4 and any(metric in digest.summary().together for metric in ("isr", "sir_v4", "sar_v4")):
        note = (
            "BSS Eval v4 (images), another metric of the same names: no gain is forgiven, and its SDR is the plain "
            "ratio of signal to noise. ISR: distortion that a filter of the source alone explains."
        )
        blocks += [Text(note, "note"), v4]
    return blocks


def _figures(rows: Sequence[Row], digest: Digest) -> list[Block]:
    panels = [
        violins.make_panel(
            key, title, _strips(rows, key, digest, lambda row: row.source, instruments.name_of)
        )
        for key, title in violins.TITLES.items()
        if digest.has(key) and not run_tables.is_again(rows, key)
    ]
    if not panels:
        return [Text("No segment has a finite value.")]
    return [Text(_FIGURE_NOTE, "note"), Figures(panels)]


def _polyphony(rows: Sequence[Row], digest: Digest) -> list[Block]:
    note = (
        "dB, medians over all segments in which so many sources sound, n below a number that is made of fewer; "
        "leakage is that of the sources that do not. A lone source is the mixture itself, so that only what the model "
        "spoils shows there."
    )
    panels = [
        violins.make_panel(
            f"{key}-together",
            violins.TITLES[key],
            _strips(
                rows, key, digest, lambda row: row.polyphony, lambda number: count(number, "source")
            ),
        )
        for key in ("snri", "sdr")
    ]
    return [Text(note, "note"), run_tables.polyphony_table(digest), Figures(panels)]


def _strips(
    rows: Sequence[Row],
    key: str,
    digest: Digest,
    group: Callable[[Row], Any],
    name: Callable[[Any], str],
) -> list[violins.Strip]:
    """A strip per group of rows; ``digest`` has the same groups."""
    systems = (MODEL,) if key in run_tables.NOT_OF_MIXTURE else (MODEL, "mixture")
    values = violins.segment_values([row for row in rows if row.system in systems], key)
    return violins.make_strips(
        sorted(values, key=lambda pair: digest.groups.index(group(pair[0]))),
        lambda row: name(group(row)),
        lambda system, row: digest.shown(key, system, group(row)),
    )


def _aggregates(digest: Digest) -> list[Block]:
    table = run_tables.aggregate_table(digest)
    if not table.bodies:
        return [Text("No segment has a finite value.")]
    note = (
        "dB, over all sources and the segments in which a source sounds together with another one. Published figures "
        "use any of these four; only like may be compared with like."
    )
    return [Text(f"{note} {_intervals(digest)}", "note"), table]


def _statuses(digest: Digest) -> list[Block]:
    others = "The same shares for what the model is set beside:"
    return [
        Text("Of the model: segments, and their share of all.", "note"),
        run_tables.status_table(digest),
        Terms(list(STATUSES.items())),
        Text(others, "note"),
        Items(
            [
                f"{each}: {run_tables.status_words(digest.summary(None, each).shares)}"
                for each in digest.systems[1:]
            ]
        ),
    ]


def _tracks(digest: Digest) -> list[Block]:
    note = (
        "The model in dB, median of the segments of a track over its sources, where a source sounds together with "
        "another one; n below a number that is made of fewer. Best improvement first."
    )
    return [Text(note, "note"), run_tables.track_table(digest)]


def _training(lines: Sequence[Mapping[str, Any]], step: int) -> list[Block]:
    panels = curves.make_panels(lines, step)
    note = "Grey: in training, averaged over the steps of a call to the device. Coloured, with dots: in validation."
    return [Text(note, "note"), Figures(panels)] if panels else []
