"""The original files of a corpus at their own rate and channels, with the estimates of a run beside them.

Only such scores may stand beside published ones. A track is decoded and estimated whole: its sources and all estimates
are in memory at once, before they are scored from files in bounded memory.
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from data_prep.corpora import list_tracks
from data_prep.loading import load_track
from data_prep.tracks import Track, TrackFiles, Waveform, with_accompaniment
from evaluation.stored import StoredTrack, write_blocks
from evaluation.subject import Subject
from evaluation.unpack import MODEL


def find_originals(subject: Subject, root: Path) -> dict[str, TrackFiles]:
    """The files of the tracks of a subject under ``root``, by name, in the order of the records.

    Raises:
        ValueError: ``root`` does not hold the corpus that the records were made from, or not all of its tracks.
    """
    manifest = subject.manifest
    there = {files.name: files for files in list_tracks(manifest.corpus, root, manifest.config.data.splits).tracks}
    wanted = [track.name for track in manifest.tracks(subject.split)]
    if missing := [name for name in wanted if name not in there]:
        raise ValueError(
            f"{root} has no track {missing[0]}, which the records have ({len(missing)} of {len(wanted)} are missing); "
            f"give the folder of the corpus {manifest.corpus} that they were written from."
        )
    return {name: there[name] for name in wanted}


def iter_originals(
    subject: Subject, originals: Mapping[str, TrackFiles], skip: Collection[str], scratch: Path
) -> Iterator[StoredTrack]:
    """The tracks with their estimates, each overwritten in ``scratch`` when the next one is asked for.

    Raises:
        ValueError: a file cannot be decoded, or tracks differ in rate or channels.
    """
    form = None
    for name, files in originals.items():
        if name in skip:
            continue
        track = load_original(subject, files)
        found = track.sample_rate, track.mixture.shape[1]
        if form not in (None, found):
            raise ValueError(f"{name} has another rate or number of channels than tracks before it; score it apart.")
        form = found
        yield _store(subject, track, scratch)


def load_original(subject: Subject, files: TrackFiles) -> Track:
    """A track with the sources that the network knows.

    Raises:
        ValueError: it cannot be decoded, or has a source that the network does not know.
    """
    vocabulary = subject.config.data.sources
    track = with_accompaniment(load_track(files), vocabulary)
    if unknown := [source for source in track.sources if source not in vocabulary]:
        raise ValueError(f"{track.name} has the source {unknown[0]}; the network knows {', '.join(vocabulary)}.")
    return track


def _store(subject: Subject, track: Track, scratch: Path) -> StoredTrack:
    vocabulary, form = subject.config.data.sources, (track.sample_rate, track.mixture.shape[1])
    mixture, references = scratch / "mixture.wav", {}
    _write(mixture, track.mixture, form)
    for source, waveform in track.sources.items():
        references[source] = scratch / f"reference-{vocabulary.index(source)}.wav"
        _write(references[source], waveform, form)
    labels, num_frames = tuple(track.sources), len(track.mixture)
    estimates = {source: scratch / f"estimate-{k}.wav" for k, source in enumerate(vocabulary)}
    for path, estimate in zip(
        estimates.values(), subject.separator.separate(track.mixture, track.sample_rate, labels), strict=True
    ):
        _write(path, estimate, form)
    return StoredTrack(track.name, vocabulary, *form, num_frames, mixture, references, {MODEL: estimates})


def _write(path: Path, waveform: Waveform, form: tuple[int, int]) -> None:
    write_blocks({"": path}, *form, [{"": waveform}])
