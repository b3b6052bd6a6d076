"""Defines the flags by which commands name a run, a checkpoint and tracks; needs no TensorFlow."""

from typing import Any

from absl import flags

from configs.schema import WEIGHTS
from configs.splits import SPLITS

FLAGS = flags.FLAGS
# The help of a command then shows the flags as its own: define_flags defines them for it.
flags.disclaim_key_flags()


def define_flags(workdir_required: bool = True) -> None:
    """Defines the flags that ``flag_values`` returns."""
    flags.DEFINE_string("workdir", None, "folder of the run", required=workdir_required)
    flags.DEFINE_string(
        "records", "", "folder of the records instead of those the run was trained on"
    )
    flags.DEFINE_enum("split", "test", SPLITS, "which tracks to score")
    flags.DEFINE_string("checkpoint", "best", "best (in validation), latest, or a number of steps")
    flags.DEFINE_enum(
        "weights",
        "average",
        WEIGHTS,
        "the moving average where the run kept one, or the raw weights",
    )
    flags.DEFINE_multi_string("set", [], "override, evaluation.field=value; may be repeated")


def flag_values() -> dict[str, Any]:
    """Returns the named arguments of ``evaluation.estimates.opened_run.open_run``."""
    return {
        "workdir": FLAGS.workdir,
        "records": FLAGS.records,
        "split": FLAGS.split,
        "checkpoint": FLAGS.checkpoint,
        "overrides": FLAGS.set,
        "weights": FLAGS.weights,
    }
