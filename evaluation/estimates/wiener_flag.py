"""Defines the flag that asks for the Wiener filter, and refuses one that has nothing to divide."""

from absl import flags

from configs import Config

# The help of a command then shows the flag as its own.
flags.disclaim_key_flags()


def define_wiener_flag() -> None:
    """Defines the flag that asks for ``evaluation.estimates.filtered``."""
    flags.DEFINE_integer(
        "wiener",
        0,
        "iterations of a Wiener filter that divides the mixture anew by what is estimated of its "
        "sources; Open-Unmix's package takes 1, and 0 is none",
        lower_bound=0,
    )


def require_filter(config: Config, num_iterations: int) -> None:
    """Raises a ``ValueError`` where estimates shall be filtered that a network has one of."""
    sources = config.data.sources
    if num_iterations and len(sources) == 1:
        raise ValueError(
            f"--wiener divides a mixture among at least two sources, and this network estimates "
            f"{sources[0]} alone; leave it out."
        )
