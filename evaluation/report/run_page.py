"""Makes the report on a run, which says in a minute what was separated how well.

It is made of the rows of scores.csv.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from configs import instruments
from data_prep.runtime.quantities import pluralized
from evaluation.classical.names import ROWS
from evaluation.document.numbers import decibels, short_number, signed_decibels
from evaluation.document.parts import Block, Cell, Document, Figures, Items, Section, Text
from evaluation.listening.clips import RecordedClip
from evaluation.report import run_tables
from evaluation.report.audit_table import audit_blocks, note_blocks
from evaluation.report.clip_players import run_clips
from evaluation.report.curves import training_blocks
from evaluation.report.digest import Digest
from evaluation.report.method import (
    beside_constant_gain,
    beside_silence,
    method_blocks,
    origin_blocks,
    status_blocks,
)
from evaluation.report.metric_names import V3, V4
from evaluation.report.run_figures import figure_blocks, polyphony_panels
from evaluation.scores import bootstrap
from evaluation.scores.about import About
from evaluation.scores.conditions import Condition
from evaluation.scores.table import CONSTANT_GAIN, MODEL, Row


@dataclass(frozen=True)
class Extras:
    """Holds what a report shows beside the scores, as far as there is any."""

    # The audit of the labels.
    conditions: Sequence[Condition] = ()
    # The lines of metrics.jsonl.
    curves: Sequence[Mapping[str, Any]] = ()
    # To listen to.
    recordings: Sequence[RecordedClip] = ()
    # The audit of the notes.
    note_conditions: Sequence[Condition] = ()


def make_document(rows: Sequence[Row], about: About, extras: Extras) -> Document:
    """Makes everything that the report says.

    Args:
        rows: of every system that was scored.
        about: what the rows do not say.
        extras: what else there is.

    Raises:
        ValueError: no row is the model's, or one has no row of the mixture beside it.
    """
    if not any(row.system == MODEL for row in rows):
        raise ValueError(
            f"expected rows of the system {MODEL!r} among the scores; there are none, nothing to "
            "report."
        )
    digest = Digest(rows)
    sections = _sections(rows, digest, about, extras)
    return Document(
        about.title,
        about.subtitle,
        head=_head(digest, about),
        sections=[section for section in sections if section.blocks],
        summary=_summary(digest),
    )


def _sections(rows: Sequence[Row], digest: Digest, about: About, extras: Extras) -> list[Section]:
    """Makes all sections; those that a run has nothing for have no blocks."""
    # The other systems are of no use here, and most work.
    needed = [row for row in rows if row.system in (MODEL, "mixture")]
    by_polyphony = Digest(needed, "polyphony")
    by_track = Digest(needed, "track")
    together = _polyphony(rows, by_polyphony)
    clips = run_clips(extras.recordings, rows)
    sums = _aggregates(digest)
    statuses = status_blocks(digest)
    audited = audit_blocks(extras.conditions)
    audited_notes = note_blocks(extras.note_conditions)
    learnt = training_blocks(extras.curves, about.step or 0)
    how = method_blocks(about, digest.systems, has_bins=digest.has_metric("bins"))
    return [
        Section("above", "How far above the mixture", "Improvement", _headline(digest)),
        Section("metrics", "Distortion, interference, artefacts", "Metrics", _metrics(digest)),
        Section("figures", "Segment by segment", "Figures", figure_blocks(rows, digest)),
        Section("together", "When more sources sound at once", "Polyphony", together),
        Section("listen", "Listen", "Listen", clips),
        Section("sums", "The same scores, summed up in four ways", "Aggregates", sums),
        Section("scored", "What could be scored, and what could not", "Statuses", statuses),
        Section("labels", "What the labels do", "Labels", audited),
        Section("notes", "What the notes do", "Notes", audited_notes),
        Section("pieces", "Track by track", "Tracks", _tracks(by_track)),
        Section("training", "How it learnt", "Training", learnt),
        Section("how", "How it was scored", "Method", how),
        Section("origin", "Where it comes from", "Origin", origin_blocks(about)),
    ]


def _summary(digest: Digest) -> list[tuple[str, Cell]]:
    """Returns how far the model and the constant gain are above the mixture."""
    cells = [
        (f"Improvement, {system}", digest.improvement(None, system))
        for system in (MODEL, CONSTANT_GAIN)
    ]
    return [(title, cell) for title, cell in cells if cell.value is not None]


def _head(digest: Digest, about: About) -> list[Block]:
    blocks: list[Block] = []
    if about.not_a_result:
        blocks.append(Text(f"Not a result: {about.not_a_result}", "banner"))
    if about.averaged:
        title = "The estimates are the mean of those of these networks:"
        blocks.append(Items(about.averaged, title))
    blocks += _lead(digest, about)
    if about.known_leaks:
        title = (
            "Known leaks between the splits. These recordings are shared, so the scores may "
            "flatter:"
        )
        blocks.append(Items(about.known_leaks, title))
    return blocks


def _lead(digest: Digest, about: About) -> list[Block]:
    improvement = digest.improvement()
    note = (
        "A source's signal-to-noise ratio (SNR) in its estimate, minus its SNR in the mixture, "
        "segment by segment."
    )
    if not isinstance(improvement.value, float) or improvement.n is None:
        nothing = (
            "No segment could be compared with the mixture: none is scored in which two sources "
            "sound together."
        )
        return [Text(nothing, "lead"), Text(note, "note")]
    side = "below" if improvement.value < 0 else "above"
    strong = f"{decibels(abs(improvement.value))} dB {side} the mixture"
    within = ""
    if improvement.interval:
        low = signed_decibels(improvement.interval.low)
        high = signed_decibels(improvement.interval.high)
        within = f" (95 % interval {low} to {high} dB)"
    segments = pluralized(improvement.n, "segment")
    secs = short_number(about.evaluation.segment_secs)
    tracks = pluralized(digest.num_tracks(), "track")
    lead = f"The estimates lie {strong}{within}: median of {segments} of {secs} s in {tracks}."
    note += beside_silence(digest, improvement.value)
    blocks: list[Block] = [Text(lead, "lead", strong), Text(note, "note")]
    beside = beside_constant_gain(digest, improvement.value)
    if beside:
        blocks.append(Text(beside, "note"))
    return blocks


def _intervals(digest: Digest) -> str:
    why_none = bootstrap.why_none(digest.num_tracks())
    if why_none:
        return f"No intervals ({why_none})."
    return (
        "Small below a number, from one to another: its 95 % interval if other tracks had been "
        f"drawn (bootstrap over tracks, {bootstrap.RESAMPLES:,} resamples); sources with fewer "
        f"than {bootstrap.MIN_TRACKS} tracks have none."
    )


def _headline(digest: Digest) -> list[Block]:
    note = (
        "dB, medians over the segments in which the source sounds together with another one. The "
        "improvement is the median of the differences, not the difference of the medians beside "
        "it. Silence has an SNR of 0 dB."
    )
    if digest.has_metric("bins"):
        note += (
            " Bins: in which share of the mixture's time-frequency bins the estimate is on the "
            "right side of the ideal binary mask, in %; a model that is not above the majority "
            "tells the bins of the source from the others no better than one answer for all."
        )
    sounding = digest.sounding_groups()
    silent = [instruments.name_of(source) for source in digest.groups if source not in sounding]
    if silent:
        note += f" Nothing to score for {', '.join(silent)}."
    num_left_out = digest.num_left_out()
    if num_left_out:
        note += (
            f" Left out: {pluralized(num_left_out, 'segment')} of a lone source, where the mixture "
            "is that source."
        )
    return [Text(f"{note} {_intervals(digest)}", "note"), run_tables.headline_table(digest)]


def _metrics(digest: Digest) -> list[Block]:
    note = (
        "dB, median of segments, over those in which the source sounds together with another one "
        "and the metric is finite; n below a number that is made of fewer. SDR, SIR and SAR of the "
        "first table are BSS Eval v3 (sources), which forgives a gain and a short delay; SI-SDR "
        "and SI-SAR forgive a gain. The mixture has no artefacts, so no SAR of it is shown; "
        "silence has an SDR alone, and of the oracles only that is shown."
    )
    if CONSTANT_GAIN in digest.systems:
        note += " A gain changes none of them: those of the constant gain are the mixture's."
    if not set(ROWS).isdisjoint(digest.systems):
        note += " Nor is more shown of methods that need no network."
    blocks: list[Block] = [Text(note, "note")]
    v3_table = run_tables.metric_table("metrics", V3, digest)
    if v3_table:
        blocks.append(v3_table)
    v4_table = run_tables.metric_table("metrics-v4", V4, digest)
    # Its SDR is the SNR, which every run has: alone it makes no table.
    if v4_table and any(digest.has_metric(metric) for metric in ("isr", "sir_v4", "sar_v4")):
        note = (
            "BSS Eval v4 (images), another metric of the same names: no gain is forgiven, and its "
            "SDR is the plain ratio of signal to noise. ISR: distortion that a filter of the "
            "source alone explains."
        )
        blocks += [Text(note, "note"), v4_table]
    return blocks


def _polyphony(rows: Sequence[Row], digest: Digest) -> list[Block]:
    note = (
        "dB, medians over all segments in which so many sources sound, n below a number that is "
        "made of fewer; leakage is that of the sources that do not. A lone source is the mixture "
        "itself, so that only what the model spoils shows there."
    )
    table = run_tables.polyphony_table(digest)
    return [Text(note, "note"), table, Figures(polyphony_panels(rows, digest))]


def _aggregates(digest: Digest) -> list[Block]:
    table = run_tables.aggregate_table(digest)
    if not table.bodies:
        return [Text("No segment has a finite value.")]
    unit = "dB, bins in %" if digest.has_metric("bins") else "dB"
    note = (
        f"{unit}, over all sources and the segments in which a source sounds together with "
        "another one. Published figures use any of these four; only like may be compared with like."
    )
    return [Text(f"{note} {_intervals(digest)}", "note"), table]


def _tracks(digest: Digest) -> list[Block]:
    note = (
        "The model in dB, median of the segments of a track over its sources, where a source "
        "sounds together with another one; n below a number that is made of fewer. Best "
        "improvement first."
    )
    return [Text(note, "note"), run_tables.track_table(digest)]
