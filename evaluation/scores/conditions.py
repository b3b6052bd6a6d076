"""The figures of an audit of the labels: one condition, under which the network was told the instruments."""

from dataclasses import dataclass

CONDITIONS = ("true", "unknown", "empty", "full", "swapped")


@dataclass(frozen=True)
class Condition:
    """What the estimates are worth under one kind of labels; a median over nothing is None."""

    labels: str  # of CONDITIONS
    # Over the mixture, median over segments and sources (trainer.tasks.separation.validation).
    improvement_db: float | None = None
    num_improvements: int = 0
    leakage_db: float | None = (
        None  # in slots of sources that do not sound, median; as in scores.csv
    )
    num_leakages: int = 0
    # Energy in the slot named instead of a source that sounds, relative to the mixture: median; swapped labels only.
    misnamed_db: float | None = None
    num_misnamed: int = 0
    num_tracks: int = 0
    not_measured: str | None = None  # why there is no figure
