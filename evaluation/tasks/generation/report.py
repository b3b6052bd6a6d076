"""Holds what the page of a run that makes single sounds is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from configs import Config
from data_prep.records.manifest import Manifest
from evaluation.document.parts import Block
from evaluation.scores.table import MODEL
from evaluation.tasks.generation.faults import Fault
from evaluation.tasks.generation.paths import Walks
from evaluation.tasks.generation.reconstruction import System
from evaluation.tasks.generation.referee import Judged, MeasuredReferee
from evaluation.tasks.generation.resemblance import Resemblance
from trainer.tasks.generation.making import Latents, is_active


@dataclass(frozen=True)
class Numbers:
    """Holds what is known of the numbers of training sounds."""

    num_active: int
    # The mean over numbers of their deviation over sounds.
    spread: float
    # The root mean square over numbers of their mean over sounds.
    offset: float


def numbers_of(latents: Latents) -> Numbers:
    """Looks at the numbers of training sounds, (N, Z)."""
    offset = np.sqrt(np.mean(np.square(latents.mean(axis=0))))
    spread = latents.std(axis=0).mean()
    return Numbers(int(is_active(latents).sum()), float(spread), float(offset))


@dataclass(frozen=True)
class Report:
    """Holds what the page is made of."""

    config: Config
    step: int
    split: str
    num_drawn: int
    # The model first, where it hears.
    systems: Sequence[System]
    alike: Resemblance
    # Of drawn, of training and of unseen sounds, the median energy before the attack.
    early_db: Mapping[str, float]
    faults: Sequence[Fault]
    walks: Walks
    # None where the run hears no sounds.
    numbers: Numbers | None
    referee: MeasuredReferee | None
    # What the referee says of sets of sounds, by their names.
    judged: Mapping[str, Judged]
    sounds: Sequence[Block]
    command: str
    code_revision: str
    manifest: Manifest
    # Lines of metrics.jsonl.
    curves: Sequence[Mapping[str, Any]]
    # Why the figures must not be quoted; None where they may.
    not_a_result: str | None

    @property
    def hears(self) -> bool:
        """Says whether sounds come back."""
        return self.systems[0].name == MODEL
