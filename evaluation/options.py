"""Defines the flags by which commands name a run, a checkpoint and tracks; needs no TensorFlow."""

from absl import flags

from configs.splits import SPLITS
from evaluation.estimates.named_checkpoint import NamedCheckpoint
from trainer.loop.checkpoint_flags import define_checkpoint_flags

FLAGS = flags.FLAGS
# The help of a command then shows the flags as its own: define_flags defines them for it.
flags.disclaim_key_flags()


def define_flags(workdir_required: bool = True) -> None:
    """Defines the flags that ``named_checkpoint`` reads."""
    define_checkpoint_flags(workdir_required)
    flags.DEFINE_string(
        "records", "", "folder of the records instead of those the run was trained on"
    )
    flags.DEFINE_string(
        "out", "", "folder for the results instead of WORKDIR/evaluation/STEP-SPLIT"
    )
    flags.DEFINE_enum("split", "test", SPLITS, "which tracks to score")
    flags.DEFINE_multi_string("set", [], "override, evaluation.field=value; may be repeated")


def named_checkpoint() -> NamedCheckpoint:
    """Returns what the flags name."""
    return NamedCheckpoint(
        workdir=FLAGS.workdir,
        records=FLAGS.records,
        split=FLAGS.split,
        checkpoint=FLAGS.checkpoint,
        overrides=FLAGS.set,
        weights=FLAGS.weights,
        out=FLAGS.out,
    )
