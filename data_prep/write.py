"""Write a corpus as sharded TFRecords, after checking it.

    python -m data_prep.write --config=urmp --corpus=urmp --root=URMP --out=records/urmp
    python -m data_prep.write --config=urmp --corpus=urmp --root=URMP --check
    python -m data_prep.write --config=musdb --corpus=folder --root=MINE --splits=mine.json --out=records/mine

Every track is decoded once: it is checked and its records are made on the way, in a scratch folder. Where a check
finds an error, nothing is put in place. An interrupted job continues with what is missing, and the same corpus
always gives the same bytes. The manifest comes last; a folder without one is not finished.
"""

import dataclasses
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from absl import flags

import configs
from configs import Config
from configs.splits import SPLITS
from data_prep.corpora import CORPORA, Listing, list_tracks
from data_prep.records.manifest import FILE_NAME, Manifest, ShardEntry, load_manifest
from data_prep.runtime import command, parallel
from data_prep.runtime.quantities import clock, pluralized
from data_prep.runtime.revision import code_revision
from data_prep.storage import Folder, is_bucket, open_folder
from data_prep.writing.checks import Findings, finding_lines, judge, table
from data_prep.writing.prepare import Prepared, TrackJob, prepare
from data_prep.writing.shards import Placed, Shard, place_all, placed_before, plan


@dataclasses.dataclass(frozen=True)
class Options:
    """How a corpus is read, whatever it is."""

    workers: int = 1
    strict: bool = False  # another number of tracks than was published is an error
    skip_bad: bool = False  # tracks that cannot be read are left out


def write(
    config: Config, corpus: str, root: Path, out: str | Path, options: Options = Options()
) -> Manifest:
    """Write the records of a corpus, or what is missing of them, and their manifest.

    Raises:
        ValueError: the corpus has errors, or the folder holds other records.
    """
    listing = list_tracks(corpus, root, config.data.splits)
    config = with_vocabulary(config, listing)
    folder = open_folder(str(out))
    if is_bucket(folder.url):
        # Which is checked by TensorFlow's own client, too.
        command.import_first(["tensorflow"])
    folder.check()
    if folder.stat(FILE_NAME):
        try:
            return _finished(config, listing, folder, options.skip_bad)
        finally:
            folder.close()
    before = placed_before(folder)
    placed = frozenset(key for shard in before.values() for key in shard.keys)
    tracks, findings = _examine(config, listing, options, folder.scratch, placed)
    good = [track for track in tracks if not track.errors]
    plans = {
        split: plan(split, [t for t in good if t.files.split == split], config.data.shard_mib)
        for split in SPLITS
    }
    entries = _place_all([shard for split in SPLITS for shard in plans[split]], folder, before)
    shards = {split: tuple(entries[shard.name] for shard in plans[split]) for split in SPLITS}
    leaks = listing.splits.known_leaks if listing.splits else ()
    skipped = tuple(track.files.name for track in findings.skipped)
    manifest = Manifest(config, corpus, code_revision(), shards, leaks, skipped)
    folder.write_text(FILE_NAME, manifest.to_json() + "\n")
    folder.close()
    return manifest


def _place_all(
    shards: Sequence[Shard], folder: Folder, before: dict[str, Placed]
) -> dict[str, ShardEntry]:
    """Puts all shards in place; returns their entries by name. Uploads take time, so there each gets a line."""
    entries: dict[str, ShardEntry] = {}
    started = time.monotonic()
    for entry in place_all(shards, folder, before):
        entries[entry.name] = entry
        left = (time.monotonic() - started) / len(entries) * (len(shards) - len(entries))
        if is_bucket(folder.url):
            position = f"{len(entries)}/{len(shards)}"
            print(
                f"{position} {entry.name} is there, {entry.num_bytes / 2**20:.1f} MiB ({clock(left)} left)",
                flush=True,
            )
    return entries


def check(config: Config, corpus: str, root: Path, options: Options = Options()) -> None:
    """Look at a corpus and print what is wrong with it; write nothing.

    Raises:
        ValueError: it has errors.
    """
    listing = list_tracks(corpus, root, config.data.splits)
    _examine(with_vocabulary(config, listing), listing, options, None, frozenset())


def with_vocabulary(config: Config, listing: Listing) -> Config:
    """The config with the vocabulary of the split file, if that has one."""
    if listing.splits is None or listing.splits.vocabulary is None:
        return config
    return dataclasses.replace(
        config, data=dataclasses.replace(config.data, sources=listing.splits.vocabulary)
    )


def _examine(
    config: Config, listing: Listing, options: Options, scratch: Path | None, placed: frozenset[str]
) -> tuple[list[Prepared], Findings]:
    """Every track, read and checked, and in ``scratch`` its records; prints the table and what is wrong."""
    jobs = [TrackJob(track, config, scratch, placed) for track in listing.tracks]
    jobs.sort(
        key=lambda job: -job.num_bytes
    )  # the longest first, so that no worker ends long after the others
    progress, tracks = _PreparationProgress(jobs), []
    for track in parallel.run(prepare, jobs, options.workers, imports=["tensorflow"]):
        tracks.append(track)
        progress.done(track)
    tracks.sort(key=lambda track: track.files.name)
    findings = judge(listing, tracks, config, options.strict, options.skip_bad)
    print("\n".join([*table(tracks), *finding_lines(findings)]), flush=True)
    if findings.errors:
        num_errors = pluralized(len(findings.errors), "error")
        raise ValueError(
            f"{listing.root} has {num_errors}, listed above; nothing was put in place."
        )
    return tracks, findings


def _finished(config: Config, listing: Listing, folder: Folder, skip_bad: bool) -> Manifest:
    """The manifest of a folder that an earlier job finished, if it is the job that was asked for."""
    manifest = load_manifest(folder.url)
    asked = sorted(
        (track.split or "", track.name)
        for track in listing.tracks
        if track.name not in manifest.skipped
    )
    found = sorted((split, track.name) for split in SPLITS for track in manifest.tracks(split))
    same = (manifest.corpus, manifest.config.audio, manifest.config.data) == (
        listing.corpus,
        config.audio,
        config.data,
    )
    if not same or asked != found:
        raise ValueError(
            f"{folder.url} already holds finished records of another corpus or config ({manifest.corpus}, "
            f"{manifest.config.name}); choose another --out, or delete that folder first."
        )
    if manifest.skipped and not skip_bad:
        raise ValueError(
            f"the finished records in {folder.url} lack {', '.join(manifest.skipped)}, which could not be read; delete "
            f"that folder to write all, or give --skip_bad to keep them as they are."
        )
    for entry in (entry for entries in manifest.shards.values() for entry in entries):
        if folder.stat(entry.name) != (entry.num_bytes, entry.crc32c):
            raise ValueError(
                f"{folder.url}/{entry.name} is not there with its {entry.num_bytes} bytes and its checksum; delete "
                f"what is there of it, and {folder.url}/{FILE_NAME}, then give the same command again."
            )
    return manifest


class _PreparationProgress:
    """A line per track: how many are done, and how long the rest will take at this rate."""

    def __init__(self, jobs: Sequence[TrackJob]) -> None:
        self._num_tracks, self._num_done = len(jobs), 0
        self._sizes = {job.files.name: job.num_bytes for job in jobs}
        self._bytes_left, self._bytes_done = sum(self._sizes.values()), 0
        self._started = time.monotonic()

    def done(self, track: Prepared) -> None:
        size = self._sizes[track.files.name]
        self._num_done += 1
        self._bytes_left -= size
        self._bytes_done += size if track.is_new else 0
        outcome = "cannot be read" if track.errors else "read" if track.is_new else "read before"
        position = f"{self._num_done}/{self._num_tracks}"
        print(
            f"{position} {track.files.split} {track.files.name}: {outcome}{self._time_left()}",
            flush=True,
        )

    def _time_left(self) -> str:
        """Empty while all tracks were read before: how long one takes is not known."""
        if not self._bytes_done:
            return ""
        return f" ({clock((time.monotonic() - self._started) / self._bytes_done * self._bytes_left)} left)"


def summary_lines(manifest: Manifest) -> Iterable[str]:
    """A finished folder in a few lines."""
    rate = manifest.config.audio.sample_rate
    for split in SPLITS:
        tracks = manifest.tracks(split)
        length = clock(sum(track.num_frames for track in tracks) / rate)
        num_excerpts, num_bytes = (
            sum(t.num_excerpts for t in tracks),
            sum(s.num_bytes for s in manifest.shards[split]),
        )
        yield (
            f"{split:6} {len(tracks):4} tracks {length:>9} {num_excerpts:6} records "
            f"{len(manifest.shards[split]):4} shards {num_bytes / 2**20:9.1f} MiB"
        )


FLAGS = flags.FLAGS


def main(_: Sequence[str]) -> None:
    """Flags -> config -> one call."""
    config = configs.load(FLAGS.config, FLAGS.set)
    if FLAGS.splits:
        config = dataclasses.replace(
            config, data=dataclasses.replace(config.data, splits=FLAGS.splits)
        )
    options = Options(FLAGS.workers or parallel.num_cores(), FLAGS.strict, FLAGS.skip_bad)
    if FLAGS.check:
        check(config, FLAGS.corpus, Path(FLAGS.root), options)
        return
    if not FLAGS.out:
        raise ValueError(
            "--out is missing: name the folder to write to, or use --check to write nothing."
        )
    manifest = write(config, FLAGS.corpus, Path(FLAGS.root), FLAGS.out, options)
    print(f"The records in {FLAGS.out} are complete:")
    for line in summary_lines(manifest):
        print("  " + line)


if __name__ == "__main__":
    flags.DEFINE_string(
        "config", None, f"experiment, one of {', '.join(configs.experiments())}", required=True
    )
    flags.DEFINE_enum("corpus", None, sorted(CORPORA), "layout of the corpus", required=True)
    flags.DEFINE_string("root", None, "folder of the corpus", required=True)
    flags.DEFINE_string("out", None, "folder to write to")
    flags.DEFINE_string("splits", None, "split name or split file instead of the config's")
    flags.DEFINE_bool("check", False, "read every file, report what is wrong, write nothing")
    flags.DEFINE_bool(
        "strict", False, "another number of tracks than was published is an error, not a warning"
    )
    flags.DEFINE_bool(
        "skip_bad", False, "leave out tracks that cannot be read, and list them at the end"
    )
    flags.DEFINE_integer(
        "workers", None, "processes; as many as there are cores unless given", lower_bound=1
    )
    flags.DEFINE_multi_string("set", [], "override, section.field=value; may be repeated")
    command.run(main)
