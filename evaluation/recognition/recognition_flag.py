"""Defines the flag that names the tagger whose labels a separator is told, and finds that tagger.

It needs no TensorFlow.
"""

from collections.abc import Sequence

from absl import flags

from data_prep.storage import open_folder
from trainer.tasks.tagging.tagger import name_tagger

# The help of a command then shows the flag as its own.
flags.disclaim_key_flags()

AUTO = "auto"
# Of a run whose tagger is kept with it.
_FOLDER = "tagger"


def define_tagger_flag() -> None:
    """Defines the flag."""
    flags.DEFINE_string(
        "tagger",
        "",
        "with --labels=auto: run that hears which instruments play; by default the one in "
        f"WORKDIR/{_FOLDER}",
    )


def find_tagger(tagger: str, workdirs: Sequence[str]) -> str:
    """Returns the folder of the tagger that a flag names, or of the one that a run brings along.

    Args:
        tagger: folder of the run that hears; empty where none was named.
        workdirs: of the separators.

    Raises:
        ValueError: there is none, or it is no run that hears.
    """
    if not tagger:
        places = [f"{workdir}/{_FOLDER}" for workdir in workdirs]
        found = [place for place in places if open_folder(place).stat("config.json")]
        if not found:
            raise ValueError(
                f"--labels={AUTO} needs a run that hears which instruments play: name one with "
                f"--tagger, or put it into WORKDIR/{_FOLDER} (docs/tagging.md)."
            )
        tagger = found[0]
    return name_tagger(tagger).workdir
