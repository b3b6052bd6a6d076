"""Separate audio files with a trained network; every estimate has the rate, channels and length of its file.

    python -m evaluation.separate --workdir=runs/urmp_labels song.wav --labels=vn,vc --out=stems

writes stems/song/vn.wav and stems/song/vc.wav.
"""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from configs.schema import WEIGHTS
from data_prep.audio.waveforms import read_audio
from data_prep.runtime import command
from data_prep.storage import is_bucket, open_folder
from data_prep.storage.folder import making
from evaluation.estimates.bars import watch
from evaluation.estimates.track_on_disk import write_blocks
from trainer.loop.workdir import require_run

if TYPE_CHECKING:
    from trainer.inference.separator import Separator

FLAGS = flags.FLAGS


def separate_files(
    separator: "Separator", paths: Sequence[Path], labels: Sequence[str] | None, out: str | Path
) -> list[str]:
    """Write ``OUT/FILE/SOURCE.wav`` for every file and label, or for every source where labels are None.

    In float, because an estimate may exceed full scale and clipping would be an error of the file alone.

    Returns:
        The paths or addresses of what was written.

    Raises:
        ValueError: a label is unknown or a file cannot be read; nothing is written for that file.
    """
    if twice := [
        path.stem for path in paths if [other.stem for other in paths].count(path.stem) > 1
    ]:
        raise ValueError(
            f"two files are called {twice[0]!r}; separate them into different folders with --out."
        )
    separator.label_vector(labels)  # before the first file is read
    sources = separator.config.data.sources
    chosen = [name for name in sources if labels is None or name in labels]
    written = []
    for path in paths:
        waveform, rate = read_audio(path)
        blocks = watch(
            separator.iter_separated(waveform, rate, labels), path.name, len(waveform), rate
        )
        with ExitStack() as stack:
            folder = stack.enter_context(closing(open_folder(f"{out}/{path.stem}")))
            targets = {name: stack.enter_context(making(folder, f"{name}.wav")) for name in chosen}
            write_blocks(
                targets,
                rate,
                waveform.shape[1],
                (dict(zip(sources, block, strict=True)) for block in blocks),
            )
            written += [f"{folder.url}/{name}.wav" for name in chosen]
        print(f"{path.name}: {', '.join(chosen)} -> {folder.url}", flush=True)
    return written


def main(arguments: Sequence[str]) -> None:
    """Flags -> separator -> one call."""
    paths = [Path(argument) for argument in arguments[1:]]
    if not paths:
        raise ValueError("name at least one audio file to separate.")
    workdir = require_run(FLAGS.workdir)
    with command.importing():
        from trainer.inference.separator import TrainedSeparator

    out = open_folder(FLAGS.out)
    if is_bucket(out.url):
        out.check()
    separator = TrainedSeparator(workdir, FLAGS.checkpoint, FLAGS.weights)
    labels = None
    if FLAGS.labels is not None:
        labels = [label.strip() for label in FLAGS.labels.split(",") if label.strip()]
        if not labels:
            raise ValueError(
                "--labels names nothing; leave it out where the instruments are not known."
            )
    separate_files(separator, paths, labels, out.url)


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "folder of the run", required=True)
    flags.DEFINE_string(
        "labels",
        None,
        "instruments that play, separated by commas; leave out where they are not known",
    )
    flags.DEFINE_string("out", "separated", "folder to write to")
    flags.DEFINE_string("checkpoint", "best", "best (in validation), latest, or a number of steps")
    flags.DEFINE_enum(
        "weights",
        "average",
        WEIGHTS,
        "the moving average where the run kept one, or the raw weights",
    )
    command.run(main, takes_files=True)
