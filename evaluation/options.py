"""Defines the flags by which commands name a run, a checkpoint and tracks; needs no TensorFlow."""

from absl import flags

from configs.splits import SPLITS
from evaluation.estimates.named_checkpoint import NamedCheckpoint
from trainer.inference.checkpoint_flags import define_checkpoint_flags

FLAGS = flags.FLAGS
# The help of a command then shows the flags as its own: define_flags defines them for it.
flags.disclaim_key_flags()


def define_flags(workdir_required: bool = True, several: bool = False) -> None:
    """Defines the flags that ``named_checkpoint`` reads.

    Args:
        workdir_required: whether the command cannot do without a run.
        several: whether --workdir may be repeated, for the mean of runs.
    """
    define_checkpoint_flags(workdir_required, several)
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
    workdirs = [FLAGS.workdir] if isinstance(FLAGS.workdir, str) else FLAGS.workdir
    workdir, *others = workdirs
    return NamedCheckpoint(
        workdir=workdir,
        records=FLAGS.records,
        split=FLAGS.split,
        checkpoint=FLAGS.checkpoint,
        overrides=FLAGS.set,
        weights=FLAGS.weights,
        out=FLAGS.out,
        averaged_with=others,
    )
