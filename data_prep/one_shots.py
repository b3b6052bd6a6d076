r"""Prepare single sounds (one-shots), such as drums, for a generator of sounds.

    python -m data_prep.one_shots --root=KITS --out=one_shots/drums
    python -m data_prep.one_shots --records=records/musdb --stem=drums --out=one_shots/musdb
    python -m data_prep.write --config=one_shots --corpus=one_shots --root=one_shots/drums \
        --out=records/drums

A one-shot is mono, of --num_frames frames, its peak at --attack_secs, faded at its end over 5 ms,
scaled to a peak of 1; shorter ones are padded with zeros. OUT gets a wav file (float) of each,
before_after.html, where they are seen and heard, and one_shots.json, which data_prep.write reads.

A folder under --root is a kit where it has a drumkit.xml (Hydrogen's), or folders with sounds; any
other folder is a class, whose sounds belong to no kit. So KIT/CLASS/a.wav, KIT/a.wav beside a
drumkit.xml, and CLASS/a.wav are all read. Words of the folder's name, or of the instrument's in the
drumkit.xml, or of the file's, say the class: kick, snare, tom, hat, cymbal, clap; else it is the
folder's name. --classes=snare,clap takes these alone.

With --records the stem of each track is cut where sounds begin; a sound is kept where nothing else
begins before its end, or what does is 20 dB softer. A track is a kit, and keeps its split.

A split never parts a kit, nor kits that share sounds: of sounds that are the same one stays. With
--splits=MINE.json (see docs/data.md), names or patterns of kits say the splits, and of a sound in
two of them the one that trains is left out. The same command finds what it made, and keeps it.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from absl import flags

from configs.splits import Split, Splits, load_splits
from data_prep.records.manifest import Manifest, load_manifest
from data_prep.runtime import command
from data_prep.runtime.quantities import pluralized
from data_prep.shots.finished import finished_before
from data_prep.shots.found import find_sounds, folder_sha256, of_classes
from data_prep.shots.making import (
    Chosen,
    Progress,
    choose,
    shape_cuts,
    shape_files,
    write_folder,
)
from data_prep.shots.prepared import LeftOut, OneShots, ShotSettings, Sound, Source
from data_prep.shots.shaping import MonoWaveform, load_mono
from data_prep.shots.splitting import split_by_file
from data_prep.shots.stems import cut_stems, num_tracks, require_stem
from data_prep.shots.telling import summary_lines
from data_prep.storage import is_bucket
from data_prep.storage.lock import held

# how a sound was before it was shaped
_Before = Callable[[Sound], MonoWaveform]


def from_folder(
    root: Path,
    out: Path,
    settings: ShotSettings,
    splits: Splits | None = None,
    skip_bad: bool = False,
    classes: Sequence[str] = (),
) -> OneShots:
    """Prepares the sounds of a folder, unless they are there; returns what one_shots.json says.

    Args:
        root: the folder of kits or classes.
        out: the folder to write to.
        settings: say what a one-shot is.
        splits: name kits; None: they are split here.
        skip_bad: whether files of which no one-shot can be made are left out, and no error.
        classes: of which sounds are taken; none: of all.

    Raises:
        ValueError: there are too few sounds, or bad ones, or ``out`` holds something else.
    """
    found = find_sounds(root)
    wanted = of_classes(found, classes)
    kits = list(dict.fromkeys(sound.kit for sound in wanted))
    given = split_by_file(kits, splits) if splits else None
    sounds = [sound for sound in wanted if given is None or sound.kit in given]
    source = Source("folder", folder_sha256(sounds), splits=_splits_sha256(splits))
    with held(str(out), "--out", beside=True):
        finished = finished_before(out, settings, source)
        if finished is not None:
            return finished
        for remark in found.remarks:
            print(remark)
        shots, left_out = shape_files(sounds, settings)
        _judge(left_out, skip_bad)
        rule = f"The split file says so: {splits.rule}" if splits else ""
        chosen = choose(shots, settings, given, rule)
        unsplit = [kit for kit in kits if splits and not splits.lists_with(kit)]
        return _write(
            out,
            chosen,
            settings,
            source,
            left_out,
            unsplit,
            lambda sound: load_mono(root / sound.source, settings.sample_rate),
        )


def from_records(
    manifest: Manifest,
    records: str,
    stem: str,
    out: Path,
    settings: ShotSettings,
    skip_bad: bool = False,
) -> OneShots:
    """Prepares the sounds of a stem of records, unless they are there; returns what is said.

    Args:
        manifest: of the records.
        records: their folder.
        stem: an instrument of their vocabulary.
        out: the folder to write to.
        settings: say what a one-shot is.
        skip_bad: whether silent sounds are left out, and no error.

    Raises:
        ValueError: there are too few sounds, or no such stem, or ``out`` holds something else.
    """
    require_stem(manifest, records, stem)
    contents = hashlib.sha256(manifest.to_json().encode()).hexdigest()
    source = Source("records", contents, stem=stem)
    with held(str(out), "--out", beside=True):
        finished = finished_before(out, settings, source)
        if finished is not None:
            return finished
        progress = Progress("tracks cut", num_tracks(manifest, stem))
        cuts = []
        for sounds in cut_stems(manifest, records, stem, settings):
            cuts += sounds
            progress.done()
        shots, left_out = shape_cuts(cuts, settings)
        _judge(left_out, skip_bad)
        given: dict[str, Split] = {cut.kit: cut.split for cut in cuts}
        chosen = choose(shots, settings, given, "The splits are those of the records.")
        before = {cut.name: cut.waveform for cut in cuts}
        return _write(out, chosen, settings, source, left_out, [], lambda sound: before[sound.name])


def _write(
    out: Path,
    chosen: Chosen,
    settings: ShotSettings,
    source: Source,
    left_out: Sequence[LeftOut],
    kits_without_split: Sequence[str],
    before: _Before,
) -> OneShots:
    """Writes the folder with its page."""
    after = {shot.sound.name: shot.shaped.waveform for shot, _ in chosen.kept}

    def write_page(folder: Path, shots: OneShots) -> None:
        # Here alone, because it is not needed to refuse anything.
        from data_prep.shots import page

        page.write_page(folder, shots, lambda sound: (before(sound), after[sound.name]))

    return write_folder(out, chosen, settings, source, left_out, kits_without_split, write_page)


def _judge(left_out: Sequence[LeftOut], skip_bad: bool) -> None:
    """Prints of which files no one-shot can be made.

    Raises:
        ValueError: there is one, and they are not to be skipped.
    """
    for each in left_out:
        print(f"left out: {each.source}: {each.reason}.")
    if left_out and not skip_bad:
        raise ValueError(
            f"{pluralized(len(left_out), 'file')} cannot be used, listed above; mend or remove "
            f"them, or leave them out with --skip_bad."
        )


def _splits_sha256(splits: Splits | None) -> str | None:
    if splits is None:
        return None
    text = json.dumps([splits.rule, splits.patterns], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


FLAGS = flags.FLAGS


def main(_: Sequence[str]) -> None:
    """Turns flags into settings and makes one call."""
    settings = ShotSettings(FLAGS.sample_rate, FLAGS.num_frames, FLAGS.attack_secs)
    if (FLAGS.root is None) == (FLAGS.records is None):
        raise ValueError("expected either --root, a folder of sounds, or --records and --stem.")
    if is_bucket(FLAGS.out):
        raise ValueError(f"--out is {FLAGS.out}; one-shots are kept in a local folder.")
    out = Path(FLAGS.out)
    if FLAGS.records is None:
        _require_unset(["stem"], "--records")
        splits = load_splits(FLAGS.splits) if FLAGS.splits else None
        shots = from_folder(Path(FLAGS.root), out, settings, splits, FLAGS.skip_bad, FLAGS.classes)
    else:
        # Records have splits, and a stem is one class.
        _require_unset(["splits", "classes"], "--root")
        if FLAGS.stem is None:
            raise ValueError("--stem is missing: name the instrument to cut, such as drums.")
        manifest = load_manifest(FLAGS.records)
        require_stem(manifest, FLAGS.records, FLAGS.stem)
        command.import_first(["tensorflow"])
        shots = from_records(manifest, FLAGS.records, FLAGS.stem, out, settings, FLAGS.skip_bad)
    print(f"The {len(shots.sounds)} one-shots in {out} are complete:")
    for line in summary_lines(shots):
        print("  " + line)


def _require_unset(names: Sequence[str], other: str) -> None:
    """Raises a ``ValueError`` where a flag is given that belongs to another way of reading."""
    for name in names:
        if FLAGS[name].value:
            raise ValueError(f"--{name} is for {other}; leave it out.")


if __name__ == "__main__":
    flags.DEFINE_string("root", None, "folder of kits, or of classes")
    flags.DEFINE_string("records", None, "folder of records whose stems are cut, instead of --root")
    flags.DEFINE_string("stem", None, "the instrument of the records that is cut")
    flags.DEFINE_string("out", None, "folder to write to", required=True)
    flags.DEFINE_integer("sample_rate", ShotSettings.sample_rate, "of the one-shots, in Hz")
    flags.DEFINE_integer("num_frames", ShotSettings.num_frames, "length of a one-shot")
    flags.DEFINE_float("attack_secs", ShotSettings.attack_secs, "where the peak of a one-shot is")
    flags.DEFINE_string("splits", None, "split name or split file, of the kits of --root")
    flags.DEFINE_list("classes", [], "take the sounds of these alone, such as snare,clap")
    flags.DEFINE_bool(
        "skip_bad", False, "leave out files of which no one-shot can be made, and list them"
    )
    command.run(main)
