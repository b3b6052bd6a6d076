"""Holds what an audit found: figures of one network under one kind of labels, or notes, each."""

from dataclasses import dataclass

from configs.checks import one_of

OF_LABELS = ("true", "recognised", "unknown", "empty", "full", "swapped")
OF_NOTES = (
    "true",
    "none",
    "jittered_25",
    "jittered_50",
    "jittered_100",
    "jittered_200",
    "shifted",
    "another",
    "octave",
)


@dataclass(frozen=True)
class Condition:
    """Says what the estimates are worth under one condition; a median over nothing is None."""

    # Of OF_LABELS, or of OF_NOTES.
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
        one_of("labels", self.labels, (*OF_LABELS, *OF_NOTES))
