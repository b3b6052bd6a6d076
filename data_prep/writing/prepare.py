"""Prepares one track: decodes its files once, checks, resamples, cuts and encodes them to records.

The records go to a scratch folder, where a later call finds them again.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

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
from data_prep.records.entries import CONTEXT, NOTES, CorpusFile, TrackEntry, track_from_values
from data_prep.records.excerpts import iter_excerpts
from data_prep.records.format import FORMAT_VERSION, encode
from data_prep.records.manifest import layout_of
from data_prep.records.wire_format import framed
from data_prep.storage.files import Checksum, Digest
from data_prep.writing.scratch import Scratch


@dataclass(frozen=True)
class TrackToPrepare:
    """Says which track is to be prepared, and how."""

    files: TrackFiles
    config: Config
    # Where its records go; with None the track is looked at, and nothing is written.
    scratch: Scratch | None
    # The keys of tracks whose records are part of a shard by now, and no longer in scratch.
    keys_in_place: frozenset[str] = frozenset()

    @property
    def num_bytes(self) -> int:
        """Returns the size of the files, a measure of the work; 0 for what is not there."""
        return sum(path.stat().st_size for path in self.files.paths if path.is_file())

    def key(self, contents: Sequence[CorpusFile]) -> str:
        """Returns a name for all that the records depend on: the format, the config, the files."""
        parts = [str(FORMAT_VERSION), str(self.config.audio), str(self.config.data)]
        parts += [self.files.name, *(str(file) for file in contents)]
        if self.files.annotations:
            parts.append(str(self.files.annotations))
        # A name may be of bytes that are no UTF-8.
        text = "|".join(parts).encode(errors="surrogateescape")
        return hashlib.sha256(text).hexdigest()[:24]


@dataclass(frozen=True)
class PreparedTrack:
    """Holds what is known of a track that was read, and of its records where they were wanted."""

    files: TrackFiles
    # A sentence each; where there is one, nothing else is known.
    errors: tuple[str, ...] = ()
    original: Original | None = None
    entry: TrackEntry | None = None
    # Of the mixture and the sources, at the rate of the records.
    sketches: dict[str, Sketch] | None = None
    # That of the ``TrackToPrepare``; it names the files in scratch.
    key: str = ""
    # The size and checksum of its records.
    digest: Digest | None = None
    # Its files, as far as they can be read.
    contents: tuple[CorpusFile, ...] = ()
    # Whether it was read now, not found in scratch.
    is_new: bool = True

    @property
    def warnings(self) -> tuple[str, ...]:
        """Returns what is odd about the track, a sentence each."""
        return self.entry.warnings if self.entry else ()


def prepare(track: TrackToPrepare) -> PreparedTrack:
    """Reads a track and writes its records to scratch, unless an earlier call did.

    A track that cannot be read is no exception: the sentences are in ``errors``.

    Raises:
        OSError: the records cannot be written.
    """
    contents: tuple[CorpusFile, ...] = ()
    try:
        if track.scratch:
            contents = read_contents(track.files)
            earlier = _prepared_before(track, track.scratch, contents)
            if earlier:
                return earlier
        decoded = load_for(track.config, track.files)
    except (ValueError, OSError) as error:
        return PreparedTrack(track.files, errors=(str(error),), contents=contents)
    waveforms = {MIXTURE: decoded.mixture, **decoded.sources}
    sketches = {
        name: make_sketch(waveform, decoded.sample_rate) for name, waveform in waveforms.items()
    }
    if track.scratch:
        return _write(track, track.scratch, contents, decoded, sketches)
    return PreparedTrack(
        files=track.files,
        original=decoded.original,
        entry=_entry(decoded, 0, track.config.data.sources),
        sketches=sketches,
    )


def read_contents(files: TrackFiles) -> tuple[CorpusFile, ...]:
    """Reads what the files of a track hold, whatever the time of day that they bear.

    Those that cannot be read are left out: whoever decodes them says why.
    """
    labelled = [(label, path) for label, path in files.sources]
    labelled += [(f"{NOTES} {notes.instrument}", notes.path) for notes in files.notes]
    if files.mixture:
        labelled.insert(0, (MIXTURE, files.mixture))
    contents = []
    for label, path in labelled:
        with suppress(OSError):
            contents.append(CorpusFile(path.name, label, *files.digest(path)))
    if files.context:
        whole = Checksum()
        for item in sorted(files.context.items()):
            whole.update(repr(item).encode())
        contents.append(CorpusFile(CONTEXT, CONTEXT, *whole.digest()))
    return tuple(contents)


def load_for(config: Config, files: TrackFiles) -> Track:
    """Reads a track as the records of an experiment want it.

    Raises:
        ValueError: it cannot be read, or has sources that the vocabulary does not name.
    """
    audio_format = AudioFormat(config.audio.sample_rate, config.audio.channels)
    vocabulary = config.data.sources
    track = with_accompaniment(load_track(files, audio_format), vocabulary)
    said = track.said
    named = {"sources": set(track.sources), "labels": {*said.playing, *(said.absent or ())}}
    for what, names in named.items():
        unknown = sorted(names - set(vocabulary))
        if unknown:
            raise ValueError(
                f"{track.name} has the {what} {', '.join(unknown)}, which the vocabulary does not "
                f"name; it names {', '.join(vocabulary)}."
            )
    return track


def _write(
    track: TrackToPrepare,
    scratch: Scratch,
    contents: tuple[CorpusFile, ...],
    decoded: Track,
    sketches: dict[str, Sketch],
) -> PreparedTrack:
    key = track.key(contents)
    layout = layout_of(track.config)
    num_excerpts = 0
    whole = Checksum()
    with scratch.making_records(key) as path, path.open("wb") as file:
        for excerpt in iter_excerpts(decoded, track.config.data):
            for part in framed(encode(excerpt, layout)):
                file.write(part)
                whole.update(part)
            num_excerpts += 1
    entry = _entry(decoded, num_excerpts, track.config.data.sources)
    digest = whole.digest()
    known = {"original": decoded.original, "entry": asdict(entry), "stored": digest}
    scratch.keep(key, known, sketches)
    return PreparedTrack(
        files=track.files,
        original=decoded.original,
        entry=entry,
        sketches=sketches,
        key=key,
        digest=digest,
        contents=contents,
    )


def _prepared_before(
    track: TrackToPrepare, scratch: Scratch, contents: tuple[CorpusFile, ...]
) -> PreparedTrack | None:
    """Returns what an earlier call left of the same track; None where it is not whole."""
    key = track.key(contents)
    found = scratch.find(key)
    if found is None:
        return None
    values, sketches = found
    try:
        digest = Digest(*values["stored"])
        entry = track_from_values(values["entry"])
        original = Original(*values["original"])
    except (ValueError, LookupError, TypeError, AttributeError):
        # Whatever is wrong with these values, the track can be prepared again.
        return None
    if entry.is_damaged and not track.files.read_on:
        return None
    if key not in track.keys_in_place and not scratch.has_records(key, digest):
        return None
    scratch.send(key)
    return PreparedTrack(
        files=track.files,
        original=original,
        entry=entry,
        sketches=sketches,
        key=key,
        digest=digest,
        contents=contents,
        is_new=False,
    )


def _entry(track: Track, num_excerpts: int, vocabulary: tuple[str, ...]) -> TrackEntry:
    """Returns what the manifest says of a track."""
    said = track.said
    return TrackEntry(
        name=track.name,
        num_frames=len(track.mixture),
        num_excerpts=num_excerpts,
        num_parts=track.num_parts,
        residual_db=None if track.residual_db == -np.inf else round(track.residual_db, 2),
        warnings=track.warnings,
        is_damaged=track.is_damaged,
        playing=said.playing,
        unknown=tuple(name for name in vocabulary if said.label_of(name) < 0),
        grades=dict(said.grades),
        tags=said.tags,
        num_notes=len(said.notes),
        context_size=max(map(len, said.context.values()), default=0),
    )
