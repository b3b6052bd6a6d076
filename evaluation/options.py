"""The flags by which commands name a run, a checkpoint, tracks and how they are scored; they need no TensorFlow."""

from absl import flags

from configs.schema import WEIGHTS
from configs.splits import SPLITS

FLAGS = flags.FLAGS
flags.disclaim_key_flags()  # --help of a command shows what define_flags defines for it


def define_flags(workdir_required: bool = True) -> None:
    """The flags that ``flag_values`` returns."""
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


def flag_values() -> tuple[str, str, str, str, list[str], str]:
    """The arguments of ``evaluation.estimates.estimated_system.open_subject``, in order."""
    return FLAGS.workdir, FLAGS.records, FLAGS.split, FLAGS.checkpoint, FLAGS.set, FLAGS.weights
