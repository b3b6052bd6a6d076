"""Read finished records again and compare them with their manifest, and with their corpus if named.

    python -m data_prep.verify --records=records/urmp
    python -m data_prep.verify --records=gs://bucket/records/urmp --against=URMP

Every shard: is it there, has it the bytes and the checksum that were written, can every record be
decoded, do the records tile the tracks that the manifest lists. Each fault is a sentence; exit
status 1 if there is any. With --against, every waveform is compared with what the corpus gives now.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

from absl import flags

from configs.splits import SPLITS
from data_prep.audio.tracks import TrackFiles
from data_prep.corpora import list_tracks
from data_prep.records.comparison import audio_difference, track_mismatch
from data_prep.records.entries import ShardEntry, TrackEntry
from data_prep.records.excerpts import Excerpt, iter_excerpts
from data_prep.records.format import Record
from data_prep.records.manifest import FILE_NAME, Manifest, load_manifest
from data_prep.records.shard_files import RecordError, iter_records
from data_prep.runtime import command, parallel
from data_prep.runtime.quantities import pluralized
from data_prep.storage import open_folder
from data_prep.writing.prepare import load_for

_WRITE_AGAIN = f"Delete the shard and {FILE_NAME}, then give the command of data_prep.write again."
_OTHER_CORPUS = (
    "The corpus has changed since, or is another; write records of it to a folder of their own."
)


@dataclass(frozen=True)
class _ShardToVerify:
    """Says which shard is to be verified, and against what."""

    folder: str
    entry: ShardEntry
    manifest: Manifest
    # The tracks to be compared with the corpus, by name.
    corpus: dict[str, TrackFiles]

    @property
    def path(self) -> str:
        """Returns the path of the shard."""
        return f"{self.folder}/{self.entry.name}"


class _Fault(NamedTuple):
    """Holds what is wrong with a shard, and what to do; both are empty where nothing is."""

    what: str = ""
    advice: str = ""


def iter_faults(folder: str, against: Path | None = None, workers: int = 1) -> Iterator[str]:
    """Yields what is wrong with a folder of records, a sentence each; one at most for each shard.

    Args:
        folder: holds the records, on a disk or a bucket.
        against: is the folder of the corpus that they are compared with.
        workers: says how many processes verify shards.

    Raises:
        ValueError: there is no manifest that this code can read, or no corpus in ``against``.
    """
    manifest = load_manifest(folder)
    shards = manifest.all_shards()
    known = {shard.name for shard in shards}
    for name in open_folder(folder).list_names():
        if name.endswith(".tfrecord") and name not in known:
            yield (
                f"{folder}/{name} is a foreign shard, which the manifest does not list: delete it."
            )
    corpus: dict[str, TrackFiles] = {}
    if against is not None:
        listing = list_tracks(manifest.corpus, against, manifest.config.data.splits)
        corpus = {track.name: track for track in listing.tracks}
        yield from _iter_missing_tracks(manifest, against, set(corpus))
    wanted = [_ShardToVerify(folder, entry, manifest, corpus) for entry in shards]
    for faults in parallel.run(verify_shard, wanted, workers, imports=["tensorflow"]):
        yield from faults


def _iter_missing_tracks(manifest: Manifest, against: Path, names: set[str]) -> Iterator[str]:
    """Yields the tracks that only the corpus has, then those that only the records have."""
    written = {track.name for split in SPLITS for track in manifest.tracks(split)}
    for name in sorted(names - written - set(manifest.skipped)):
        yield f"{against}: the track {name} is not in the records. {_OTHER_CORPUS}"
    for name in sorted(written - names):
        yield f"{against}: the track {name} of the records is not there. {_OTHER_CORPUS}"


def verify_shard(shard: _ShardToVerify) -> list[str]:
    """Returns the fault of a shard, if it has one."""
    path = shard.path
    written = shard.entry
    present = open_folder(shard.folder).stat(written.name)
    if present is None:
        return [
            f"{path} is missing. Delete {FILE_NAME}, then give the command of data_prep.write "
            f"again."
        ]
    if present.num_bytes > written.num_bytes:
        sizes = f"{present.num_bytes} bytes, {written.num_bytes} were written"
        return [f"{path} has {sizes}: it is longer than it was. {_WRITE_AGAIN}"]
    # The first bad record says where the harm is, more than a size or a checksum can.
    fault = _first_bad_record(shard)
    if present.num_bytes < written.num_bytes:
        return [
            f"{path} is cut short: it has {present.num_bytes} of {written.num_bytes} bytes; "
            f"{fault.what} {_WRITE_AGAIN}"
        ]
    if present.crc32c != written.crc32c:
        what = fault.what or (
            "yet every record is as it should be: only another version can have written it."
        )
        checksums = f"its checksum is {present.crc32c}, not {written.crc32c}"
        return [f"{path} is not what was written: {checksums}; {what} {_WRITE_AGAIN}"]
    if fault.what:
        return [f"{path}: {fault.what} {fault.advice}"]
    return []


def _first_bad_record(shard: _ShardToVerify) -> _Fault:
    """Returns the fault of the first record that is not as the manifest and the corpus want it."""
    records = iter_records(shard.path, shard.manifest.layout)
    index = 0
    track = ""
    # Where in its track the next record must begin.
    start = 0
    try:
        for index, expected in enumerate(_iter_expected(shard)):
            if expected.number == 0:
                track = expected.track.name
                start = 0
            record = next(records, None)
            if record is None:
                where = _where(track, start, shard)
                return _Fault(f"it ends before record {index} ({where}).", _WRITE_AGAIN)
            fault = _fault_of(record, expected, start, shard)
            if fault.what:
                return _bad_record(index, _where(track, start, shard), fault)
            start += record.owned_frames
        if next(records, None):
            return _Fault(f"record {index + 1} is one too many.", _WRITE_AGAIN)
    except RecordError as error:
        fault = _Fault(f"{error.what.rstrip('.')}.", _WRITE_AGAIN)
        return _bad_record(index, _where(track, start, shard), fault)
    return _Fault()


def _bad_record(index: int, where: str, fault: _Fault) -> _Fault:
    what = f"the first bad record is number {index} ({where}): {fault.what}"
    return _Fault(what, fault.advice)


def _where(track: str, start: int, shard: _ShardToVerify) -> str:
    return f"{track}, from {start / shard.manifest.layout.sample_rate:.1f} s"


class _ExpectedRecord(NamedTuple):
    """Holds what the manifest, and the corpus if it is given, say of a record."""

    track: TrackEntry
    # Within the track, from 0.
    number: int
    excerpt: Excerpt | None


def _iter_expected(shard: _ShardToVerify) -> Iterator[_ExpectedRecord]:
    """Yields what is expected of the records of a shard, in order.

    Raises:
        ValueError: a track of the corpus cannot be read.
    """
    config = shard.manifest.config
    for track in shard.entry.tracks:
        excerpts: Iterator[Excerpt | None] = repeat(None)
        if track.name in shard.corpus:
            try:
                files = replace(shard.corpus[track.name], read_on=track.is_damaged)
                original = load_for(config, files)
            except ValueError as error:
                raise ValueError(
                    f"{track.name} of the corpus has nothing to compare with: {error}"
                ) from error
            excerpts = iter_excerpts(original, config.data)
        for number in range(track.num_excerpts):
            yield _ExpectedRecord(track, number, next(excerpts, None))


def _fault_of(
    record: Record, expected: _ExpectedRecord, start: int, shard: _ShardToVerify
) -> _Fault:
    """Returns what is wrong with a record that could be decoded."""
    layout = shard.manifest.layout
    mismatch = track_mismatch(record, expected.track, expected.number, start, layout)
    if mismatch:
        return _Fault(mismatch, _WRITE_AGAIN)
    if expected.excerpt:
        difference = audio_difference(record, expected.excerpt, layout)
        if difference:
            # The record is as the manifest wants it, so it is the corpus that differs.
            return _Fault(difference, _OTHER_CORPUS)
    return _Fault()


def main(_: Sequence[str]) -> None:
    """Turns flags into one call and prints a line for each fault."""
    records = open_folder(FLAGS.records).url
    against = Path(FLAGS.against) if FLAGS.against else None
    num_faults = 0
    for fault in iter_faults(records, against, FLAGS.workers or parallel.num_cores()):
        print(f"fault: {fault}", flush=True)
        num_faults += 1
    if num_faults:
        raise ValueError(
            f"{records} has {pluralized(num_faults, 'fault')}, listed above with what to do."
        )
    shards = load_manifest(records).all_shards()
    num_records = sum(track.num_excerpts for shard in shards for track in shard.tracks)
    print(
        f"{records}: {pluralized(len(shards), 'shard')}, {pluralized(num_records, 'record')}, "
        f"all as they were written."
    )


FLAGS = flags.FLAGS

if __name__ == "__main__":
    flags.DEFINE_string("records", None, "folder of the records", required=True)
    flags.DEFINE_string("against", None, "folder of the corpus; its audio is compared, too")
    flags.DEFINE_integer(
        "workers", None, "processes; as many as there are cores unless given", lower_bound=1
    )
    command.run(main)
