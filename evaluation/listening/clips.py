"""Chooses what can be listened to of a run, and takes it.

That is its best and its worst segments, and one passage that all runs have in common.
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from evaluation.listening.sounds import EncodedSound, Waveform, encode, match_levels
from evaluation.scores.aggregates import SegmentKey, segment_key
from evaluation.scores.improvement import improvements_by_segment
from evaluation.scores.table import MODEL, Row

# That many of the best, and as many of the worst.
NUM_EXTREMES = 4
# Heard before and after a scored segment.
AROUND_SECS = 1.0
COMMON_SECS = 5.0

Why = Literal["common", "worst", "best"]
# The sounds that every clip has, as the fields of ``ClipWaveforms`` are named ...
TAKES = ("mixture", "reference", "estimate")
# ... and the one that only some have.
UNTRAINED = "untrained"


@dataclass(frozen=True)
class Choice:
    """Names a passage of a track that is worth hearing, for one source."""

    why: Why
    track: str
    source: str
    # This and the next one are of what is heard.
    start_secs: float
    stop_secs: float
    # The scored segment within it, in seconds of the track.
    segment_secs: tuple[float, float] | None = None

    def frames(self, sample_rate: int, num_frames: int) -> tuple[int, int]:
        """Returns its first frame, and the one behind its last, in a track of so many frames."""
        start = round(self.start_secs * sample_rate)
        stop = round(self.stop_secs * sample_rate)
        return start, min(stop, num_frames)


class ClipWaveforms(NamedTuple):
    """Holds what is heard of a choice, each of shape (frames, channels)."""

    mixture: Waveform
    reference: Waveform
    estimate: Waveform
    # Of the same network as its training found it; None where it is not shown, or not known.
    untrained: Waveform | None = None


# Of a choice that reaches beyond the end of its track, as much as there is.
ClipReader = Callable[[Choice], ClipWaveforms]


@dataclass(frozen=True)
class RecordedClip:
    """Holds a choice with its sounds: those of ``TAKES``, and ``UNTRAINED`` where there is one."""

    choice: Choice
    sample_rate: int
    sounds: Mapping[str, EncodedSound]

    def key_of(self, take: str) -> str:
        """Returns 16 digits from 0 to f that tell one of the sounds from those of all other clips.

        They follow from the place and the sound alone, so that the sound has them on every page.
        """
        place = (self.choice.track, self.choice.source, self.choice.start_secs)
        digest = hashlib.sha256(repr(place).encode("utf-8", errors="backslashreplace"))
        digest.update(self.sounds[take].flac)
        return digest.hexdigest()[:16]


class _ScoredSegment(NamedTuple):
    """Pairs a row with its improvement over the mixture."""

    improvement_db: float
    row: Row


def choose(rows: Sequence[Row], segment_secs: float) -> list[Choice]:
    """Chooses what to listen to.

    The common passage follows from the references alone, so that it is the same for every run on
    these tracks: of the first track with the most sources, the first ``COMMON_SECS`` in which most
    of them sound. The best and the worst segments are those of the highest and the lowest
    improvement over the mixture, one at most of each source of a track; where there are too few
    for both, none is in both.

    Args:
        rows: of the model and of the mixture.
        segment_secs: length of a segment.
    """
    model = [row for row in rows if row.system == MODEL]
    by_part = _improved_segments(model, improvements_by_segment(rows))
    worst = sorted((min(part, key=_improvement_db) for part in by_part), key=_improvement_db)
    best = sorted(
        (max(part, key=_improvement_db) for part in by_part), key=_improvement_db, reverse=True
    )
    half = (sum(map(len, by_part)) + 1) // 2
    bad = [segment.row for segment in worst[: min(NUM_EXTREMES, half)]]
    good = [segment.row for segment in best if segment.row not in bad][:NUM_EXTREMES]
    return [
        *_choose_common(model),
        *(_choose_around("worst", row, segment_secs) for row in bad),
        *(_choose_around("best", row, segment_secs) for row in good),
    ]


def _improved_segments(
    rows: Sequence[Row], improvements: Mapping[SegmentKey, float | None]
) -> list[list[_ScoredSegment]]:
    """Returns the segments of a finite improvement, those of a source of a track together."""
    by_part: dict[tuple[str, str], list[_ScoredSegment]] = defaultdict(list)
    for row in rows:
        improvement_db = improvements.get(segment_key(row))
        if improvement_db is not None and math.isfinite(improvement_db):
            by_part[row.track, row.source].append(_ScoredSegment(improvement_db, row))
    return list(by_part.values())


def _improvement_db(segment: _ScoredSegment) -> float:
    # Of segments that are equally good, min, max and sorted thus keep the order of the rows.
    return segment.improvement_db


def _choose_around(why: Why, row: Row, segment_secs: float) -> Choice:
    stop_secs = row.start_secs + segment_secs
    return Choice(
        why=why,
        track=row.track,
        source=row.source,
        start_secs=max(row.start_secs - AROUND_SECS, 0.0),
        stop_secs=stop_secs + AROUND_SECS,
        segment_secs=(row.start_secs, stop_secs),
    )


def _choose_common(rows: Sequence[Row]) -> Iterator[Choice]:
    # Track -> start of a segment -> the sources that sound in it.
    sounding: dict[str, dict[float, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        if row.status not in ("absent", "silent_mixture"):
            sounding[row.track][row.start_secs].add(row.source)
    if not sounding:
        return
    track = max(sounding, key=lambda name: len(set().union(*sounding[name].values())))
    segments = sounding[track]

    def heard_from(start: float) -> list[set[str]]:
        stop = start + COMMON_SECS
        return [sources for secs, sources in segments.items() if start <= secs < stop]

    start = max(sorted(segments), key=lambda secs: sum(map(len, heard_from(secs))))
    heard = set().union(*heard_from(start))
    for source in dict.fromkeys(row.source for row in rows):
        if source in heard:
            yield Choice("common", track, source, start, start + COMMON_SECS)


def record(choices: Sequence[Choice], read: ClipReader, sample_rate: int) -> Iterator[RecordedClip]:
    """Yields the sounds of every choice, all of ``TAKES`` of one choice at one level."""
    for choice in choices:
        waveforms = read(choice)
        together = [waveforms.mixture, waveforms.reference, waveforms.estimate]
        sounds = {}
        for take, waveform, gain_db in zip(TAKES, together, match_levels(together), strict=True):
            sounds[take] = encode(waveform, gain_db, sample_rate)
        if waveforms.untrained is not None:
            # By itself: a peak of random weights does not turn down what is played.
            (gain_db,) = match_levels([waveforms.untrained])
            sounds[UNTRAINED] = encode(waveforms.untrained, gain_db, sample_rate)
        yield RecordedClip(choice, sample_rate, sounds)
