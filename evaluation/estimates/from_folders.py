"""Find the tracks of folders that hold what any system estimated, and what it should have: a sound file per source.

    REFERENCES/TRACK/vocals.wav, drums.wav, ...   and mixture.wav, if it is not the sum of the sources
    ESTIMATES/TRACK/vocals.wav, drums.wav, ...

A TRACK may lie in further folders, as in MUSDB18-HQ (``test/NAME``), in both the same. Files are wav or flac, of any
rate and channels, one and the same for all. An estimate of a source that a track does not have is scored by what it
leaks.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from data_prep.runtime.quantities import pluralized
from evaluation.estimates.track_on_disk import TrackOnDisk

MODEL = "model"
SUFFIXES = (".wav", ".flac")
_MIXTURE = "mixture"
_BLOCK_FRAMES = 2**18  # read at a time

Files = dict[str, Path]  # by the name of the source


class FileFormat(NamedTuple):
    """What all files of a track have in common."""

    sample_rate: int
    channels: int
    num_frames: int

    def __str__(self) -> str:
        return f"{pluralized(self.num_frames, 'frame')} of {pluralized(self.channels, 'channel')} at {self.sample_rate} Hz"


class Found(NamedTuple):
    """The tracks to score, and those that have no estimates."""

    tracks: list[TrackOnDisk]
    left_out: list[str]


def find_tracks(estimates: Path, references: Path) -> Found:
    """The tracks that have estimates, by name, every file opened once.

    Raises:
        ValueError: there are none, one has no references or lacks the estimate of a source, or files cannot be read or
            do not agree in rate, channels or length.
    """
    estimated, true = _list_files(estimates), _list_files(references)
    unknown = sorted(estimated.keys() - true.keys())
    if unknown:
        raise ValueError(
            f"{references} has no track {unknown[0]}, which {estimates} has; expected the same folders in both, it has "
            f"{', '.join(sorted(true)[:3])}."
        )
    tracks = [_make_track(name, estimated[name], true[name]) for name in sorted(estimated)]
    first = tracks[0]
    for track in tracks:
        if (track.sample_rate, track.channels) != (first.sample_rate, first.channels):
            raise ValueError(
                f"the track {track.name} has {pluralized(track.channels, 'channel')} at {track.sample_rate} Hz, "
                f"{first.name} has {first.channels} at {first.sample_rate} Hz; score them apart, their scores do not "
                f"compare."
            )
    return Found(tracks, sorted(true.keys() - estimated.keys()))


def refuse_what_is_no_number(tracks: Iterable[TrackOnDisk]) -> None:
    """Read every file that may hold what is no number, that is of float samples, before the first track is scored.

    Raises:
        ValueError: one does.
    """
    for path in (path for track in tracks for path in track.paths):
        with soundfile.SoundFile(path) as file:
            if file.subtype not in ("FLOAT", "DOUBLE"):
                continue
            for start in range(0, file.frames, _BLOCK_FRAMES):
                broken = ~np.isfinite(file.read(_BLOCK_FRAMES, always_2d=True)).all(axis=1)
                if broken.any():
                    secs = (start + int(broken.argmax())) / file.samplerate
                    raise ValueError(
                        f"{path} has a value that is not a finite number at {secs:.3f} s; mend the file, or take its "
                        "track out of the estimates."
                    )


def _list_files(root: Path) -> dict[str, Files]:
    """The sound files of each folder under ``root`` that has any, by its path from there."""
    if not root.is_dir():
        raise ValueError(
            f"{root} is not a folder; expected one with a folder per track, and a file per source in it."
        )
    found: dict[str, Files] = {}
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() not in SUFFIXES or any(
            part.startswith(".") for part in path.relative_to(root).parts
        ):
            continue
        track = path.parent.relative_to(root).as_posix()
        if path.parent == root:
            raise ValueError(
                f"{path} lies in no folder of a track; expected {root}/TRACK/{path.name}."
            )
        files = found.setdefault(track, {})
        if path.stem in files:
            raise ValueError(
                f"{files[path.stem]} and {path} are both {path.stem} of {track}; remove one of them."
            )
        files[path.stem] = path
    if not found:
        raise ValueError(
            f"{root} holds no {' or '.join(SUFFIXES)} files; expected {root}/TRACK/SOURCE.wav."
        )
    return found


def _make_track(name: str, estimates: Files, references: Files) -> TrackOnDisk:
    mixture = references.pop(_MIXTURE, None)
    estimates.pop(_MIXTURE, None)  # some systems copy it to what they estimate
    missing = sorted(references.keys() - estimates.keys())
    if missing or not references:
        what = f"the estimate of {', '.join(missing)}" if missing else "a reference of any source"
        raise ValueError(
            f"the track {name} lacks {what}; every source that a track has must be there as a file."
        )
    form = _common_form(
        name, {path: read_form(path) for path in _all(mixture, references, estimates)}
    )
    vocabulary = tuple(sorted(references.keys() | estimates.keys()))
    form_fields = form.sample_rate, form.channels, form.num_frames
    return TrackOnDisk(name, vocabulary, *form_fields, mixture, references, {MODEL: estimates})


def _all(mixture: Path | None, *files: Files) -> list[Path]:
    return [*([mixture] if mixture else []), *(path for each in files for path in each.values())]


def _common_form(name: str, forms: Mapping[Path, FileFormat]) -> FileFormat:
    (first, expected), *others = forms.items()
    for path, form in others:
        if form != expected:
            raise ValueError(
                f"the track {name}: {path} has {form}, but {first} has {expected}; expected the same."
            )
    if expected.num_frames == 0:
        raise ValueError(f"the track {name}: {first} holds no frames; expected sound.")
    return expected


def read_form(path: Path) -> FileFormat:
    """What the header of a file says; ``ValueError`` where it is no sound file."""
    try:
        info = soundfile.info(path)
    except (soundfile.SoundFileError, OSError) as error:
        raise ValueError(f"{path} is no readable sound file ({error}).") from error
    return FileFormat(info.samplerate, info.channels, info.frames)
