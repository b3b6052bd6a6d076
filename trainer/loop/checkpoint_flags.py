"""Defines the flags by which commands name a checkpoint of a run; needs no TensorFlow."""

from absl import flags

from configs.schema import WEIGHTS

# The help of a command then shows the flags as its own.
flags.disclaim_key_flags()


def define_checkpoint_flags(workdir_required: bool = True) -> None:
    """Defines --workdir, --checkpoint and --weights for the command that runs."""
    flags.DEFINE_string("workdir", None, "folder of the run", required=workdir_required)
    flags.DEFINE_string("checkpoint", "best", "best (in validation), latest, or a number of steps")
    flags.DEFINE_enum(
        "weights",
        "average",
        WEIGHTS,
        "the moving average where the run kept one, or the raw weights",
    )
