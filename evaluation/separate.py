"""Separates audio files with a trained network.

    python -m evaluation.separate --workdir=runs/urmp_labels song.wav --labels=vn,vc --out=stems

writes stems/song/vn.wav and stems/song/vc.wav. Every estimate has the rate, channels and length of
its file, of any kind that FFmpeg decodes. A folder in place of a file means the sound files in it.
"""

import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from data_prep.audio.decoding import DecodedFile, is_sound_name
from data_prep.runtime import command
from data_prep.storage import is_bucket, open_folder
from data_prep.storage.folder import making
from data_prep.storage.lock import keeping
from evaluation.estimates.bars import watch
from evaluation.estimates.track_on_disk import write_blocks
from trainer.loop.checkpoint_flags import define_checkpoint_flags
from trainer.loop.workdir import require_run

# It imports TensorFlow, for which a command that is refused does not wait.
if TYPE_CHECKING:
    from trainer.inference.separator import Separator

FLAGS = flags.FLAGS


def separate_files(
    separator: "Separator", paths: Sequence[Path], labels: Sequence[str] | None, out: str | Path
) -> list[str]:
    """Writes ``OUT/FILE/SOURCE.wav`` for every file and label, or source where labels are None.

    In float, because an estimate may exceed full scale and clipping would be an error of the file
    alone. Where a file is damaged, a warning says so.

    Args:
        separator: estimates the sources.
        paths: of the audio files.
        labels: the instruments that play, or None where they are not known.
        out: path or address of the folder to write to.

    Returns:
        The paths or addresses of what was written.

    Raises:
        ValueError: a label is unknown, two files have one name, or some files cannot be read; the
            others are separated first, and of those nothing is written.
    """
    _refuse_same_names(paths)
    # Refuses labels that it does not know, before the first file is read.
    separator.label_vector(labels)
    chosen = [
        source for source in separator.config.data.sources if labels is None or source in labels
    ]
    written = []
    refusals = []
    for path in paths:
        try:
            url = _separate_file(separator, path, labels, chosen, f"{out}/{_folder_name(path)}")
        except ValueError as error:
            named = str(path) in str(error)
            refusals.append(str(error) if named else f"{path}: {error}")
            continue
        print(f"{path.name}: {', '.join(chosen)} -> {url}", flush=True)
        written += [f"{url}/{source}.wav" for source in chosen]
    if refusals:
        of_all = "" if len(paths) == 1 else f"{len(refusals)} of {len(paths)} were not separated: "
        raise ValueError(of_all + " ".join(refusals))
    return written


def find_sounds(paths: Iterable[Path]) -> list[Path]:
    """Returns files, and in place of folders the sound files in them, in order.

    Raises:
        ValueError: there is none, or no sound file in a folder.
    """
    found = []
    for path in paths:
        if path.is_dir():
            sounds = [each for each in sorted(path.iterdir()) if is_sound_name(each)]
            if not sounds:
                raise ValueError(f"the folder {path} holds no sound files.")
            found += sounds
        elif path.is_file():
            found.append(path)
        else:
            raise ValueError(f"there is no file {path}.")
    return found


def _refuse_same_names(paths: Sequence[Path]) -> None:
    names = [_folder_name(path) for path in paths]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"two files are called {name!r}; separate them into different folders with --out."
            )


def _folder_name(path: Path) -> str:
    """Returns the name of the folder of a file's estimates, which lies in the folder to write to.

    A name such as ``...wav`` would lead out of it without its suffix.
    """
    return path.stem if path.stem.strip(".") else path.name


def _separate_file(
    separator: "Separator",
    path: Path,
    labels: Sequence[str] | None,
    chosen: Sequence[str],
    out: str,
) -> str:
    """Writes the chosen sources of one file; returns the path or address of their folder."""
    file = DecodedFile(path)
    sample_rate, num_channels = file.audio_format
    num_frames = file.num_announced or 0
    # (K, T, C) each, at the rate of the file again.
    blocks = separator.iter_stream_separated(file.iter_blocks(), sample_rate, labels)
    blocks = watch(blocks, path.name, num_frames, sample_rate)
    sources = separator.config.data.sources
    folder = open_folder(out)
    with ExitStack() as stack:
        stack.enter_context(keeping(folder, "--out"))
        # A file appears under its name when the stack is left, which is when all of them are whole.
        files = {source: stack.enter_context(making(folder, f"{source}.wav")) for source in chosen}
        write_blocks(
            files,
            sample_rate=sample_rate,
            channels=num_channels,
            blocks=(dict(zip(sources, block, strict=True)) for block in blocks),
            num_frames=num_frames,
        )
    for warning in file.warnings():
        print(f"warning: {warning}", file=sys.stderr, flush=True)
    return folder.url


def main(arguments: Sequence[str]) -> None:
    """Separates the files that the arguments name."""
    paths = [Path(argument) for argument in arguments[1:]]
    if not paths:
        raise ValueError("name at least one audio file to separate.")
    workdir = require_run(FLAGS.workdir)
    # Before anything slow is imported.
    sounds = find_sounds(paths)
    labels = _split_labels(FLAGS.labels)
    with command.importing():
        from trainer.inference.separator import TrainedSeparator

    out = open_folder(FLAGS.out)
    if is_bucket(out.url):
        # Before the network is restored, which takes long.
        out.check()
    separator = TrainedSeparator(workdir, FLAGS.checkpoint, FLAGS.weights)
    separate_files(separator, sounds, labels, out.url)


def _split_labels(text: str | None) -> list[str] | None:
    if text is None:
        return None
    labels = [label.strip() for label in text.split(",") if label.strip()]
    if not labels:
        raise ValueError(
            "--labels names nothing; leave it out where the instruments are not known."
        )
    return labels


if __name__ == "__main__":
    define_checkpoint_flags()
    flags.DEFINE_string(
        "labels",
        None,
        "instruments that play, separated by commas; leave out where they are not known",
    )
    flags.DEFINE_string("out", "separated", "folder to write to")
    command.run(main, takes_files=True)
