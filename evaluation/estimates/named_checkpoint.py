"""Names a checkpoint, tracks and how they are scored, as the flags of commands do."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class NamedCheckpoint:
    """Says what is to be evaluated; ``opened_run.open_run`` finds it."""

    # The folder of the run.
    workdir: str
    # The folder of the records, empty for those the run was trained on.
    records: str = ""
    # train, valid or test.
    split: str = "test"
    # best, latest, or a number of steps.
    checkpoint: str = "best"
    # Of the section ``evaluation``.
    overrides: Sequence[str] = ()
    # average, the moving average where the run kept one, or raw.
    weights: str = "average"
    # The folder of the results, empty for one within the run in ``workdir``.
    out: str = ""
    # The folders of more runs, whose estimates are averaged with those of ``workdir``.
    averaged_with: Sequence[str] = ()
