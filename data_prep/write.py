"""Write a corpus as sharded TFRecords.

    python -m data_prep.write --config=urmp --corpus=urmp --root=URMP --out=records/urmp

Every shard holds whole tracks, so it depends on them and the config alone: an interrupted job continues with the
shards that are missing, and the same corpus always gives the same bytes. The manifest comes last; a folder without
one is not finished.
"""

import dataclasses
import json
import time
import zlib
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf
from absl import flags

import configs
from configs import Config
from configs.splits import SPLITS, load_splits
from data_prep import command, musdb, urmp
from data_prep.excerpts import iter_excerpts
from data_prep.manifest import FILE_NAME, Manifest, ShardEntry, TrackEntry, layout_of, load_manifest, shard_from_tree
from data_prep.records import FORMAT_VERSION, encode, shard_name
from data_prep.revision import code_revision
from data_prep.storage import Folder, checksum, making, open_folder
from data_prep.tracks import Track, TrackFiles, convert, residual_db, with_accompaniment

READERS = {"musdb": musdb, "urmp": urmp}
_SHARDS_PER_GROUP = 8  # numbers of shards are multiples of it, so that any number of TPU hosts shares them evenly


@dataclass(frozen=True)
class _Shard:
    """A shard to write."""

    name: str
    tracks: tuple[TrackFiles, ...]

    def fingerprint(self, config: Config, corpus: str) -> str:
        """What the bytes of the shard depend on, short: format, reader, config, and the files of the tracks."""
        parts = [str(FORMAT_VERSION), corpus, str(config.audio), str(config.data)]
        files = [(path, path.stat()) for track in self.tracks for path in track.paths]
        parts += [f"{path.name} {status.st_size} {status.st_mtime_ns}" for path, status in files]
        return f"{zlib.crc32('|'.join(parts).encode()):08x}"


def write(config: Config, corpus: str, root: Path, out: str | Path) -> Manifest:
    """Write the records of a corpus, or what is missing of them, and their manifest.

    Raises:
        ValueError: the corpus cannot be read, or the folder holds other records.
    """
    reader = READERS[corpus]
    tracks = reader.list_tracks(root, config.data.splits)
    plan = {split: _plan(split, [t for t in tracks if t.split == split], config) for split in SPLITS}
    with closing(open_folder(str(out))) as folder:
        folder.check()
        if folder.stat(FILE_NAME):
            return _finished(config, corpus, plan, folder)
        return _write_missing(config, corpus, plan, folder)


def _write_missing(config: Config, corpus: str, plan: dict[str, list[_Shard]], folder: Folder) -> Manifest:
    progress = _Progress(sum(len(shard.tracks) for shards in plan.values() for shard in shards))
    shards = {
        split: tuple(_write_shard(shard, config, corpus, folder, progress) for shard in plan[split]) for split in SPLITS
    }
    leaks = () if config.data.splits == "official" else load_splits(config.data.splits).known_leaks
    manifest = Manifest(config, corpus, code_revision(), shards, leaks)
    folder.write_text(FILE_NAME, manifest.to_json() + "\n")
    for shard in (shard for split in SPLITS for shard in plan[split]):
        folder.delete(_sidecar(shard))
    return manifest


def _plan(split: str, tracks: Sequence[TrackFiles], config: Config) -> list[_Shard]:
    """Tracks dealt to shards of about the same size: the largest first, each to the emptiest shard."""
    sizes = {track.name: track.num_bytes for track in tracks}
    groups = -(-sum(sizes.values()) // (_SHARDS_PER_GROUP * config.data.shard_mib * 2**20))
    count = min(len(tracks), max(1, groups) * _SHARDS_PER_GROUP)
    shards: list[list[TrackFiles]] = [[] for _ in range(count)]
    filled = [0] * count
    for track in sorted(tracks, key=lambda t: (-sizes[t.name], t.name)):
        emptiest = filled.index(min(filled))
        shards[emptiest].append(track)
        filled[emptiest] += sizes[track.name]
    in_order = (sorted(shard, key=lambda t: t.name) for shard in shards)
    return [_Shard(shard_name(split, i, count), tuple(shard)) for i, shard in enumerate(in_order)]


def _finished(config: Config, corpus: str, plan: dict[str, list[_Shard]], folder: Folder) -> Manifest:
    """The manifest of a folder that an earlier job finished, if it is the job that was asked for."""
    manifest = load_manifest(folder.url)
    planned = {shard.name: [track.name for track in shard.tracks] for shards in plan.values() for shard in shards}
    found = {s.name: [track.name for track in s.tracks] for shards in manifest.shards.values() for s in shards}
    same = (manifest.corpus, manifest.config.audio, manifest.config.data) == (corpus, config.audio, config.data)
    if not same or planned != found:
        raise ValueError(
            f"{folder.url} already holds finished records of another corpus or config ({manifest.corpus}, "
            f"{manifest.config.name}); choose another --out, or delete that folder first."
        )
    for entry in (entry for entries in manifest.shards.values() for entry in entries):
        if folder.stat(entry.name) != (entry.num_bytes, entry.crc32c):
            raise ValueError(
                f"{folder.url}/{entry.name} is not there with its {entry.num_bytes} bytes and its checksum; delete "
                f"{folder.url}/{FILE_NAME} to write it again."
            )
    return manifest


def _write_shard(shard: _Shard, config: Config, corpus: str, folder: Folder, progress: "_Progress") -> ShardEntry:
    """Write one shard unless an earlier run did: in the scratch folder first, its sidecar after it is whole."""
    fingerprint = shard.fingerprint(config, corpus)
    if written := _written_before(shard, fingerprint, folder):
        progress.skip(shard)
        return written
    if folder.read_text(_sidecar(shard)) is not None:
        folder.delete(shard.name)  # ours, but of other files or another config; what is not ours is not overwritten
    with making(folder, shard.name, overwrite=False) as path:
        with tf.io.TFRecordWriter(str(path)) as writer:
            entries = tuple(_write_track(files, config, corpus, writer, progress) for files in shard.tracks)
        entry = ShardEntry(shard.name, *checksum(path), entries)
    folder.write_text(_sidecar(shard), json.dumps({"fingerprint": fingerprint, "shard": dataclasses.asdict(entry)}))
    return entry


def _written_before(shard: _Shard, fingerprint: str, folder: Folder) -> ShardEntry | None:
    """The entry of a shard that an earlier run finished from the same files; None where there is none to trust."""
    try:
        found = json.loads(folder.read_text(_sidecar(shard)) or "")
        entry = shard_from_tree(found["shard"])
        same = found["fingerprint"] == fingerprint
        return entry if same and folder.stat(shard.name) == (entry.num_bytes, entry.crc32c) else None
    except (ValueError, KeyError, TypeError):
        return None


def _write_track(
    files: TrackFiles, config: Config, corpus: str, writer: tf.io.TFRecordWriter, progress: "_Progress"
) -> TrackEntry:
    original: Track = READERS[corpus].load_track(files)
    residual = residual_db(original.mixture, original.sources)
    named = with_accompaniment(original, config.data.sources)
    track = convert(named, config.audio.sample_rate, config.audio.channels)
    num_excerpts = 0
    for excerpt in iter_excerpts(track, config.data):
        writer.write(encode(excerpt, layout_of(config)))
        num_excerpts += 1
    progress.done(files, track)
    return TrackEntry(
        track.name,
        len(track.mixture),
        num_excerpts,
        track.num_parts,
        None if residual == float("-inf") else round(residual, 2),
        track.warnings,
    )


def _sidecar(shard: _Shard) -> str:
    """What is known of a finished shard, kept until the manifest says it."""
    return f"{shard.name}.json"


class _Progress:
    """A line per track: how many are done, and how long the rest will take at this rate."""

    def __init__(self, num_tracks: int) -> None:
        self._num_tracks, self._num_done, self._num_skipped = num_tracks, 0, 0
        self._started = time.monotonic()

    def skip(self, shard: _Shard) -> None:
        self._num_skipped += len(shard.tracks)
        print(f"{shard.name}: already written, {len(shard.tracks)} tracks kept", flush=True)

    def done(self, files: TrackFiles, track: Track) -> None:
        self._num_done += 1
        elapsed = time.monotonic() - self._started
        left = elapsed / self._num_done * (self._num_tracks - self._num_skipped - self._num_done)
        position = f"{self._num_skipped + self._num_done}/{self._num_tracks}"
        print(f"{position} {files.split} {files.name}: {', '.join(track.sources)} ({left:.0f} s left)", flush=True)
        for warning in track.warnings:
            print(f"  warning: {warning}", flush=True)


def summary_lines(manifest: Manifest) -> Iterable[str]:
    """A finished folder in a few lines."""
    rate = manifest.config.audio.sample_rate
    for split in SPLITS:
        tracks = manifest.tracks(split)
        minutes = sum(track.num_frames for track in tracks) / rate / 60
        num_excerpts, num_bytes = sum(t.num_excerpts for t in tracks), sum(s.num_bytes for s in manifest.shards[split])
        yield (
            f"{split:6} {len(tracks):4} tracks {minutes:8.1f} min {num_excerpts:6} records "
            f"{len(manifest.shards[split]):4} shards {num_bytes / 2**20:9.1f} MiB"
        )
    if not manifest.tracks("valid"):
        yield "No track validates."
    for leak in manifest.known_leaks:
        yield f"warning: known leak between splits: {leak}"


FLAGS = flags.FLAGS


def main(_: Sequence[str]) -> None:
    """Flags -> config -> one call."""
    config = configs.load(FLAGS.config, FLAGS.set)
    if FLAGS.splits:
        config = dataclasses.replace(config, data=dataclasses.replace(config.data, splits=FLAGS.splits))
    manifest = write(config, FLAGS.corpus, Path(FLAGS.root), FLAGS.out)
    print(f"The records in {FLAGS.out} are complete:")
    for line in summary_lines(manifest):
        print("  " + line)


if __name__ == "__main__":
    flags.DEFINE_string("config", None, f"experiment, one of {', '.join(configs.experiments())}", required=True)
    flags.DEFINE_enum("corpus", None, sorted(READERS), "layout of the corpus", required=True)
    flags.DEFINE_string("root", None, "folder of the corpus", required=True)
    flags.DEFINE_string("out", None, "folder to write to", required=True)
    flags.DEFINE_string("splits", None, "split name or split file instead of the config's")
    flags.DEFINE_multi_string("set", [], "override, section.field=value; may be repeated")
    command.run(main)
