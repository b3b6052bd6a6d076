"""Compares a record with what the manifest says of its track, and with what the corpus holds."""

import math

import numpy as np

from data_prep.audio.tracks import MIXTURE
from data_prep.records.entries import TrackEntry
from data_prep.records.excerpts import Excerpt
from data_prep.records.format import Layout, Record

# How many steps of quantisation may lie between a record and the corpus: half of one comes from
# rounding, the rest is for another version of the resampler.
_MAX_STEPS = 1.5
# The same for float records, which are not rounded, in samples.
_MAX_DIFFERENCE = 1e-5


def track_mismatch(
    record: Record, track: TrackEntry, number: int, start: int, layout: Layout
) -> str:
    """Returns how a record differs from what the manifest says; empty where it does not.

    Args:
        record: is the one that was read.
        track: is what the manifest says of the track to which it should belong.
        number: is its number within the track, from 0.
        start: is the frame at which it should begin.
        layout: names the slots.
    """
    if record.track != track.name:
        return f"it is of {record.track}, of a foreign shard."
    if record.start != start:
        return f"it begins at frame {record.start}, not {start}."
    stop = record.start + record.owned_frames
    is_last = number == track.num_excerpts - 1
    if is_last != (stop == track.num_frames):
        return (
            f"it ends at frame {stop} of {track.num_frames}, and is number {number} of "
            f"{track.num_excerpts}."
        )
    return _annotation_mismatch(record, track, layout)


def _annotation_mismatch(record: Record, track: TrackEntry, layout: Layout) -> str:
    """Returns how what is said of the piece differs; empty where it does not."""
    vocabulary = layout.sources
    pairs = {
        "labels": (record.label_names(vocabulary), track.labels),
        "unknown labels": (record.unknown_names(vocabulary), track.unknown),
        "tags": (record.tags, track.tags),
    }
    stored = {vocabulary[slot] for slot in record.slots}
    if not stored <= set(track.num_parts):
        pairs["sources"] = (tuple(stored), tuple(track.num_parts))
    for what, (found, expected) in pairs.items():
        if set(found) != set(expected):
            return (
                f"its {what} are {', '.join(sorted(found)) or 'none'}, those of the track "
                f"{', '.join(sorted(expected)) or 'none'}."
            )
    numbers = zip(vocabulary, record.labels, record.grades, strict=True)
    grades = {name: float(grade) for name, label, grade in numbers if grade != label}
    if grades != track.grades:
        return f"its grades are {grades or 'none'}, those of the track {track.grades or 'none'}."
    size = record.context.shape[1]
    if size != track.context_size:
        return f"its context has {size} numbers a slot, that of the track {track.context_size}."
    return ""


def audio_difference(record: Record, excerpt: Excerpt, layout: Layout) -> str:
    """Returns how the first waveform that is not that of the corpus differs; empty if none does."""
    names = [MIXTURE, *(layout.sources[slot] for slot in record.slots)]
    corpus = {MIXTURE: excerpt.mixture, **excerpt.sources}
    if set(names) != set(corpus):
        return f"{', '.join(names[1:])} sound in it, in the corpus {', '.join(excerpt.sources)}."
    waveforms = [record.mixture, *record.sources]
    for name, values, scale in zip(names, waveforms, record.scales, strict=True):
        if values.shape != corpus[name].shape:
            return f"its {name} has {len(values)} frames, the corpus {len(corpus[name])}."
        difference = float(np.abs(values * scale - corpus[name]).max())
        allowed = _MAX_DIFFERENCE
        if layout.encoding == "int16":
            # The scale is one step of quantisation.
            allowed = _MAX_STEPS * scale
        if difference > allowed:
            return (
                f"its {name} is not that of the corpus, up to {20 * math.log10(difference):.0f} "
                f"dBFS apart."
            )
    return ""
