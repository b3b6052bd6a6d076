"""Write a corpus as sharded TFRecords, after checking it.

    python -m data_prep.write --config=urmp --corpus=urmp --root=URMP --out=records/urmp
    python -m data_prep.write --config=urmp --corpus=urmp --root=URMP --check
    python -m data_prep.write --config=musdb --corpus=folder --root=MINE --splits=my.json --out=OUT
    python -m data_prep.write --config=urmp --corpus=urmp --root=URMP --out=gs://B/urmp --part=0/20
    python -m data_prep.write --config=urmp --corpus=urmp --root=URMP --out=OUT --runner=beam

Every track is decoded once: it is checked and its records are made on the way, in a scratch folder.
Where a check finds an error, nothing is put in place. An interrupted command continues with what is
missing, and the same corpus always gives the same bytes. The manifest comes last; a folder without
one is not finished. Of a large corpus each of many machines prepares a part; the same command
without --part then makes shards of all. Or Apache Beam hands the tracks to workers of its own; what
follows -- are flags of Beam.
"""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from absl import flags

import configs
from configs import Config
from data_prep.corpora import CORPORA, Listing
from data_prep.records.entries import ShardEntry
from data_prep.records.manifest import FILE_NAME, Manifest
from data_prep.runtime import command, parallel
from data_prep.runtime.quantities import pluralized
from data_prep.runtime.revision import code_revision
from data_prep.storage import Folder, is_bucket, open_folder
from data_prep.storage.files import written_by_another
from data_prep.storage.lock import Hold, held
from data_prep.writing.beam import prepare_by_beam, require_beam
from data_prep.writing.examination import (
    PLAIN,
    Options,
    examine,
    listed,
    prepare_all,
    tracks_to_prepare,
)
from data_prep.writing.finished import require_finished
from data_prep.writing.parts import Part, held_part, parse_part, require_no_part
from data_prep.writing.prepare import PreparedTrack
from data_prep.writing.progress import UploadProgress, summary_lines
from data_prep.writing.scratch import Scratch, open_scratch, remove_shared
from data_prep.writing.shards import Shard, ShardInPlace, plan_splits, put_shards, shards_in_place


def write(
    config: Config, corpus: str, root: str | Path, out: str | Path, options: Options = PLAIN
) -> Manifest:
    """Writes the records of a corpus, or what is missing of them, and their manifest.

    Raises:
        ValueError: the corpus has errors, or the folder holds other records.
    """
    with listed(config, corpus, root, options) as (config, listing):
        folder = _opened(out)
        with held(folder.url, "--out") as hold:
            return _write_held(config, listing, folder, options, hold)


def _write_held(
    config: Config, listing: Listing, folder: Folder, options: Options, hold: Hold
) -> Manifest:
    """Writes the records to a folder that is this job's own."""
    if folder.stat(FILE_NAME):
        try:
            return require_finished(config, listing, folder, options)
        finally:
            _close(folder)
    require_no_part(folder)
    manifest = _write(config, listing, folder, options)
    hold.require()
    require_in_place(manifest, folder)
    # It comes last: a folder with a manifest is one in which nothing is missing.
    folder.write_text(FILE_NAME, manifest.to_json() + "\n")
    _close(folder)
    return manifest


def prepare_part(
    config: Config,
    corpus: str,
    root: str | Path,
    out: str | Path,
    part: Part,
    options: Options = PLAIN,
) -> list[PreparedTrack]:
    """Prepares every so many-th track, for ``write`` to find; returns those tracks.

    Parts may run at the same time, on machines that share the folder, and in any order.

    Raises:
        ValueError: a track cannot be read, where ``options`` do not skip it, or the folder holds
            other records.
    """
    with listed(config, corpus, root, options) as (config, listing):
        folder = _opened(out)
        if folder.stat(FILE_NAME):
            require_finished(config, listing, folder, options)
            return []
        with held_part(folder, part):
            scratch = open_scratch(folder, sends=True)
            wanted = tracks_to_prepare(config, part.of(listing.tracks), options, scratch)
            tracks = prepare_all(wanted, options.workers)
    sentences = [sentence for track in tracks for sentence in track.errors]
    print("\n".join(f"  {sentence}" for sentence in sentences), end="\n" if sentences else "")
    if sentences and not options.skip_bad:
        raise ValueError(
            f"{pluralized(len(sentences), 'error')} in this part, listed above; the other tracks "
            f"of it are prepared."
        )
    return tracks


def _opened(out: str | Path) -> Folder:
    """Opens the folder of the records, which is made if need be, and tries it out."""
    folder = open_folder(str(out))
    if is_bucket(folder.url):
        # The check asks TensorFlow's own client, too.
        command.import_first(["tensorflow"])
    folder.check()
    return folder


def _close(folder: Folder) -> None:
    """Removes what was needed on the way, here and in a bucket."""
    if is_bucket(folder.url):
        remove_shared(folder)
    folder.close()


def _write(config: Config, listing: Listing, folder: Folder, options: Options) -> Manifest:
    """Writes what is missing of the shards of a corpus, and returns their manifest."""
    in_place = shards_in_place(folder)
    keys_in_place = frozenset(key for shard in in_place.values() for key in shard.keys)
    if options.beam is not None:
        scratch = open_scratch(folder, sends=True)
        wanted = tracks_to_prepare(config, listing.tracks, options, scratch, keys_in_place)
        prepare_by_beam(wanted, options.workers, options.beam)
    # Opened now, it knows what workers elsewhere have put there.
    scratch = open_scratch(folder)
    wanted = tracks_to_prepare(config, listing.tracks, options, scratch, keys_in_place)
    tracks, findings = examine(config, listing, options, wanted)
    plans = plan_splits(tracks, config.data.shard_mib)
    all_shards = [shard for shards in plans.values() for shard in shards]
    entries = _put_in_place(all_shards, folder, scratch, in_place)
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
    shards: Sequence[Shard],
    folder: Folder,
    scratch: Scratch,
    in_place: dict[str, ShardInPlace],
) -> dict[str, ShardEntry]:
    """Puts all shards in place and returns their entries by name."""
    entries: dict[str, ShardEntry] = {}
    progress = UploadProgress(len(shards))
    for entry in put_shards(shards, folder, scratch, in_place):
        entries[entry.name] = entry
        # On a disk it takes no time that anybody would want to be told of.
        if is_bucket(folder.url):
            progress.done(entry)
    return entries


def check(config: Config, corpus: str, root: str | Path, options: Options = PLAIN) -> None:
    """Looks at a corpus and prints what is wrong with it; writes nothing.

    Raises:
        ValueError: it has errors.
    """
    with listed(config, corpus, root, options) as (config, listing):
        examine(config, listing, options, tracks_to_prepare(config, listing.tracks, options, None))


FLAGS = flags.FLAGS


def _flags_of_beam(argv: Sequence[str]) -> tuple[str, ...] | None:
    """Returns what stands behind ``--``, for Beam; None where Beam is not asked for.

    Raises:
        ValueError: Beam cannot do what the flags say.
    """
    if FLAGS.runner != "beam":
        command.require_flags_alone(argv)
        return None
    if FLAGS.check or FLAGS.part:
        raise ValueError("--runner=beam prepares a whole corpus; leave out --check and --part.")
    require_beam(argv[1:], FLAGS.out or "")
    return tuple(argv[1:])


def main(argv: Sequence[str]) -> None:
    """Turns flags into a config and makes one call."""
    beam = _flags_of_beam(argv)
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
        beam=beam,
    )
    if FLAGS.check and FLAGS.part:
        raise ValueError("--check judges a whole corpus and writes nothing; leave out --part.")
    if FLAGS.check:
        check(config, FLAGS.corpus, FLAGS.root, options)
        return
    if not FLAGS.out:
        raise ValueError(
            "--out is missing: name the folder to write to, or use --check to write nothing."
        )
    if FLAGS.part:
        part = parse_part(FLAGS.part, os.environ)
        prepare_part(config, FLAGS.corpus, FLAGS.root, FLAGS.out, part, options)
        print(
            f"Part {part.index} of {part.count} is prepared; when all are, the same command "
            f"without --part makes shards of them."
        )
        return
    manifest = write(config, FLAGS.corpus, FLAGS.root, FLAGS.out, options)
    print(f"The records in {FLAGS.out} are complete:")
    for line in summary_lines(manifest):
        print("  " + line)


if __name__ == "__main__":
    flags.DEFINE_string(
        "config", None, f"experiment, one of {', '.join(configs.experiments())}", required=True
    )
    flags.DEFINE_enum("corpus", None, sorted(CORPORA), "layout of the corpus", required=True)
    flags.DEFINE_string("root", None, "folder of the corpus, or its gs:// address", required=True)
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
    flags.DEFINE_string(
        "part",
        None,
        "prepare this part of the tracks alone, on one of several machines: I/N with I from 0 to "
        "N - 1, or array where Cloud Batch or Slurm says both, array/N where Kubernetes says I",
    )
    flags.DEFINE_enum(
        "runner",
        "processes",
        ["processes", "beam"],
        "who prepares the tracks: processes of this machine, or Apache Beam, whose own flags stand "
        "at the end, behind --, such as -- --runner=DataflowRunner --project=MINE",
    )
    flags.DEFINE_integer(
        "workers", None, "processes; as many as there are cores unless given", lower_bound=1
    )
    flags.DEFINE_multi_string("set", [], "override, section.field=value; may be repeated")
    command.run(main, takes_files=True)
