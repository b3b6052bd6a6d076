"""The original files of a corpus at their own rate and channels, with the estimates of a run beside them.

Only such scores may stand beside published ones. Of a track, the mixture and one source at a time are whole in memory
(of a stem file, which is decoded in one pass, all of them); estimates never are.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from configs.instruments import ACCOMPANIMENT
from data_prep.audio.loading import iter_parts
from data_prep.audio.tracks import AudioFormat, TrackFiles, Waveform
from data_prep.audio.waveforms import add, fit_frames, read_wav
from data_prep.corpora import list_tracks
from evaluation.estimates.bars import watch
from evaluation.estimates.estimated_system import EstimatedSystem
from evaluation.estimates.from_records import MODEL
from evaluation.estimates.track_on_disk import TrackOnDisk, write_blocks


def find_originals(subject: EstimatedSystem, root: Path) -> dict[str, TrackFiles]:
    """The files of the tracks of a subject under ``root``, by name, in the order of the records.

    Raises:
        ValueError: ``root`` does not hold the corpus that the records were made from, or not all of its tracks.
    """
    manifest = subject.manifest
    there = {
        files.name: files
        for files in list_tracks(manifest.corpus, root, manifest.config.data.splits).tracks
    }
    wanted = [track.name for track in manifest.tracks(subject.split)]
    if missing := [name for name in wanted if name not in there]:
        raise ValueError(
            f"{root} has no track {missing[0]}, which the records have ({len(missing)} of {len(wanted)} are missing); "
            f"give the folder of the corpus {manifest.corpus} that they were written from."
        )
    return {name: there[name] for name in wanted}


def iter_original_estimates(
    subject: EstimatedSystem,
    originals: Mapping[str, TrackFiles],
    skip: Collection[str],
    scratch: Path,
) -> Iterator[TrackOnDisk]:
    """The tracks with their estimates, each overwritten in ``scratch`` when the next one is asked for.

    Raises:
        ValueError: a file cannot be decoded, or tracks differ in rate or channels.
    """
    expected = None
    for name, files in originals.items():
        if name in skip:
            continue
        track = _store(subject, files, scratch)
        form = AudioFormat(track.sample_rate, track.channels)
        if expected not in (None, form):
            raise ValueError(
                f"{name} has another rate or number of channels than tracks before it; score it apart."
            )
        expected = form
        yield track


def read_form(files: TrackFiles) -> AudioFormat:
    """Rate and channels of a track; ``ValueError`` where it cannot be decoded."""
    return next(iter_parts(files)).audio_format


def _store(subject: EstimatedSystem, files: TrackFiles, scratch: Path) -> TrackOnDisk:
    vocabulary = subject.config.data.sources
    paths = {source: scratch / f"reference-{k}.wav" for k, source in enumerate(vocabulary)}
    mixture, lengths = np.zeros((0, 1), np.float32), dict[str, int]()
    for part in iter_parts(files):
        form = part.audio_format
        if part.instrument is None:
            mixture = part.waveform
            continue
        source = _source_of(part.instrument, files.name, vocabulary)
        waveform = (
            add(part.waveform, read_wav(paths[source])[0]) if source in lengths else part.waveform
        )
        _write(paths[source], waveform, form)
        lengths[source] = len(waveform)
        if files.mixture is None:
            mixture = add(mixture, part.waveform)
    for source, found in lengths.items():
        if found != len(mixture):
            _write(paths[source], fit_frames(read_wav(paths[source])[0], len(mixture)), form)
    references = {source: paths[source] for source in vocabulary if source in lengths}
    estimates = {source: scratch / f"estimate-{k}.wav" for k, source in enumerate(vocabulary)}
    _write(scratch / "mixture.wav", mixture, form)
    blocks = subject.separator.iter_separated(mixture, form.sample_rate, tuple(references))
    blocks = watch(blocks, f"{files.name} estimated", len(mixture), form.sample_rate)
    write_blocks(estimates, *form, (dict(zip(vocabulary, block, strict=True)) for block in blocks))
    systems = {MODEL: estimates}
    return TrackOnDisk(
        files.name, vocabulary, *form, len(mixture), scratch / "mixture.wav", references, systems
    )


def _source_of(instrument: str, track: str, vocabulary: Sequence[str]) -> str:
    """What the network calls it: what has no name of its own is part of the accompaniment, if there is one."""
    if instrument not in vocabulary and ACCOMPANIMENT not in vocabulary:
        raise ValueError(
            f"{track} has the source {instrument}; the network knows {', '.join(vocabulary)}."
        )
    return instrument if instrument in vocabulary else ACCOMPANIMENT


def _write(path: Path, waveform: Waveform, form: AudioFormat) -> None:
    write_blocks({"": path}, *form, [{"": waveform}])
