"""Holds what an audit of the labels found: figures under one kind of labels each."""

from dataclasses import dataclass

from configs.checks import one_of

CONDITIONS = ("true", "recognised", "unknown", "empty", "full", "swapped")


@dataclass(frozen=True)
class Condition:
    """Says what the estimates are worth under one kind of labels; a median over nothing is None."""

    # Of CONDITIONS.
    labels: str
    # Over the mixture, median over segments and sources (trainer.tasks.separation.validation).
    improvement_db: float | None = None
    num_improvements: int = 0
    # In slots of sources that do not sound, median; as in scores.csv.
    leakage_db: float | None = None
    num_leakages: int = 0
    # Energy in the slot named instead of a source that sounds, relative to the mixture: median;
    # swapped labels only.
    misnamed_db: float | None = None
    num_misnamed: int = 0
    num_tracks: int = 0
    # Why there is no figure.
    not_measured: str | None = None

    def __post_init__(self) -> None:
        one_of("labels", self.labels, CONDITIONS)
