"""Makes a page on which the sounds of a network are played: a map, sliders, and sounds to drop.

    python -m evaluation.play --workdir=runs/drums --out=play.html

One file that asks nobody for anything: the network is in it, and its script makes the sounds.
"""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from configs import GenerationSettings
from data_prep.runtime import command
from trainer.inference.checkpoint_flags import define_checkpoint_flags
from trainer.loop.workdir import load_run

FLAGS = flags.FLAGS


def main(_: Sequence[str]) -> None:
    """Makes the page."""
    run = load_run(FLAGS.workdir)
    task = run.config.task
    if not isinstance(task, GenerationSettings):
        raise ValueError(
            f"{FLAGS.workdir} is a run of the task {task.kind}; expected one that makes one-shots."
        )
    out = Path(FLAGS.out)
    if out.suffix != ".html":
        raise ValueError(f"--out is {FLAGS.out}; expected a name that ends in .html.")
    if not out.absolute().parent.is_dir():
        raise ValueError(
            f"there is no folder {out.parent} for {out}; make it or choose another --out."
        )
    with command.importing():
        from evaluation.player.making import write_page

    words = ["python", "-m", "evaluation.play", *sys.argv[1:]]
    write_page(
        run,
        FLAGS.workdir,
        FLAGS.checkpoint,
        FLAGS.weights,
        out,
        in_halves=FLAGS.float16,
        command=shlex.join(words),
    )
    print(f"page: {out}")


if __name__ == "__main__":
    define_checkpoint_flags(True, False)
    flags.DEFINE_string("out", "play.html", "page to write")
    flags.DEFINE_bool("float16", False, "write the weights in half of the bytes")
    command.run(main)
