"""Defines the flags by which commands name a checkpoint of a run; needs no TensorFlow."""

from absl import flags

from configs.schema import WEIGHTS

# The help of a command then shows the flags as its own.
flags.disclaim_key_flags()


def define_checkpoint_flags(workdir_required: bool = True, several: bool = False) -> None:
    """Defines --workdir, --checkpoint and --weights for the command that runs.

    Args:
        workdir_required: whether the command cannot do without a run.
        several: whether --workdir may be repeated, and its value is a list.
    """
    if several:
        about = "folder of the run; repeated: of several, whose estimates are averaged"
        flags.DEFINE_multi_string("workdir", None, about, required=workdir_required)
    else:
        flags.DEFINE_string("workdir", None, "folder of the run", required=workdir_required)
    flags.DEFINE_string("checkpoint", "best", "best (in validation), latest, or a number of steps")
    flags.DEFINE_enum(
        "weights",
        "average",
        WEIGHTS,
        "the moving average where the run kept one, or the raw weights",
    )
