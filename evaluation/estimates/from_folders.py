"""Finds the tracks of two folders: what any system estimated, and what it should have.

Both hold a sound file per source:

    REFERENCES/TRACK/vocals.wav, drums.wav, ...
    ESTIMATES/TRACK/vocals.wav, drums.wav, ...

and the references also mixture.wav, if the mixture is not the sum of the sources.

A TRACK may lie in further folders, as in MUSDB18-HQ (``test/NAME``), in both the same. Files are of
any kind that the project decodes, of any rate and channels, one and the same for all. They may be a
little shorter or longer than the first of their track, as what a lossy codec or a system with a
Fourier transform makes is: they are padded or cut, as museval does. An estimate of a source that a
track does not have is scored by what it leaks. A system may estimate some sources alone, in all
tracks: the others together are the accompaniment, which it may estimate too.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import NamedTuple

from configs.instruments import ACCOMPANIMENT, RESIDUAL
from data_prep.audio.decoding import DecodedFile, is_sound_name
from data_prep.audio.tracks import MIXTURE
from data_prep.runtime.quantities import pluralized
from evaluation.estimates.sound_files import (
    FileFormat,
    open_lossless,
    read_format,
    require_whole,
)
from evaluation.estimates.track_on_disk import TrackOnDisk, write_blocks
from evaluation.scores.table import MODEL

# By how much a file may be shorter or longer than the first of its track.
_MOST_OFF_SECS = 0.1

# By the name of the source.
Files = dict[str, Path]


class FoundTracks(NamedTuple):
    """Holds the tracks to score, and the names of those that have no estimates."""

    tracks: list[TrackOnDisk]
    left_out: list[str]
    # Files that are shorter or longer than the first of their track, by how many frames.
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
        sources = reference_files[name].keys() - {MIXTURE}
        # What is estimated in no track; of a source that is, every track must have an estimate.
        others = sources - estimated
        if others == sources and ACCOMPANIMENT not in estimated:
            others = set()
        accompaniment |= others
        tracks.append(_make_track(name, estimate_files[name], reference_files[name], others, off))
    _require_one_format(tracks)
    left_out = sorted(reference_files.keys() - estimate_files.keys())
    return FoundTracks(tracks, left_out, off, sorted(accompaniment))


def iter_readable(tracks: Sequence[TrackOnDisk], scratch: Path) -> Iterator[TrackOnDisk]:
    """Yields tracks in files from which any frames can be read.

    Args:
        tracks: as they were found.
        scratch: folder for what is decoded, which is overwritten when the next track is asked for.

    Raises:
        ValueError: a file is damaged, or holds a value that is NaN or infinite. This comes before
            the first track, so that no other is scored in vain.
    """
    for track in tracks:
        for path in track.paths:
            require_whole(path)
    for track in tracks:
        yield _decoded(track, scratch)


def _decoded(track: TrackOnDisk, scratch: Path) -> TrackOnDisk:
    """Returns a track whose files that have to be decoded were written to a folder as wav."""
    places = {}
    for number, path in enumerate(track.paths):
        lossless = open_lossless(path)
        if lossless is not None:
            lossless.close()
            continue
        places[path] = scratch / f"decoded-{number}.wav"
        file = DecodedFile(path)
        blocks = ({path.name: block} for block in file.iter_blocks())
        write_blocks({path.name: places[path]}, *file.audio_format, blocks)
    return track.moved(places)


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
        track = _as_text(path.parent.relative_to(root).as_posix())
        source = _as_text(path.stem)
        files = files_of_tracks.setdefault(track, {})
        if source in files:
            raise ValueError(
                f"{files[source]} and {path} are both {source} of {track}; remove one of them."
            )
        files[source] = path
    if not files_of_tracks:
        raise ValueError(f"{root} holds no sound files; expected {root}/TRACK/SOURCE.wav.")
    return files_of_tracks


def _as_text(name: str) -> str:
    """Returns a name as scores have it: bytes that are no text escaped, accents with their letters.

    A Mac writes them apart.
    """
    return unicodedata.normalize("NFC", name.encode("utf-8", "backslashreplace").decode())


def _is_sound_file(path: Path, root: Path) -> bool:
    if not is_sound_name(path) or path.is_dir():
        return False
    return not any(part.startswith(".") for part in path.relative_to(root).parts)


def _make_track(
    name: str,
    estimates: Files,
    references: Files,
    accompaniment: Set[str],
    off: dict[Path, int],
) -> TrackOnDisk:
    """Makes a track, and adds to ``off`` its files that are longer or shorter than the first.

    The sources of the accompaniment count as one.
    """
    sources = {source: path for source, path in references.items() if source != MIXTURE}
    # Some systems copy the mixture to what they estimate, ours adds what it leaves of it.
    estimated = {
        source: path for source, path in estimates.items() if source not in (MIXTURE, RESIDUAL)
    }
    _require_complete(name, sources.keys(), estimated.keys() | accompaniment)
    mixture = references.get(MIXTURE)
    paths = [] if mixture is None else [mixture]
    paths += [*sources.values(), *estimated.values()]
    formats = {path: read_format(path) for path in paths}
    first = _require_alike(name, formats)
    longer = {path: found.num_frames - first.num_frames for path, found in formats.items()}
    off.update({path: num_frames for path, num_frames in longer.items() if num_frames})
    sums = {}
    if accompaniment:
        sums[ACCOMPANIMENT] = tuple(sources.pop(source) for source in sorted(accompaniment))
    return TrackOnDisk(
        name=name,
        # An estimate of what the track does not have has a slot, too, which is silent.
        vocabulary=tuple(sorted(sources.keys() | sums.keys() | estimated.keys())),
        sample_rate=first.sample_rate,
        channels=first.channels,
        num_frames=first.num_frames,
        mixture=mixture,
        references=sources,
        systems={MODEL: estimated},
        short_files={path: formats[path].num_frames for path in paths if longer[path] < 0},
        sums=sums,
    )


def _require_complete(track: str, sources: Set[str], estimated: Set[str]) -> None:
    missing = ", ".join(f"the estimate of {source}" for source in sorted(sources - estimated))
    if not sources:
        missing = "a reference of any source"
    if missing:
        raise ValueError(
            f"the track {track} lacks {missing}; every source that a track has must be there as a "
            "file."
        )


def _require_alike(track: str, formats: Mapping[Path, FileFormat]) -> FileFormat:
    """Returns the format of the first file of a track; ``ValueError`` where another one differs."""
    (first, expected), *others = formats.items()
    for path, found in others:
        most_off = _MOST_OFF_SECS * expected.sample_rate
        is_near = abs(found.num_frames - expected.num_frames) <= most_off
        if found[:2] != expected[:2] or not is_near:
            raise ValueError(
                f"the track {track}: {path} has {found}, but {first} has {expected}; expected the "
                "same."
            )
    return expected
