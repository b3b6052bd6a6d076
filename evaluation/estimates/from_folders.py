"""Finds the tracks of two folders: what any system estimated, and what it should have.

Both hold a sound file per source:

    REFERENCES/TRACK/vocals.wav, drums.wav, ...
    ESTIMATES/TRACK/vocals.wav, drums.wav, ...

and the references also mixture.wav, if the mixture is not the sum of the sources.

A TRACK may lie in further folders, as in MUSDB18-HQ (``test/NAME``), in both the same. Files are
wav or flac, of any rate and channels, one and the same for all. An estimate of a source that a
track does not have is scored by what it leaks. Estimates may be a little shorter or longer than
their references, as those of systems with a Fourier transform are: they are padded or cut, as
museval does. A system may estimate some sources alone, in all tracks: the others together are the
accompaniment, which it may estimate too.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from configs.instruments import ACCOMPANIMENT
from data_prep.runtime.quantities import pluralized
from evaluation.estimates.track_on_disk import TrackOnDisk
from evaluation.scores.table import MODEL

SUFFIXES = (".wav", ".flac")
_MIXTURE = "mixture"
# By how much an estimate may be shorter or longer than its reference.
_MOST_OFF_SECS = 0.1
# Read at a time, so that a long file takes little memory.
_BLOCK_FRAMES = 2**18
# Encodings that can hold NaN or infinity; those of integers cannot.
_FLOAT_SUBTYPES = ("FLOAT", "DOUBLE")

# By the name of the source.
Files = dict[str, Path]


class FileFormat(NamedTuple):
    """Holds what all files of a track have in common."""

    sample_rate: int
    channels: int
    num_frames: int

    def __str__(self) -> str:
        frames = pluralized(self.num_frames, "frame")
        channels = pluralized(self.channels, "channel")
        return f"{frames} of {channels} at {self.sample_rate} Hz"


class FoundTracks(NamedTuple):
    """Holds the tracks to score, and the names of those that have no estimates."""

    tracks: list[TrackOnDisk]
    left_out: list[str]
    # Estimates that are shorter or longer than their references, by how many frames.
    off: dict[Path, int]
    # Sources that no track has an estimate of.
    accompaniment: list[str]


def find_tracks(estimates: Path, references: Path) -> FoundTracks:
    """Finds the tracks that have estimates, in the order of their names, opening every file once.

    Raises:
        ValueError: there are none, one has no references or lacks the estimate of a source, or
            files cannot be read or do not agree in rate, channels or length.
    """
    estimate_files = _list_files(estimates)
    reference_files = _list_files(references)
    # The other way round is no error: such a track is left out, and named.
    unknown = sorted(estimate_files.keys() - reference_files.keys())
    if unknown:
        raise ValueError(
            f"{references} has no track {unknown[0]}, which {estimates} has; expected the same "
            f"folders in both, it has {', '.join(sorted(reference_files)[:3])}."
        )
    off: dict[Path, int] = {}
    estimated = {source for files in estimate_files.values() for source in files}
    accompaniment: set[str] = set()
    tracks = []
    for name in sorted(estimate_files):
        sources = reference_files[name].keys() - {_MIXTURE}
        # What is estimated in no track; of a source that is, every track must have an estimate.
        others = sources - estimated
        if others == sources and ACCOMPANIMENT not in estimated:
            others = set()
        accompaniment |= others
        tracks.append(_make_track(name, estimate_files[name], reference_files[name], others, off))
    _require_one_format(tracks)
    left_out = sorted(reference_files.keys() - estimate_files.keys())
    return FoundTracks(tracks, left_out, off, sorted(accompaniment))


def refuse_what_is_no_number(tracks: Iterable[TrackOnDisk]) -> None:
    """Reads every file that may hold what is no number, before the first track is scored.

    Raises:
        ValueError: a file holds a value that is NaN or infinite.
    """
    for track in tracks:
        for path in track.paths:
            _refuse_what_is_no_number_in(path)


def _refuse_what_is_no_number_in(path: Path) -> None:
    with soundfile.SoundFile(path) as file:
        if file.subtype not in _FLOAT_SUBTYPES:
            return
        for start in range(0, file.frames, _BLOCK_FRAMES):
            # (T, C) -> (T,)
            broken = ~np.isfinite(file.read(_BLOCK_FRAMES, always_2d=True)).all(axis=1)
            if broken.any():
                # argmax finds the first of them.
                secs = (start + int(broken.argmax())) / file.samplerate
                raise ValueError(
                    f"{path} has a value that is not a finite number at {secs:.3f} s; mend the "
                    "file, or take its track out of the estimates."
                )


def _require_one_format(tracks: list[TrackOnDisk]) -> None:
    first = tracks[0]
    for track in tracks:
        if track.sample_rate != first.sample_rate or track.channels != first.channels:
            channels = pluralized(track.channels, "channel")
            raise ValueError(
                f"the track {track.name} has {channels} at {track.sample_rate} Hz, {first.name} "
                f"has {first.channels} at {first.sample_rate} Hz; score them apart, their scores "
                "do not compare."
            )


def _list_files(root: Path) -> dict[str, Files]:
    """Returns the sound files of each folder under ``root`` that has any, by its path from there.

    Raises:
        ValueError: ``root`` is no folder or holds no sound files, one lies in no folder of a track,
            or two of a track bear the name of one source.
    """
    if not root.is_dir():
        raise ValueError(
            f"{root} is not a folder; expected one with a folder per track, and a file per source "
            "in it."
        )
    files_of_tracks: dict[str, Files] = {}
    for path in sorted(root.rglob("*")):
        if not _is_sound_file(path, root):
            continue
        if path.parent == root:
            raise ValueError(
                f"{path} lies in no folder of a track; expected {root}/TRACK/{path.name}."
            )
        track = path.parent.relative_to(root).as_posix()
        files = files_of_tracks.setdefault(track, {})
        if path.stem in files:
            raise ValueError(
                f"{files[path.stem]} and {path} are both {path.stem} of {track}; remove one of "
                "them."
            )
        files[path.stem] = path
    if not files_of_tracks:
        raise ValueError(
            f"{root} holds no {' or '.join(SUFFIXES)} files; expected {root}/TRACK/SOURCE.wav."
        )
    return files_of_tracks


def _is_sound_file(path: Path, root: Path) -> bool:
    if path.suffix.lower() not in SUFFIXES:
        return False
    # macOS leaves ._NAME.wav beside NAME.wav, which is no sound.
    return not any(part.startswith(".") for part in path.relative_to(root).parts)


def _make_track(
    name: str,
    estimates: Files,
    references: Files,
    accompaniment: Collection[str],
    off: dict[Path, int],
) -> TrackOnDisk:
    """Makes a track, and adds to ``off`` what its estimates are longer than its references.

    Args:
        name: of the track.
        estimates: its files.
        references: its files.
        accompaniment: the sources that count as one.
        off: gets the estimates that are longer or shorter than their references.
    """
    sources = {source: path for source, path in references.items() if source != _MIXTURE}
    # Some systems copy the mixture to what they estimate; nothing is scored by it.
    estimated = {source: path for source, path in estimates.items() if source != _MIXTURE}
    missing = sorted(sources.keys() - set(accompaniment) - estimated.keys())
    if missing:
        _refuse_track(name, f"the estimate of {', '.join(missing)}")
    if not sources:
        _refuse_track(name, "a reference of any source")
    mixture = references.get(_MIXTURE)
    paths = [] if mixture is None else [mixture]
    paths += sources.values()
    # Only headers are read: a corpus of hours is listed in seconds.
    formats = {path: _read_file_format(path) for path in paths}
    num_frames = next(iter(formats.values())).num_frames
    short_files = {}
    for path in estimated.values():
        found = _read_file_format(path)
        num_more = found.num_frames - num_frames
        if num_more and abs(num_more) <= _MOST_OFF_SECS * found.sample_rate:
            off[path] = num_more
            if num_more < 0:
                short_files[path] = found.num_frames
            found = found._replace(num_frames=num_frames)
        formats[path] = found
    file_format = _common_format(name, formats)
    sums = {}
    if accompaniment:
        sums[ACCOMPANIMENT] = tuple(sources.pop(source) for source in sorted(accompaniment))
    return TrackOnDisk(
        name=name,
        # An estimate of what the track does not have has a slot, too, which is silent.
        vocabulary=tuple(sorted(sources.keys() | sums.keys() | estimated.keys())),
        sample_rate=file_format.sample_rate,
        channels=file_format.channels,
        num_frames=file_format.num_frames,
        mixture=mixture,
        references=sources,
        systems={MODEL: estimated},
        short_files=short_files,
        sums=sums,
    )


def _refuse_track(name: str, missing: str) -> None:
    raise ValueError(
        f"the track {name} lacks {missing}; every source that a track has must be there as a file."
    )


def _common_format(track: str, formats: Mapping[Path, FileFormat]) -> FileFormat:
    (first, expected), *others = formats.items()
    for path, file_format in others:
        if file_format != expected:
            raise ValueError(
                f"the track {track}: {path} has {file_format}, but {first} has {expected}; "
                "expected the same."
            )
    if expected.num_frames == 0:
        raise ValueError(f"the track {track}: {first} holds no frames; expected sound.")
    return expected


def _read_file_format(path: Path) -> FileFormat:
    """Reads what the header of a file says; ``ValueError`` where it is no sound file."""
    try:
        info = soundfile.info(path)
    except (soundfile.SoundFileError, OSError) as error:
        raise ValueError(f"{path} is no readable sound file ({error}).") from error
    return FileFormat(info.samplerate, info.channels, info.frames)
