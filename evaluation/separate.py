"""Separates audio files with a trained network.

    python -m evaluation.separate --workdir=runs/urmp_labels song.wav --labels=vn,vc --out=stems

writes stems/song/vn.wav and stems/song/vc.wav. Every estimate has the rate, channels and length of
its file.
"""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from data_prep.audio.waveforms import read_audio
from data_prep.runtime import command
from data_prep.storage import is_bucket, open_folder
from data_prep.storage.folder import making
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
    alone.

    Args:
        separator: estimates the sources.
        paths: of the audio files.
        labels: the instruments that play, or None where they are not known.
        out: path or address of the folder to write to.

    Returns:
        The paths or addresses of what was written.

    Raises:
        ValueError: a label is unknown or a file cannot be read; nothing is written for that file.
    """
    _refuse_same_names(paths)
    # Refuses labels that it does not know, before the first file is read.
    separator.label_vector(labels)
    chosen = [
        source for source in separator.config.data.sources if labels is None or source in labels
    ]
    written = []
    for path in paths:
        url = _separate_file(separator, path, labels, chosen, f"{out}/{path.stem}")
        print(f"{path.name}: {', '.join(chosen)} -> {url}", flush=True)
        written += [f"{url}/{source}.wav" for source in chosen]
    return written


def _refuse_same_names(paths: Sequence[Path]) -> None:
    stems = [path.stem for path in paths]
    for stem in stems:
        if stems.count(stem) > 1:
            raise ValueError(
                f"two files are called {stem!r}; separate them into different folders with --out."
            )


def _separate_file(
    separator: "Separator",
    path: Path,
    labels: Sequence[str] | None,
    chosen: Sequence[str],
    out: str,
) -> str:
    """Writes the chosen sources of one file; returns the path or address of their folder."""
    waveform, sample_rate = read_audio(path)
    # (K, T, C) each, at the rate of the file again.
    blocks = separator.iter_separated(waveform, sample_rate, labels)
    blocks = watch(blocks, path.name, len(waveform), sample_rate)
    sources = separator.config.data.sources
    with ExitStack() as stack:
        folder = stack.enter_context(closing(open_folder(out)))
        # A file appears under its name when the stack is left, which is when all of them are whole.
        files = {source: stack.enter_context(making(folder, f"{source}.wav")) for source in chosen}
        write_blocks(
            files,
            sample_rate=sample_rate,
            channels=waveform.shape[1],
            blocks=(dict(zip(sources, block, strict=True)) for block in blocks),
        )
        return folder.url


def main(arguments: Sequence[str]) -> None:
    """Separates the files that the arguments name."""
    paths = [Path(argument) for argument in arguments[1:]]
    if not paths:
        raise ValueError("name at least one audio file to separate.")
    workdir = require_run(FLAGS.workdir)
    labels = _split_labels(FLAGS.labels)
    with command.importing():
        from trainer.inference.separator import TrainedSeparator

    out = open_folder(FLAGS.out)
    if is_bucket(out.url):
        # Before the network is restored, which takes long.
        out.check()
    separator = TrainedSeparator(workdir, FLAGS.checkpoint, FLAGS.weights)
    separate_files(separator, paths, labels, out.url)


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
