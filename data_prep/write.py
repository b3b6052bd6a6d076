"""Write a corpus as sharded TFRecords, after checking it.

    python -m data_prep.write --config=urmp --corpus=urmp --root=URMP --out=records/urmp
    python -m data_prep.write --config=urmp --corpus=urmp --root=URMP --check
    python -m data_prep.write --config=musdb --corpus=folder --root=MINE --splits=my.json --out=OUT

Every track is decoded once: it is checked and its records are made on the way, in a scratch folder.
Where a check finds an error, nothing is put in place. An interrupted command continues with what is
missing, and the same corpus always gives the same bytes. The manifest comes last; a folder without
one is not finished.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from absl import flags

import configs
from configs import Config
from data_prep.corpora import CORPORA, Listing, list_tracks
from data_prep.corpora.context_file import with_context
from data_prep.records.entries import ShardEntry
from data_prep.records.manifest import FILE_NAME, Manifest
from data_prep.runtime import command, parallel
from data_prep.runtime.quantities import pluralized
from data_prep.runtime.revision import code_revision
from data_prep.storage import Folder, is_bucket, open_folder
from data_prep.storage.files import written_by_another
from data_prep.storage.lock import held
from data_prep.writing.checks import Findings, finding_lines, judge, table
from data_prep.writing.finished import require_finished
from data_prep.writing.prepare import PreparedTrack, TrackToPrepare, prepare
from data_prep.writing.progress import PreparationProgress, UploadProgress, summary_lines
from data_prep.writing.shards import Shard, ShardInPlace, plan_splits, put_shards, shards_in_place


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


def write(
    config: Config, corpus: str, root: Path, out: str | Path, options: Options = Options()
) -> Manifest:
    """Writes the records of a corpus, or what is missing of them, and their manifest.

    Raises:
        ValueError: the corpus has errors, or the folder holds other records.
    """
    config, listing = _listed(config, corpus, root, options)
    folder = open_folder(str(out))
    if is_bucket(folder.url):
        # The check asks TensorFlow's own client, too.
        command.import_first(["tensorflow"])
    folder.check()
    with held(folder.url, "--out") as hold:
        if folder.stat(FILE_NAME):
            try:
                return require_finished(
                    config,
                    listing,
                    folder,
                    skip_bad=options.skip_bad,
                    read_on=options.read_on_over_damage,
                )
            finally:
                folder.close()
        manifest = _write(config, listing, folder, options)
        hold.require()
        require_in_place(manifest, folder)
        # It comes last: a folder with a manifest is one in which nothing is missing.
        folder.write_text(FILE_NAME, manifest.to_json() + "\n")
        folder.close()
    return manifest


def _write(config: Config, listing: Listing, folder: Folder, options: Options) -> Manifest:
    """Writes what is missing of the shards of a corpus, and returns their manifest."""
    in_place = shards_in_place(folder)
    keys_in_place = frozenset(key for shard in in_place.values() for key in shard.keys)
    tracks, findings = _examine(config, listing, options, folder.scratch, keys_in_place)
    plans = plan_splits(tracks, config.data.shard_mib)
    all_shards = [shard for shards in plans.values() for shard in shards]
    entries = _put_in_place(all_shards, folder, in_place)
    return Manifest(
        config=config,
        corpus=listing.corpus,
        code_revision=code_revision(),
        shards={
            split: tuple(entries[shard.name] for shard in shards) for split, shards in plans.items()
        },
        known_leaks=listing.splits.known_leaks if listing.splits else (),
        skipped=tuple(track.files.name for track in findings.skipped),
        corpus_files={track.files.name: track.contents for track in tracks},
    )


def require_in_place(manifest: Manifest, folder: Folder) -> None:
    """Refuses a bucket in which a shard is not what was put there; a disk has a lock for that.

    Raises:
        ValueError: another writer replaced a shard, or deleted it.
    """
    if not is_bucket(folder.url):
        return
    for entry in manifest.all_shards():
        if folder.stat(entry.name) != (entry.num_bytes, entry.crc32c):
            raise written_by_another(f"{folder.url}/{entry.name}")


def _put_in_place(
    shards: Sequence[Shard], folder: Folder, in_place: dict[str, ShardInPlace]
) -> dict[str, ShardEntry]:
    """Puts all shards in place and returns their entries by name."""
    entries: dict[str, ShardEntry] = {}
    progress = UploadProgress(len(shards))
    for entry in put_shards(shards, folder, in_place):
        entries[entry.name] = entry
        # On a disk it takes no time that anybody would want to be told of.
        if is_bucket(folder.url):
            progress.done(entry)
    return entries


def check(config: Config, corpus: str, root: Path, options: Options = Options()) -> None:
    """Looks at a corpus and prints what is wrong with it; writes nothing.

    Raises:
        ValueError: it has errors.
    """
    config, listing = _listed(config, corpus, root, options)
    _examine(config, listing, options, scratch=None, keys_in_place=frozenset())


def _listed(config: Config, corpus: str, root: Path, options: Options) -> tuple[Config, Listing]:
    """Returns the tracks of a corpus, and the config with the vocabulary of the split file."""
    beside = [] if options.context is None else [options.context]
    listing = list_tracks(corpus, root, config.data.splits, beside)
    if listing.splits is not None and listing.splits.vocabulary is not None:
        data = dataclasses.replace(config.data, sources=listing.splits.vocabulary)
        config = dataclasses.replace(config, data=data)
    if options.context is not None:
        listing = with_context(listing, config.data.sources, options.context)
    return config, listing


def _examine(
    config: Config,
    listing: Listing,
    options: Options,
    scratch: Path | None,
    keys_in_place: frozenset[str],
) -> tuple[list[PreparedTrack], Findings]:
    """Reads and checks every track, and writes its records to ``scratch`` where there is one.

    It prints the table and what is wrong.

    Raises:
        ValueError: the corpus has errors.
    """
    wanted = [
        TrackToPrepare(
            files=dataclasses.replace(files, read_on=options.read_on_over_damage),
            config=config,
            scratch=scratch,
            keys_in_place=keys_in_place,
        )
        for files in listing.tracks
    ]
    # The longest come first, so that no worker ends long after the others.
    wanted.sort(key=lambda track: -track.num_bytes)
    progress = PreparationProgress(wanted)
    tracks = []
    for track in parallel.run(prepare, wanted, options.workers, imports=["tensorflow"]):
        tracks.append(track)
        progress.done(track)
    # They came in the order in which the workers finished; what is written must not depend on it.
    tracks.sort(key=lambda track: track.files.name)
    findings = judge(listing, tracks, config, options.strict, options.skip_bad)
    print("\n".join([*table(tracks), *finding_lines(findings)]), flush=True)
    if findings.errors:
        num_errors = pluralized(len(findings.errors), "error")
        raise ValueError(
            f"{listing.root} has {num_errors}, listed above; nothing was put in place."
        )
    return tracks, findings


FLAGS = flags.FLAGS


def main(_: Sequence[str]) -> None:
    """Turns flags into a config and makes one call."""
    config = configs.load(FLAGS.config, FLAGS.set)
    if FLAGS.splits:
        data = dataclasses.replace(config.data, splits=FLAGS.splits)
        config = dataclasses.replace(config, data=data)
    options = Options(
        workers=FLAGS.workers or parallel.num_cores(),
        strict=FLAGS.strict,
        skip_bad=FLAGS.skip_bad,
        read_on_over_damage=FLAGS.read_on_over_damage,
        context=Path(FLAGS.context) if FLAGS.context else None,
    )
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
    flags.DEFINE_string(
        "context", None, "npz file with a vector for each TRACK/INSTRUMENT, from another modality"
    )
    flags.DEFINE_bool("check", False, "read every file, report what is wrong, write nothing")
    flags.DEFINE_bool(
        "strict", False, "another number of tracks than was published is an error, not a warning"
    )
    flags.DEFINE_bool(
        "skip_bad", False, "leave out tracks that cannot be read, and list them at the end"
    )
    flags.DEFINE_bool(
        "read_on_over_damage",
        False,
        "put silence where a file is damaged or cut short, and warn, instead of an error",
    )
    flags.DEFINE_integer(
        "workers", None, "processes; as many as there are cores unless given", lower_bound=1
    )
    flags.DEFINE_multi_string("set", [], "override, section.field=value; may be repeated")
    command.run(main)
