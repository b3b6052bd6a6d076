"""Is a referee of made sounds: a classifier that has learnt from real ones what classes are.

It hears the mean and the deviation over time of levels in bands, and is a logistic regression. How
often it is right is measured on real sounds of kits that it has not learnt from.

Axes: N sounds, J columns, F bins, D bands, K classes.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from configs import Config
from configs.splits import SPLITS
from data_prep.records.manifest import Manifest, load_manifest
from data_prep.storage import open_folder
from evaluation.classes.measures import Resampled
from evaluation.scores.bootstrap import Interval
from evaluation.tasks.generation.sound_sets import SoundSet, join, read_set
from trainer.tasks.generation.distances import Levels
from trainer.tasks.generation.sounds import require_one_shots

NUM_BANDS = 24
# From which probability of its class on a sound is accepted.
ACCEPTED = 0.5

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """Holds what a referee says of a set of sounds."""

    # The share that it takes for sounds of the classes of the run.
    accepted: float
    # Class -> the share of sounds that are most probably of it.
    shares: Mapping[str, float]


@dataclass(frozen=True)
class Accuracy:
    """Says how far a referee can be believed."""

    # The mean over classes of the share of their sounds that it recognises; by dice 1 / K.
    balanced: float
    interval: Interval | None
    num_sounds: int
    num_kits: int


@dataclass(frozen=True)
class MeasuredReferee:
    """Holds a referee, and how far it can be believed."""

    referee: "Referee"
    # None where there is no sound to measure it on.
    accuracy: Accuracy | None
    # The folder that --referee named; empty where it has learnt from the sounds of the run.
    records: str


class Referee:
    """Tells classes of sounds."""

    def __init__(self, learnt: SoundSet, wanted: Collection[str]) -> None:
        """Learns from real sounds.

        Args:
            learnt: sounds of two or more classes.
            wanted: classes that it accepts, each of which occurs among the sounds.
        """
        self.wanted = sorted(set(wanted))
        self.num_learnt = len(learnt)
        regression = LogisticRegression(class_weight="balanced", max_iter=1000)
        self._classifier = make_pipeline(StandardScaler(), regression)
        self._classifier.fit(features_of(learnt.levels), np.array(learnt.classes))
        self.classes = [str(each) for each in self._classifier.classes_]

    def judge(self, levels: Levels) -> Judged:
        """Judges sounds (N, J, F).

        One is accepted whose most probable class is a wanted one with a probability of
        ``ACCEPTED`` or more.
        """
        # (N, K)
        probabilities = self._classifier.predict_proba(features_of(levels))
        said = np.array(self.classes)[probabilities.argmax(axis=1)]
        is_sure = probabilities.max(axis=1) >= ACCEPTED
        accepted = float(np.mean(np.isin(said, self.wanted) & is_sure))
        shares = {name: float(np.mean(said == name)) for name in self.classes}
        return Judged(accepted, shares)

    def measure(self, unseen: SoundSet) -> Accuracy | None:
        """Measures how often it is right about sounds of the classes that it tells.

        Returns:
            None where there is no such sound.
        """
        is_known = np.isin(np.array(unseen.classes), self.classes)
        if not is_known.any():
            return None
        true = np.array(unseen.classes)[is_known]
        kits = np.array(unseen.kits)[is_known]
        said = self._classifier.predict(features_of(unseen.levels[is_known]))
        numbers = {name: number for number, name in enumerate(self.classes)}
        _, groups = np.unique(kits, return_inverse=True)
        figure = Resampled(groups).balanced_accuracy(
            np.array([numbers[name] for name in true]), np.array([numbers[name] for name in said])
        )
        return Accuracy(figure.value, figure.interval, len(true), len(set(kits)))


def features_of(levels: Levels) -> Floats:
    """Returns means and deviations over time of levels in bands, (N, J, F) -> (N, 2 D).

    The bands lie at equal distances on a logarithmic scale, but for the lowest, which are single
    bins: there are fewer than ``NUM_BANDS``.
    """
    num_bins = levels.shape[2]
    edges = np.unique(np.geomspace(1, num_bins, NUM_BANDS + 1).round().astype(int))
    sums = np.add.reduceat(levels, edges[:-1], axis=2, dtype=np.float64)
    bands = sums / np.diff(edges)
    return np.concatenate([bands.mean(axis=1), bands.std(axis=1)], axis=1)


def make_referee(
    learnt: SoundSet, wanted: Collection[str], records: str, unseen: SoundSet
) -> MeasuredReferee | None:
    """Makes a referee and measures it.

    Args:
        learnt: the sounds that it learns from.
        wanted: the classes of the training sounds of the run.
        records: the folder of the sounds, where --referee named one; else empty, and where the
            sounds are of one class, there is no referee.
        unseen: sounds of other kits.

    Raises:
        ValueError: named records have one class alone, or lack one of the run.
    """
    known = set(learnt.classes) - {""}
    if records:
        _require_classes(known, set(wanted), records)
    if len(known) < 2:
        return None
    has_class = np.array([bool(each) for each in learnt.classes])
    referee = Referee(learnt.where(has_class), set(wanted) - {""})
    return MeasuredReferee(referee, referee.measure(unseen), records)


def read_sets_of(records: str, config: Config) -> tuple[SoundSet, SoundSet]:
    """Reads the sounds that a referee learns from, and those that it is measured on.

    They are the training split of records, and all their other splits.

    Raises:
        ValueError: the records are missing, or their sounds are not as the run makes them.
    """
    folder = open_folder(records).url
    manifest = load_manifest(folder)
    rate = manifest.config.audio.sample_rate
    if rate != config.audio.sample_rate:
        raise ValueError(
            f"--referee={records} has sounds at {rate:,} Hz, the run makes them at "
            f"{config.audio.sample_rate:,} Hz; name records at the rate of the run."
        )
    require_one_shots(config, manifest, folder)
    if not manifest.tracks("train"):
        raise ValueError(
            f"--referee={records} has no training sounds, from which a referee learns; name other "
            f"records."
        )
    return read_set(manifest, folder, "train"), read_others(manifest, folder)


def read_others(manifest: Manifest, folder: str) -> SoundSet:
    """Reads the sounds of all splits but that for training, which there may be none of."""
    splits = [name for name in SPLITS if name != "train" and manifest.tracks(name)]
    return join([read_set(manifest, folder, name) for name in splits])


def _require_classes(known: Collection[str], wanted: Collection[str], records: str) -> None:
    """Refuses records of which nobody can learn what the sounds of a run are."""
    found = ", ".join(sorted(known)) or "none"
    if len(known) < 2:
        raise ValueError(
            f"--referee={records} has training sounds of the classes {found}; a referee tells two "
            f"or more. Name records of several classes."
        )
    missing = sorted(each or "(none)" for each in set(wanted) - set(known))
    if missing:
        raise ValueError(
            f"the run was trained on sounds of the class {', '.join(missing)}; --referee={records} "
            f"has {found}. Name records that have it too."
        )
