"""Finds which sounds of which runs the ratings of listeners are of.

A sound is known by its key, not by the name that a page gave it: ratings from the report of one run
and from comparisons of any runs then count wherever that sound is compared.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from data_prep.runtime.quantities import pluralized
from evaluation.listening.archive import FILE_NAME, read_clips
from evaluation.listening.clips import Choice
from evaluation.ratings.saved import Rating
from evaluation.scores.aggregates import SegmentKey
from evaluation.scores.improvement import improvements_by_segment
from evaluation.scores.saved import ScoredRun


@dataclass(frozen=True)
class Passage:
    """Names the seconds of a source of a track that are heard."""

    track: str
    source: str
    start_secs: float
    stop_secs: float


@dataclass(frozen=True)
class RatedSound:
    """Says what a sound is that can be rated."""

    # None: the true source.
    run: str | None
    passage: Passage
    # The median over the scored segments of the passage; None for the reference, and where no
    # segment has an improvement over the mixture.
    improvement_db: float | None = None


@dataclass(frozen=True)
class Opinion:
    """Pairs a sound with what a listener said of it."""

    listener: str
    sound: RatedSound
    rating: float


@dataclass(frozen=True)
class Matched:
    """Holds the ratings of sounds that the runs have, and counts the others."""

    # A rating of a sound that two runs have is there twice.
    opinions: Sequence[Opinion]
    num_ratings: int
    # File -> how many of its ratings are of other sounds.
    num_others: Mapping[str, int]


def sounds_of(
    runs: Sequence[ScoredRun], sources: Collection[str] = ()
) -> dict[str, list[RatedSound]]:
    """Returns what can be rated of some sources of runs (all if empty), by the keys of the sounds.

    Two runs may have the same sound, such as silence: its ratings are those of both.

    Raises:
        ValueError: the archive of a run is not what evaluation.evaluate writes, or no run has one.
    """
    found: dict[str, list[RatedSound]] = defaultdict(list)
    for run in runs:
        recordings = read_clips(run.folder / FILE_NAME) if run.folder else []
        if not recordings:
            continue
        improvements = improvements_by_segment(run.rows)
        for recording in recordings:
            passage = _passage(recording.choice)
            if sources and passage.source not in sources:
                continue
            improvement_db = _improvement_db(recording.choice, improvements)
            estimate = RatedSound(run.name, passage, improvement_db)
            found[recording.key_of("estimate")].append(estimate)
            reference = RatedSound(None, passage)
            known = found[recording.key_of("reference")]
            if reference not in known:
                known.append(reference)
    if not found:
        raise ValueError(
            f"no run has sounds of these sources ({FILE_NAME}), so ratings say nothing of them."
        )
    return found


def _passage(choice: Choice) -> Passage:
    return Passage(choice.track, choice.source, choice.start_secs, choice.stop_secs)


def _improvement_db(
    choice: Choice, improvements: Mapping[SegmentKey, float | None]
) -> float | None:
    """Returns the median improvement over the segments of a choice; None where none has any."""
    start, stop = choice.segment_secs or (choice.start_secs, choice.stop_secs)
    # The names of rows have been composed.
    track = unicodedata.normalize("NFC", choice.track)
    source = unicodedata.normalize("NFC", choice.source)
    values = [
        value
        for (of_track, secs, of_source), value in improvements.items()
        if value is not None and (of_track, of_source) == (track, source) and start <= secs < stop
    ]
    if not values or not np.isfinite(values).all():
        return None
    return float(np.median(values))


def match(
    files: Mapping[str, Sequence[Rating]], sounds: Mapping[str, Sequence[RatedSound]]
) -> Matched:
    """Finds the sounds that ratings are of.

    Args:
        files: the ratings that each file holds.
        sounds: from :func:`sounds_of`.

    Raises:
        ValueError: a listener rated a sound twice on one page, as where a file is named twice; a
            rating says another place than its sound has; or a file has no rating of these sounds.
    """
    opinions: list[Opinion] = []
    num_others: dict[str, int] = {}
    # Session, page, sound and its name there -> the file that holds a rating of it.
    holders: dict[tuple[str, str, str, str], str] = {}
    for file, ratings in files.items():
        own = []
        for rating in ratings:
            _require_once(rating, file, holders)
            listener = rating.listener.strip() or f"unnamed {rating.session[:8]}"
            for sound in sounds.get(rating.sound, ()):
                _require_place(rating, sound.passage, file)
                own.append(Opinion(listener, sound, rating.rating))
        _require_some(own, ratings, file)
        num_unknown = sum(rating.sound not in sounds for rating in ratings)
        if num_unknown:
            num_others[file] = num_unknown
        opinions += own
    num_ratings = sum(map(len, files.values())) - sum(num_others.values())
    return Matched(opinions, num_ratings, num_others)


def _require_once(rating: Rating, file: str, holders: dict[tuple[str, str, str, str], str]) -> None:
    key = (rating.session, rating.page, rating.sound, rating.system)
    if key in holders:
        raise ValueError(
            f"{file} has a rating of {_words(rating)} that {holders[key]} has from the same "
            "listener and page; name the newest file of each listener alone."
        )
    holders[key] = file


def _require_place(rating: Rating, passage: Passage, file: str) -> None:
    place = (passage.track, passage.source, passage.start_secs)
    if (rating.track, rating.source, rating.start_secs) != place:
        raise ValueError(
            f"{file} was changed: it has a rating of {_words(rating)}, but the sound {rating.sound}"
            f" is track {passage.track}, {passage.start_secs:g} s, {passage.source}."
        )


def _require_some(opinions: Sequence[Opinion], ratings: Sequence[Rating], file: str) -> None:
    if not opinions:
        systems = ", ".join(dict.fromkeys(rating.system for rating in ratings))[:500]
        raise ValueError(
            f"{file} has {pluralized(len(ratings), 'rating')}, none of a sound of these runs, but "
            f"of other sounds that their page calls {systems}; compare the runs of that page."
        )


def _words(rating: Rating) -> str:
    return f"track {rating.track}, {rating.start_secs:g} s, {rating.source}, {rating.system}"
