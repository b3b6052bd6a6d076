"""One track from its files to encoded records: decoded once, checked, resampled whole, cut, written to scratch."""

import hashlib
import json
import zipfile
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

import numpy as np

from configs import Config
from data_prep.audio.loading import load_track
from data_prep.audio.tracks import (
    MIXTURE,
    AudioFormat,
    Original,
    Track,
    TrackFiles,
    with_accompaniment,
)
from data_prep.fingerprints.sketches import Sketch, make_sketch
from data_prep.records.excerpts import iter_excerpts
from data_prep.records.format import FORMAT_VERSION, encode, framed
from data_prep.records.manifest import TrackEntry, layout_of, track_from_tree
from data_prep.storage.files import Checksum, Stored, checksum, replacing


@dataclass(frozen=True)
class TrackJob:
    """A track to prepare."""

    files: TrackFiles
    config: Config
    scratch: Path | None  # None: look at the track, write nothing
    placed: frozenset[str] = (
        frozenset()
    )  # keys of tracks whose records are in their place, and no longer in scratch

    @property
    def num_bytes(self) -> int:
        """Size of the files, a measure of the work; 0 for what is not there."""
        return sum(path.stat().st_size for path in self.files.paths if path.is_file())

    @property
    def key(self) -> str:
        """A name for all that the records of the track depend on: the format, the config, and the files."""
        parts = [str(FORMAT_VERSION), str(self.config.audio), str(self.config.data)]
        parts += [instrument for instrument, _ in self.files.sources]
        files = [(path, path.stat()) for path in self.files.paths]
        parts += [
            f"{path.parent.name}/{path.name} {stat.st_size} {stat.st_mtime_ns}"
            for path, stat in files
        ]
        return hashlib.sha256("|".join(parts).encode()).hexdigest()[:24]


@dataclass(frozen=True)
class Prepared:
    """A track that was read, and its records where they were asked for."""

    files: TrackFiles
    errors: tuple[str, ...] = ()  # a sentence each; then there is nothing else
    original: Original | None = None
    entry: TrackEntry | None = None
    sketches: dict[str, Sketch] | None = (
        None  # of the mixture and the sources, at the rate of the records
    )
    key: str = ""  # of the job
    stored: Stored | None = None  # size and checksum of its records
    is_new: bool = True  # or of an earlier job

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd about the track, a sentence each."""
        return self.entry.warnings if self.entry else ()


def prepare(job: TrackJob) -> Prepared:
    """Read a track and write its records to ``job.scratch``, unless an earlier call did; bad tracks become errors.

    Raises:
        OSError: the records cannot be written.
    """
    try:
        key = job.key
        if job.scratch and (found := _prepared_before(job, job.scratch, key)):
            return found
        track = load_for(job.config, job.files)
    except (ValueError, OSError) as error:
        return Prepared(job.files, errors=(str(error),))
    waveforms = {MIXTURE: track.mixture, **track.sources}
    sketches = {
        name: make_sketch(waveform, track.sample_rate) for name, waveform in waveforms.items()
    }
    if job.scratch is None:
        return Prepared(job.files, (), track.original, _entry(track, 0), sketches)
    return _write(job, job.scratch, key, track, sketches)


def load_for(config: Config, files: TrackFiles) -> Track:
    """A track as the records of an experiment want it.

    Raises:
        ValueError: it cannot be read, or has sources that the vocabulary does not name.
    """
    track = with_accompaniment(
        load_track(files, AudioFormat(*astuple(config.audio))), config.data.sources
    )
    unknown = sorted(set(track.sources) - set(config.data.sources))
    if unknown:
        raise ValueError(
            f"{track.name} has the sources {', '.join(unknown)}, which the vocabulary does not name; it names "
            f"{', '.join(config.data.sources)}."
        )
    return track


def records_path(scratch: Path, key: str) -> Path:
    """Where the records of a track lie until they become part of a shard."""
    return scratch / f"{key}.tfrecord"


def _write(
    job: TrackJob, scratch: Path, key: str, track: Track, sketches: dict[str, Sketch]
) -> Prepared:
    """The records first, what is known of them last, so that whoever finds that finds all."""
    layout, num_excerpts, whole = layout_of(job.config), 0, Checksum()
    with replacing(records_path(scratch, key), flush=False) as path, path.open("wb") as file:
        for excerpt in iter_excerpts(track, job.config.data):
            for part in framed(encode(excerpt, layout)):
                file.write(part)
                whole.update(part)
            num_excerpts += 1
    entry, stored = _entry(track, num_excerpts), whole.stored()
    with replacing(scratch / f"{key}.npz", flush=False) as path, path.open("wb") as file:
        np.savez(file, **sketches)
    with replacing(scratch / f"{key}.json", flush=False) as path:
        tree = {"original": track.original, "entry": asdict(entry), "stored": stored}
        path.write_text(json.dumps(tree), encoding="utf-8")
    return Prepared(job.files, (), track.original, entry, sketches, key, stored)


def _prepared_before(job: TrackJob, scratch: Path, key: str) -> Prepared | None:
    """What an earlier job left of the same track; None where it is not whole."""
    try:
        tree = json.loads((scratch / f"{key}.json").read_text(encoding="utf-8"))
        with (scratch / f"{key}.npz").open("rb") as file, np.load(file) as arrays:
            sketches = dict(arrays)
        stored, entry = Stored(*tree["stored"]), track_from_tree(tree["entry"])
        if key not in job.placed and checksum(records_path(scratch, key)) != stored:
            return None
        return Prepared(
            job.files, (), Original(*tree["original"]), entry, sketches, key, stored, is_new=False
        )
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None


def _entry(track: Track, num_excerpts: int) -> TrackEntry:
    residual = None if track.residual_db == -np.inf else round(track.residual_db, 2)
    return TrackEntry(
        track.name, len(track.mixture), num_excerpts, track.num_parts, residual, track.warnings
    )
