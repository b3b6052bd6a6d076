"""Read finished records again and compare them with their manifest, and with their corpus if it is named.

    python -m data_prep.verify --records=records/urmp
    python -m data_prep.verify --records=gs://bucket/records/urmp --against=URMP

Every shard: is it there, has it the bytes and the checksum that were written, can every record be decoded, do the
records tile the tracks that the manifest lists. Each fault is a sentence; exit status 1 if there is any. With
--against, every waveform is compared with what the corpus gives now.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import flags

from configs.splits import SPLITS
from data_prep.audio.tracks import MIXTURE, TrackFiles
from data_prep.corpora import list_tracks
from data_prep.records.excerpts import Excerpt, iter_excerpts
from data_prep.records.format import Record, RecordError, iter_records
from data_prep.records.manifest import FILE_NAME, Manifest, ShardEntry, TrackEntry, load_manifest
from data_prep.runtime import command, parallel
from data_prep.runtime.quantities import pluralized
from data_prep.storage import open_folder
from data_prep.writing.prepare import load_for

_MAX_STEPS = 1.5  # of quantisation between a record and the corpus: half from rounding, the rest for other resamplers
_MAX_DIFFERENCE = 1e-5  # in float records

_WRITE_AGAIN = f"Delete the shard and {FILE_NAME}, then give the command of data_prep.write again."
_OTHER_CORPUS = (
    "The corpus has changed since, or is another; write records of it to a folder of their own."
)


@dataclass(frozen=True)
class _ShardJob:
    """A shard to verify."""

    folder: str
    shard: ShardEntry
    manifest: Manifest
    corpus: dict[str, TrackFiles]  # by name: the tracks to be compared


def iter_faults(folder: str, against: Path | None = None, workers: int = 1) -> Iterator[str]:
    """What is wrong with a folder of records, a sentence each; one at most for each shard.

    Raises:
        ValueError: there is no manifest that this code can read, or no corpus in ``against``.
    """
    manifest = load_manifest(folder)
    shards = [shard for split in SPLITS for shard in manifest.shards.get(split, ())]
    known = {shard.name for shard in shards}
    for name in open_folder(folder).list_names():
        if name.endswith(".tfrecord") and name not in known:
            yield f"{folder}/{name} is a foreign shard, which the manifest does not list: delete it."
    corpus: dict[str, TrackFiles] = {}
    if against is not None:
        listing = list_tracks(manifest.corpus, against, manifest.config.data.splits)
        corpus = {track.name: track for track in listing.tracks}
        written = {track.name for split in SPLITS for track in manifest.tracks(split)}
        unwritten = set(corpus) - written - set(manifest.skipped)
        yield from (
            f"{against}: the track {name} is not in the records. {_OTHER_CORPUS}"
            for name in sorted(unwritten)
        )
        yield from (
            f"{against}: the track {name} of the records is not there. {_OTHER_CORPUS}"
            for name in sorted(written - set(corpus))
        )
    jobs = [_ShardJob(folder, shard, manifest, corpus) for shard in shards]
    for found in parallel.run(verify_shard, jobs, workers, imports=["tensorflow"]):
        yield from found


def verify_shard(job: _ShardJob) -> list[str]:
    """The fault of a shard, if it has one."""
    shard, path = job.shard, f"{job.folder}/{job.shard.name}"
    stored = open_folder(job.folder).stat(shard.name)
    if stored is None:
        return [
            f"{path} is missing. Delete {FILE_NAME}, then give the command of data_prep.write again."
        ]
    if stored.num_bytes > shard.num_bytes:
        sizes = f"{stored.num_bytes} bytes, {shard.num_bytes} were written"
        return [f"{path} has {sizes}: it is longer than it was. {_WRITE_AGAIN}"]
    fault, advice = _first_bad_record(job, path)
    if stored.num_bytes < shard.num_bytes:
        return [
            f"{path} is cut short: it has {stored.num_bytes} of {shard.num_bytes} bytes; {fault} {_WRITE_AGAIN}"
        ]
    if stored.crc32c != shard.crc32c:
        what = (
            fault
            or "yet every record is as it should be: only another version can have written it."
        )
        checksums = f"its checksum is {stored.crc32c}, not {shard.crc32c}"
        return [f"{path} is not what was written: {checksums}; {what} {_WRITE_AGAIN}"]
    return [f"{path}: {fault} {advice}"] if fault else []


def _first_bad_record(job: _ShardJob, path: str) -> tuple[str, str]:
    """What is wrong with the first record that is not as the manifest and the corpus want it, and what to do.

    Both empty if every record is.
    """
    records, start, index, track = iter_records(path, job.manifest.layout), 0, 0, ""
    try:
        for index, expected in enumerate(_iter_expected(job)):
            start, track = (0, expected.track.name) if expected.number == 0 else (start, track)
            record = next(records, None)
            if record is None:
                return (
                    f"it ends before record {index} ({track}, from {_secs(start, job)}).",
                    _WRITE_AGAIN,
                )
            fault, advice = _fault_of(record, expected, start, job), _WRITE_AGAIN
            if not fault and expected.excerpt:
                fault, advice = _difference(record, expected.excerpt, job), _OTHER_CORPUS
            if fault:
                return (
                    f"the first bad record is number {index} ({track}, from {_secs(start, job)}): {fault}",
                    advice,
                )
            start += record.owned_frames
        return (
            (f"record {index + 1} is one too many.", _WRITE_AGAIN)
            if next(records, None)
            else ("", "")
        )
    except RecordError as error:
        fault = error.what.rstrip(".")
        return (
            f"the first bad record is number {index} ({track}, from {_secs(start, job)}): {fault}.",
            _WRITE_AGAIN,
        )


class _Expected(NamedTuple):
    """What the manifest, and the corpus if it is given, say of a record."""

    track: TrackEntry
    number: int  # within the track, from 0
    excerpt: Excerpt | None


def _iter_expected(job: _ShardJob) -> Iterator[_Expected]:
    for track in job.shard.tracks:
        excerpts: Iterator[Excerpt | None] = repeat(None)
        if track.name in job.corpus:
            try:
                original = load_for(job.manifest.config, job.corpus[track.name])
            except ValueError as error:
                raise ValueError(
                    f"{track.name} of the corpus has nothing to compare with: {error}"
                ) from error
            excerpts = iter_excerpts(original, job.manifest.config.data)
        for index in range(track.num_excerpts):
            yield _Expected(track, index, next(excerpts, None))


def _fault_of(record: Record, expected: _Expected, start: int, job: _ShardJob) -> str:
    """What is wrong with a record that could be decoded, or nothing."""
    track, vocabulary, stop = (
        expected.track,
        job.manifest.layout.sources,
        record.start + record.owned_frames,
    )
    labels = {name for name, label in zip(vocabulary, record.labels, strict=True) if label}
    if record.track != track.name:
        return f"it is of {record.track}, of a foreign shard."
    if record.start != start:
        return f"it begins at frame {record.start}, not {start}."
    if (expected.number == track.num_excerpts - 1) != (stop == track.num_frames):
        return f"it ends at frame {stop} of {track.num_frames}, and is number {expected.number} of {track.num_excerpts}."
    if labels != set(track.num_parts):
        return f"its labels are {', '.join(sorted(labels))}, those of the track {', '.join(sorted(track.num_parts))}."
    return ""


def _difference(record: Record, excerpt: Excerpt, job: _ShardJob) -> str:
    """The first waveform of a record that is not the one of the corpus."""
    names = [MIXTURE, *(job.manifest.layout.sources[slot] for slot in record.slots)]
    corpus = {MIXTURE: excerpt.mixture, **excerpt.sources}
    if set(names) != set(corpus):
        return f"{', '.join(names[1:])} sound in it, in the corpus {', '.join(excerpt.sources)}."
    is_coded = job.manifest.layout.encoding == "int16"
    for name, stored, scale in zip(
        names, [record.mixture, *record.sources], record.scales, strict=True
    ):
        if stored.shape != corpus[name].shape:
            return f"its {name} has {len(stored)} frames, the corpus {len(corpus[name])}."
        off = float(np.abs(stored * scale - corpus[name]).max())
        if off > (_MAX_STEPS * scale if is_coded else _MAX_DIFFERENCE):
            return f"its {name} is not that of the corpus, up to {20 * math.log10(off):.0f} dBFS apart."
    return ""


def _secs(frames: int, job: _ShardJob) -> str:
    return f"{frames / job.manifest.layout.sample_rate:.1f} s"


def main(_: Sequence[str]) -> None:
    """Flags -> one call -> a line for each fault."""
    records, against = (
        open_folder(FLAGS.records).url,
        Path(FLAGS.against) if FLAGS.against else None,
    )
    num_faults = 0
    for fault in iter_faults(records, against, FLAGS.workers or parallel.num_cores()):
        print(f"fault: {fault}", flush=True)
        num_faults += 1
    if num_faults:
        raise ValueError(
            f"{records} has {pluralized(num_faults, 'fault')}, listed above with what to do."
        )
    manifest = load_manifest(records)
    shards = [shard for split in SPLITS for shard in manifest.shards.get(split, ())]
    num_records = sum(track.num_excerpts for shard in shards for track in shard.tracks)
    print(
        f"{records}: {pluralized(len(shards), 'shard')}, {pluralized(num_records, 'record')}, all as they were written."
    )


FLAGS = flags.FLAGS

if __name__ == "__main__":
    flags.DEFINE_string("records", None, "folder of the records", required=True)
    flags.DEFINE_string("against", None, "folder of the corpus; its audio is compared, too")
    flags.DEFINE_integer(
        "workers", None, "processes; as many as there are cores unless given", lower_bound=1
    )
    command.run(main)
