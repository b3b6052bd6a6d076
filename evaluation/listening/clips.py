"""What of a run can be listened to: its best and its worst segments, and one stretch that all runs have in common.

They lie beside the scores in ``clips.zip``, sounds as FLAC with ``clips.json`` that says what they are, so that a page
can be made again, and runs be compared by ear, without a network.
"""

import json
import math
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from data_prep.storage.files import replacing
from evaluation.listening.sounds import Sound, Waveform, encode, match_levels
from evaluation.scores.aggregates import segment_key
from evaluation.scores.improvement import improvements_by_segment
from evaluation.scores.table import Row

FILE_NAME = "clips.zip"
SCHEMA_VERSION = 1  # of clips.json
NUM_EXTREMES = 4  # best ones, and as many worst ones
AROUND_SECS = 1.0  # heard before and after a scored segment
COMMON_SECS = 5.0

Why = Literal["common", "worst", "best"]


@dataclass(frozen=True)
class Choice:
    """A stretch of a track worth hearing, for one source."""

    why: Why
    track: str
    source: str
    start_secs: float  # of what is heard
    stop_secs: float
    segment_secs: tuple[float, float] | None = (
        None  # the scored segment within it, in seconds of the track
    )

    def frames(self, sample_rate: int, num_frames: int) -> tuple[int, int]:
        """The first frame of it, and the one behind its last, in a track of so many frames."""
        return round(self.start_secs * sample_rate), min(
            round(self.stop_secs * sample_rate), num_frames
        )


class ClipWaveforms(NamedTuple):
    """What a choice chose, each of shape (frames, channels)."""

    mixture: Waveform
    reference: Waveform
    estimate: Waveform


Read = Callable[[Choice], ClipWaveforms]  # as far as the track reaches


@dataclass(frozen=True)
class RecordedClip:
    """A choice with its sounds, by the names of the fields of ``ClipWaveforms``."""

    choice: Choice
    sample_rate: int
    sounds: Mapping[str, Sound]


def choose(rows: Sequence[Row], segment_secs: float) -> list[Choice]:
    """What to listen to.

    The common stretch follows from the references alone, so that it is the same for every run on these tracks: of the
    first track with the most sources, the first ``COMMON_SECS`` in which most of them sound. The best and the worst
    segments are those of the highest and the lowest improvement over the mixture, one at most of each source of a
    track; where there are too few for both, none is in both.
    """
    model = [row for row in rows if row.system == "model"]
    found = improvements_by_segment(rows)
    by_part: dict[tuple[str, str], list[tuple[float, Row]]] = defaultdict(list)
    for row in model:
        gain = found.get(segment_key(row))
        if gain is not None and math.isfinite(gain):
            by_part[row.track, row.source].append((gain, row))
    worst = sorted((min(part, key=_gain) for part in by_part.values()), key=_gain)
    best = sorted((max(part, key=_gain) for part in by_part.values()), key=_gain, reverse=True)
    half = (sum(map(len, by_part.values())) + 1) // 2
    bad = [row for _, row in worst[: min(NUM_EXTREMES, half)]]
    good = [row for _, row in best if row not in bad][:NUM_EXTREMES]
    extremes = [_around("worst", row, segment_secs) for row in bad] + [
        _around("best", row, segment_secs) for row in good
    ]
    return [*_common(model), *extremes]


def _gain(pair: tuple[float, Row]) -> float:
    return pair[0]


def _around(why: Why, row: Row, segment_secs: float) -> Choice:
    stop = row.start_secs + segment_secs
    heard = max(row.start_secs - AROUND_SECS, 0.0), stop + AROUND_SECS
    return Choice(why, row.track, row.source, *heard, (row.start_secs, stop))


def _common(rows: Sequence[Row]) -> Iterator[Choice]:
    sounding: dict[str, dict[float, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        if row.status not in ("absent", "silent_mixture"):
            sounding[row.track][row.start_secs].add(row.source)
    if not sounding:
        return
    track = max(sounding, key=lambda name: len(set().union(*sounding[name].values())))

    def sources(start: float) -> list[set[str]]:
        return [
            each for secs, each in sounding[track].items() if start <= secs < start + COMMON_SECS
        ]

    start = max(sorted(sounding[track]), key=lambda each: sum(map(len, sources(each))))
    heard = set().union(*sources(start))
    for source in dict.fromkeys(row.source for row in rows):
        if source in heard:
            yield Choice("common", track, source, start, start + COMMON_SECS)


def record(choices: Sequence[Choice], read: Read, sample_rate: int) -> Iterator[RecordedClip]:
    """The sounds of every choice, all of one choice at one level."""
    for choice in choices:
        waveforms = read(choice)
        levels = zip(waveforms, match_levels(waveforms), strict=True)
        sounds = [encode(waveform, level, sample_rate) for waveform, level in levels]
        yield RecordedClip(
            choice, sample_rate, dict(zip(ClipWaveforms._fields, sounds, strict=True))
        )


def write_clips(path: Path, recordings: Sequence[RecordedClip]) -> None:
    """Write the archive, whole or not at all."""
    described: list[dict[str, Any]] = []
    with (
        replacing(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive,
    ):
        for number, recording in enumerate(recordings):
            takes = {}
            for take, sound in recording.sounds.items():
                name = f"{number:02}_{recording.choice.why}_{take}.flac"
                archive.writestr(_entry(name), sound.flac)
                takes[take] = {"file": name, "gain_db": sound.gain_db}
            described.append(
                {**asdict(recording.choice), "sample_rate": recording.sample_rate, "takes": takes}
            )
        tree = {"schema_version": SCHEMA_VERSION, "clips": described}
        archive.writestr(_entry("clips.json"), json.dumps(tree, indent=1))


def _entry(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name)  # of no date: the same sounds give the same bytes


def read_clips(path: Path) -> list[RecordedClip]:
    """What :func:`write_clips` wrote; nothing where there is no such file.

    Raises:
        ValueError: it is another file.
    """
    if not path.exists():
        return []
    try:
        with zipfile.ZipFile(path) as archive:
            tree = json.loads(archive.read("clips.json"))
            if tree["schema_version"] != SCHEMA_VERSION:
                raise ValueError(f"schema version {tree['schema_version']}, not {SCHEMA_VERSION}")
            return [_recording(archive, each) for each in tree["clips"]]
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} holds no clips of evaluation.evaluate ({error}); remove it."
        ) from error


def _recording(archive: zipfile.ZipFile, tree: dict[str, Any]) -> RecordedClip:
    takes, sample_rate = tree.pop("takes"), tree.pop("sample_rate")
    segment = tree.pop("segment_secs")
    choice = Choice(**tree, segment_secs=tuple(segment) if segment else None)
    sounds = {
        take: Sound(archive.read(each["file"]), each["gain_db"]) for take, each in takes.items()
    }
    return RecordedClip(choice, sample_rate, sounds)
