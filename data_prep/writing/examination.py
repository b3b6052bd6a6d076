"""Reads and checks every track of a corpus, and prepares its records on the way."""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from configs import Config
from data_prep.audio.tracks import TrackFiles
from data_prep.corpora import Listing, list_tracks
from data_prep.corpora.context_file import with_context
from data_prep.runtime import parallel
from data_prep.runtime.quantities import pluralized
from data_prep.storage import is_bucket
from data_prep.storage.stand_ins import StandIns, standing_in
from data_prep.writing.checks import Findings, finding_lines, judge, table
from data_prep.writing.prepare import PreparedTrack, TrackToPrepare, prepare
from data_prep.writing.progress import PreparationProgress
from data_prep.writing.scratch import Scratch


@dataclasses.dataclass(frozen=True)
class Options:
    """Says how a corpus is read, whatever it is."""

    workers: int = 1
    # Another number of tracks than was published is an error.
    strict: bool = False
    # Tracks that cannot be read are left out.
    skip_bad: bool = False
    # What cannot be decoded of a track is silent.
    read_on_over_damage: bool = False
    # An npz file with vectors of instruments from another modality.
    context: Path | None = None
    # Apache Beam prepares the tracks, with these flags of its own; None: processes of this machine.
    beam: tuple[str, ...] | None = None


PLAIN = Options()


@contextmanager
def listed(
    config: Config, corpus: str, root: str | Path, options: Options
) -> Iterator[tuple[Config, Listing]]:
    """Yields the config with the vocabulary of the split file, and the tracks of a corpus.

    Of a corpus in a bucket, files of a track are fetched when it is read, and removed then.

    Raises:
        ValueError: there are no such splits, or no tracks.
    """
    if not is_bucket(str(root)):
        yield _list(config, corpus, Path(root), options)
        return
    with standing_in(str(root)) as stand_ins:
        try:
            config, listing = _list(config, corpus, stand_ins.root, options)
        except ValueError as error:
            raise ValueError(stand_ins.named(str(error))) from error
        tracks = tuple(_in_bucket(track, stand_ins) for track in listing.tracks)
        unused = tuple(map(stand_ins.named, listing.unused))
        yield config, dataclasses.replace(listing, root=stand_ins.url, tracks=tracks, unused=unused)


def _in_bucket(track: TrackFiles, stand_ins: StandIns) -> TrackFiles:
    """Returns a track that knows where its files are, and whose sentences say so."""
    return dataclasses.replace(
        track,
        errors=tuple(map(stand_ins.named, track.errors)),
        warnings=tuple(map(stand_ins.named, track.warnings)),
        stand_ins=stand_ins.of([*track.paths, *(notes.path for notes in track.notes)]),
    )


def _list(config: Config, corpus: str, root: Path, options: Options) -> tuple[Config, Listing]:
    beside = [] if options.context is None else [options.context]
    listing = list_tracks(corpus, root, config.data.splits, beside)
    if listing.splits is not None and listing.splits.vocabulary is not None:
        data = dataclasses.replace(config.data, sources=listing.splits.vocabulary)
        config = dataclasses.replace(config, data=data)
    if options.context is not None:
        listing = with_context(listing, config.data.sources, options.context)
    return config, listing


def tracks_to_prepare(
    config: Config,
    tracks: Sequence[TrackFiles],
    options: Options,
    scratch: Scratch | None,
    keys_in_place: frozenset[str] = frozenset(),
) -> list[TrackToPrepare]:
    """Returns what is to be done, the longest first: no worker ends long after the others."""
    wanted = [
        TrackToPrepare(
            files=dataclasses.replace(files, read_on=options.read_on_over_damage),
            config=config,
            scratch=scratch,
            keys_in_place=keys_in_place,
        )
        for files in tracks
    ]
    wanted.sort(key=lambda track: -track.num_bytes)
    return wanted


def prepare_all(wanted: Sequence[TrackToPrepare], workers: int) -> list[PreparedTrack]:
    """Prepares tracks in processes of this machine, and tells how far that is; sorted by name."""
    progress = PreparationProgress(wanted)
    tracks = []
    for track in parallel.run(prepare, wanted, workers, imports=["tensorflow"]):
        tracks.append(track)
        progress.done(track)
    # They came in the order in which the workers finished; what is written must not depend on it.
    tracks.sort(key=lambda track: track.files.name)
    return tracks


def examine(
    config: Config, listing: Listing, options: Options, wanted: Sequence[TrackToPrepare]
) -> tuple[list[PreparedTrack], Findings]:
    """Prepares all tracks, checks them, and prints the table and what is wrong.

    Raises:
        ValueError: the corpus has errors.
    """
    tracks = prepare_all(wanted, options.workers)
    findings = judge(listing, tracks, config, options.strict, options.skip_bad)
    print("\n".join([*table(tracks), *finding_lines(findings)]), flush=True)
    if findings.errors:
        num_errors = pluralized(len(findings.errors), "error")
        raise ValueError(
            f"{listing.root} has {num_errors}, listed above; nothing was put in place."
        )
    return tracks, findings
