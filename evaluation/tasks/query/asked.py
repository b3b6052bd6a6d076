"""Asks the tracks of a split what is there, by name and by recordings of the training split.

Axes: K sources, T frames, C channels.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from configs import QuerySettings
from data_prep.audio.tracks import Waveform
from data_prep.records.full_tracks import iter_full_tracks
from data_prep.records.manifest import load_manifest
from evaluation.estimates.bars import make_bar, watch
from evaluation.estimates.estimated_system import EstimatedSystem
from evaluation.estimates.opened_run import find_training_records
from evaluation.estimates.track_on_disk import TrackOnDisk, write_blocks
from evaluation.tasks.query.presence import AskedTrack
from trainer.tasks.query.recordings import loudest_recordings
from trainer.tasks.query.separator import QuerySeparator

BY_NAME = "by name"
BY_AUDIO = "by audio"

Recordings = Mapping[str, Waveform]
"""Of each source one of its recordings, (T, C)."""


def find_recordings(system: EstimatedSystem) -> Recordings:
    """Returns what to ask with, out of the records of the run; nothing where they are gone."""
    folder = find_training_records(system)
    if folder is None:
        print("note: the training records are not there: nothing is asked by audio.", flush=True)
        return {}
    assert isinstance(system.config.task, QuerySettings)
    return loudest_recordings(load_manifest(folder), folder, system.config.task.query_secs)


@contextmanager
def asking(separator: QuerySeparator, recordings: Recordings) -> Iterator[tuple[str, ...]]:
    """Asks with recordings within, and by name again behind it.

    Yields:
        The names of what is asked for.
    """
    separator.ask_by_audio(recordings)
    try:
        yield separator.sources
    finally:
        separator.ask_by_name()


def ask_tracks(
    system: EstimatedSystem, separator: QuerySeparator, recordings: Recordings
) -> list[list[AskedTrack]]:
    """Returns what is found in every track when it is asked by name, and by recordings if any."""
    by_name = []
    by_audio = []
    rate = system.config.audio.sample_rate
    total = sum(track.num_frames for track in system.manifest.tracks(system.split)) / rate
    with make_bar("asked what is there", total, stays=False) as bar:
        for track in iter_full_tracks(system.manifest, system.folder, system.split):
            mixture = [track.mixture]
            presence = separator.presence(mixture, rate).tolist()
            sources = separator.sources
            asked = AskedTrack(track.name, BY_NAME, sources, tuple(presence), track.labels)
            by_name.append(asked)
            if recordings:
                with asking(separator, recordings) as heard:
                    presence = separator.presence(mixture, rate).tolist()
                asked = AskedTrack(track.name, BY_AUDIO, heard, tuple(presence), track.labels)
                by_audio.append(asked)
            bar.update(len(track.mixture) / rate)
    return [by_name, by_audio] if by_audio else [by_name]


def estimate_by_audio(
    track: TrackOnDisk,
    separator: QuerySeparator,
    recordings: Recordings,
    claimed: Sequence[str],
    scratch: Path,
) -> Mapping[str, Path]:
    """Writes what recordings are answered with that are said to be there; returns the files.

    Args:
        track: with its mixture.
        separator: is asked.
        recordings: to ask with.
        claimed: of them those that are said to be there.
        scratch: folder of the files.
    """
    mixture = track.read_mixture(0, track.num_frames, track.read_references(0, track.num_frames))
    files = {name: scratch / f"by-audio-{track.vocabulary.index(name)}.wav" for name in claimed}
    if not files:
        return files
    with asking(separator, recordings) as sources:
        blocks = separator.iter_blocks(mixture.astype("float32"), claimed)
        watched = watch(blocks, f"{track.name} by audio", track.num_frames, track.sample_rate)
        named = ({name: block[sources.index(name)] for name in claimed} for block in watched)
        write_blocks(files, track.sample_rate, track.channels, named)
    return files
