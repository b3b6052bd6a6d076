"""Reads the original files of a corpus, and writes the estimates of a run beside them.

Both have the rate and the channels of the corpus. Only such scores may stand beside published ones.
Of a track, the mixture and one source at a time are whole in memory (of a stem file, which is
decoded in one pass, all of them); estimates never are.

Axes: K slots, T frames, C channels.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from configs import Config
from configs.instruments import ACCOMPANIMENT
from data_prep.audio.loading import iter_parts
from data_prep.audio.part_notes import notes_of
from data_prep.audio.tracks import AudioFormat, TrackFiles, Waveform
from data_prep.audio.waveforms import add, fit_frames, read_sound
from data_prep.corpora import list_tracks
from evaluation.estimates.estimated_system import EstimatedSystem
from evaluation.estimates.track_on_disk import TrackOnDisk, add_estimates, write_blocks
from trainer.inference.told import NOTHING, Told, rows_of


class _Originals(NamedTuple):
    """Holds the mixture of a track, and the files to which its references were written."""

    audio_format: AudioFormat
    # (T, C)
    mixture: Waveform
    # Of the sources that the track has, in the order of the vocabulary.
    references: dict[str, Path]


def find_originals(system: EstimatedSystem, root: Path) -> dict[str, TrackFiles]:
    """Finds the files of the tracks of a split under ``root``, by name, in the records' order.

    Raises:
        ValueError: ``root`` does not hold the corpus that the records were made from, or not all of
            its tracks.
    """
    manifest = system.manifest
    listing = list_tracks(manifest.corpus, root, manifest.config.data.splits)
    by_name = {files.name: files for files in listing.tracks}
    wanted = [track.name for track in manifest.tracks(system.split)]
    missing = [name for name in wanted if name not in by_name]
    if missing:
        raise ValueError(
            f"{root} has no track {missing[0]}, which the records have ({len(missing)} of "
            f"{len(wanted)} are missing); give the folder of the corpus {manifest.corpus} that "
            "they were written from."
        )
    return {name: by_name[name] for name in wanted}


def iter_original_estimates(
    system: EstimatedSystem,
    originals: Mapping[str, TrackFiles],
    audio_format: AudioFormat,
    skip: Collection[str],
    scratch: Path,
) -> Iterator[TrackOnDisk]:
    """Yields tracks with their estimates.

    Args:
        system: whose estimates they are.
        originals: the files of each track, by its name.
        audio_format: rate and channels that every track must have.
        skip: names of tracks to leave out.
        scratch: folder of the files, which are overwritten when the next track is asked for.

    Raises:
        ValueError: a file cannot be decoded, or a track has another rate or number of channels.
    """
    for name, files in originals.items():
        if name in skip:
            continue
        # Segments and filters depend on the rate: a table holds scores of one rate only.
        found = read_audio_format(files)
        if found != audio_format:
            raise ValueError(
                f"expected {audio_format.sample_rate} Hz and {audio_format.channels} channels as "
                f"in the first track; {name} has {found.sample_rate} Hz and {found.channels}; "
                "convert it, or score the tracks from their records, without --root."
            )
        yield _write_track(system, files, scratch)


def read_audio_format(files: TrackFiles) -> AudioFormat:
    """Reads rate and channels of a track; ``ValueError`` where it cannot be decoded."""
    return next(iter_parts(files)).audio_format


def _write_track(system: EstimatedSystem, files: TrackFiles, scratch: Path) -> TrackOnDisk:
    vocabulary = system.config.data.sources
    audio_format, mixture, references = _write_references(files, vocabulary, scratch)
    mixture_file = scratch / "mixture.wav"
    _write(mixture_file, mixture, audio_format)
    track = TrackOnDisk(
        name=files.name,
        vocabulary=vocabulary,
        sample_rate=audio_format.sample_rate,
        channels=audio_format.channels,
        num_frames=len(mixture),
        mixture=mixture_file,
        references=references,
    )
    # (K, T, C) each, at the rate of the corpus again.
    separator = system.separator.told(_read_told(files, system.config))
    blocks = separator.iter_separated(mixture, audio_format.sample_rate, tuple(references))
    return add_estimates(track, blocks, scratch)


def _read_told(files: TrackFiles, config: Config) -> Told:
    """Reads the notes of a track, where it has some and the network takes them."""
    if not (config.model.takes_notes and files.notes):
        return NOTHING
    sources = config.data.sources
    notes = [
        note
        for file in files.notes
        for note in notes_of(
            file,
            _source_of(file.instrument, files.name, sources),
            config.audio.sample_rate,
        )
    ]
    return Told(rows_of(notes, sources))


def _write_references(files: TrackFiles, vocabulary: Sequence[str], scratch: Path) -> _Originals:
    """Writes the references of a track as long as its mixture, parts of one source summed."""
    paths = {source: scratch / f"reference-{k}.wav" for k, source in enumerate(vocabulary)}
    # Of what was written: parts may differ in length, and a mixture that is a sum still grows.
    lengths: dict[str, int] = {}
    mixture = np.zeros((0, 1), np.float32)
    for part in iter_parts(files):
        audio_format = part.audio_format
        if part.instrument is None:
            mixture = part.waveform
            continue
        source = _source_of(part.instrument, files.name, vocabulary)
        waveform = part.waveform
        if source in lengths:
            # Several parts of one instrument are one source.
            waveform = add(waveform, read_sound(paths[source])[0])
        _write(paths[source], waveform, audio_format)
        lengths[source] = len(waveform)
        if files.mixture is None:
            mixture = add(mixture, part.waveform)
    # Zeros are appended or an end is cut off, as in the records.
    for source, length in lengths.items():
        if length != len(mixture):
            waveform = fit_frames(read_sound(paths[source])[0], len(mixture))
            _write(paths[source], waveform, audio_format)
    references = {source: paths[source] for source in vocabulary if source in lengths}
    return _Originals(audio_format, mixture, references)


def _source_of(instrument: str, track: str, vocabulary: Sequence[str]) -> str:
    """Returns what the network calls an instrument.

    One that it does not know by name is part of the accompaniment, if it knows that.
    """
    if instrument in vocabulary:
        return instrument
    if ACCOMPANIMENT not in vocabulary:
        raise ValueError(
            f"{track} has the source {instrument}; the network knows {', '.join(vocabulary)}."
        )
    return ACCOMPANIMENT


def _write(path: Path, waveform: Waveform, audio_format: AudioFormat) -> None:
    write_blocks(
        {"": path},
        sample_rate=audio_format.sample_rate,
        channels=audio_format.channels,
        blocks=[{"": waveform}],
    )
