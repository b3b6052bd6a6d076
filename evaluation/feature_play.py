"""Makes sounds that excite features of a run which puts clips in order, and a page to hear them.

    python -m evaluation.feature_play --workdir=runs/ordering --features=0,1,2 --out=play.html

Three sounds a feature, made of noise. It is play: the page says so.
"""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from configs import OrderingSettings
from data_prep.runtime import command
from trainer.inference.checkpoint_flags import define_checkpoint_flags
from trainer.loop.workdir import load_run

FLAGS = flags.FLAGS


def main(_: Sequence[str]) -> None:
    """Makes the page."""
    run = load_run(FLAGS.workdir)
    task = run.config.task
    if not isinstance(task, OrderingSettings):
        raise ValueError(
            f"{FLAGS.workdir} is a run of the task {task.kind}; expected one that puts clips in "
            "order."
        )
    out = Path(FLAGS.out)
    if out.suffix != ".html":
        raise ValueError(f"--out is {FLAGS.out}; expected a name that ends in .html.")
    features = [_feature(text, task.features) for text in FLAGS.features]
    with command.importing():
        from evaluation.tasks.ordering.playing import play

    words = ["python", "-m", "evaluation.feature_play", *sys.argv[1:]]
    play(run, FLAGS.workdir, FLAGS.checkpoint, FLAGS.weights, features, out, shlex.join(words))
    print(f"page: {out}")


def _feature(text: str, num_features: int) -> int:
    if not text.strip().isdigit() or int(text) >= num_features:
        raise ValueError(f"--features has {text!r}; expected numbers from 0 to {num_features - 1}.")
    return int(text)


if __name__ == "__main__":
    define_checkpoint_flags(True, False)
    flags.DEFINE_list("features", "0,1,2,3,4,5", "numbers of features, from 0 on")
    flags.DEFINE_string("out", "play.html", "page to write")
    command.run(main)
