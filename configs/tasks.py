"""Describes the tasks that an experiment can learn from tracks, a dataclass each.

A config file names one by the field ``kind`` of its section ``task``; the other fields are those of
that task. ``configs.typed`` lists all tasks; ``trainer.tasks.registry`` and
``evaluation.tasks.registry`` find what belongs to one.
"""

from dataclasses import dataclass, fields
from typing import Literal

from configs.checks import require, require_legal_words, require_within
from configs.geometry import Window
from configs.settings import NetworkSettings, TaskSettings
from configs.training import LARGEST_FLOAT

# The longest analysis window of the loss term ``stft``.
LONGEST_STFT_FRAMES = 2048
# Twice the frequency of the first filter of ``loudness``, and a little more.
_LEAST_LOUDNESS_RATE = 4000


@dataclass(frozen=True)
class SeparationSettings(TaskSettings):
    """Weighs the terms of the loss of separation (trainer.tasks.separation.losses)."""

    kind: str = "separation"
    # Mean squared error.
    mse: float = 1.0
    # Squared error summed over slots and channels.
    sse: float = 0.0
    # Mean absolute error.
    l1: float = 0.0
    # Minus the SI-SDR of what sounds, plus the level of what should not, in dB.
    si_sdr: float = 0.0
    # Multi-resolution short-time Fourier transform.
    stft: float = 0.0
    # Minus the L1SNR of what sounds, plus the level of what should not, in dB.
    l1_snr: float = 0.0
    # By how many dB estimates of what sounds are too loud or too quiet.
    level: float = 0.0
    # Squared error of the sum of the estimates as an estimate of the mixture.
    consistency: float = 0.0
    # Compare what the ear makes of waveforms, by the K-weighting of ITU-R BS.1770.
    loudness: bool = False

    def __post_init__(self) -> None:
        weights = self.weights
        for name, weight in weights.items():
            expected = f"a weight from 0 to {LARGEST_FLOAT:g}"
            require(0 <= weight <= LARGEST_FLOAT, f"task.{name}", weight, expected)
        require(any(weights.values()), "task", "0 throughout", "at least one weight above 0")

    @property
    def weights(self) -> dict[str, float]:
        """Returns the weight of every term of the loss by its name."""
        others = ("kind", "loudness")
        names = [field.name for field in fields(SeparationSettings) if field.name not in others]
        return {name: getattr(self, name) for name in names}

    def require_network(self, model: NetworkSettings, sample_rate: int) -> None:
        """Raises a ``ValueError`` where a term has nothing to teach, or the rate is too low."""
        super().require_network(model, sample_rate)
        expected = "0, as the estimates of this model add up to the mixture by construction"
        require(
            not (self.consistency and model.adds_up), "task.consistency", self.consistency, expected
        )
        expected = f"false below an audio.sample_rate of {_LEAST_LOUDNESS_RATE}"
        legal = not self.loudness or sample_rate >= _LEAST_LOUDNESS_RATE
        require(legal, "task.loudness", self.loudness, expected)

    def require_window(self, window: Window) -> None:
        """Raises a ``ValueError`` where an estimate is too short for the loss term ``stft``."""
        if self.stft:
            expected = f"{LONGEST_STFT_FRAMES} or more, the longest window of task.stft"
            frames = window.estimate_frames
            require(frames >= LONGEST_STFT_FRAMES, "model.estimate_frames", frames, expected)


# The lowest and the highest value of a field of tagging.
_TAGGING_LIMITS = {"level_secs": (0.001, 10), "audible_db": (-200, 0), "audible_dbfs": (-200, 0)}


@dataclass(frozen=True)
class TaggingSettings(TaskSettings):
    """Says what is true of a column, and what a wrong answer costs (trainer.tasks.tagging)."""

    kind: str = "tagging"
    # From the sources: where each is audible; from the labels: the whole piece has them.
    truth: Literal["activity", "labels"] = "activity"
    # The squared error is for labels between 0 and 1.
    loss: Literal["cross_entropy", "squared_error"] = "cross_entropy"
    # A source is audible where its power over so many seconds ...
    level_secs: float = 0.1
    # ... is above this level relative to that of the mixture ...
    audible_db: float = -30.0
    # ... and above this one.
    audible_dbfs: float = -60.0
    # Of a median filter over probabilities; 0: none.
    median_secs: float = 0.0

    def __post_init__(self) -> None:
        require_within(self, "task", _TAGGING_LIMITS)
        require_legal_words(self, "task")
        require(0 <= self.median_secs <= 60, "task.median_secs", self.median_secs, "from 0 to 60")

    @property
    def learns(self) -> str:
        """Returns what the task learns to give: the activity of instruments."""
        return "activity"

    def require_augmentation(self, keeps_the_mixture: bool) -> None:
        """Raises a ``ValueError`` where labels are true of the mixture as it is, and it changes."""
        legal = self.truth == "activity" or keeps_the_mixture
        expected = "activity, as the section augmentation changes mixtures"
        require(legal, "task.truth", self.truth, expected)


_ORDERING_LIMITS = {
    "num_clips": (2, 20),
    "clip_secs": (0.01, 6),
    "min_gap_secs": (0, 10),
    "gap_secs": (0, 10),
    "features": (1, 1000),
    "gain_db": (0, 60),
    "overlay": (0, 1),
    "silent_dbfs": (-200, 0),
    "validation_puzzles": (1, 10**6),
}


@dataclass(frozen=True)
class OrderingSettings(TaskSettings):
    """Says what puzzles are made of, and what puts their clips in order (trainer.tasks.ordering).

    The network of the section ``model`` hears single clips; of one that has more than an encoder
    the rest learns nothing.
    """

    kind: str = "ordering"
    # Of one stretch of a track.
    num_clips: int = 3
    clip_secs: float = 0.2
    # Between neighbours, each drawn by itself: from the first one on over the second one.
    min_gap_secs: float = 0.005
    gap_secs: float = 0.05
    # Uniform gaps leave the phase of a steady tone as a clue.
    gap_law: Literal["hann", "uniform"] = "hann"
    # Numbers that are left of a clip before it is compared with others.
    features: int = 50
    # Chain: which clip follows which; pairs: of every two, which comes first; sorter: all clips at
    # once, a place for each; contrastive: whether two clips are of the same excerpt.
    head: Literal["chain", "pairs", "sorter", "contrastive"] = "chain"
    # Each clip of a puzzle is scaled by up to so much, up or down, ...
    gain_db: float = 6.0
    # ... and turned upside down or not.
    flip_polarity: bool = True
    # Share of training puzzles that are cut of two stretches of any tracks, sounding together.
    overlay: float = 0.0
    # A puzzle with a clip below this level is drawn again.
    silent_dbfs: float = -60.0
    # Of all validation tracks together.
    validation_puzzles: int = 600

    def __post_init__(self) -> None:
        require_within(self, "task", _ORDERING_LIMITS)
        require_legal_words(self, "task")
        # Of less, nothing is left of the ends of a clip: neighbours look the same in both orders.
        enough = self.features >= 3 or self.head not in ("chain", "pairs")
        expected = f"at least 3, as task.head={self.head} compares ends and means"
        require(enough, "task.features", self.features, expected)

    @property
    def learns(self) -> str:
        """Returns what the task learns to give: features."""
        return "features"

    @property
    def longest_secs(self) -> float:
        """Returns how long the stretch of a puzzle is at most."""
        longest_gap = self.min_gap_secs + self.gap_secs
        return self.num_clips * self.clip_secs + (self.num_clips - 1) * longest_gap

    def require_network(self, model: NetworkSettings, sample_rate: int) -> None:
        """Raises a ``ValueError`` where an encoder hears one-shots, or reads more than a clip."""
        expected = "one that hears any stretch of a track, such as clip_encoder"
        require(model.gives != "sounds", "model.kind", model.kind, expected)
        clip_frames = round(self.clip_secs * sample_rate)
        least = model.least_clip_frames
        expected = (
            f"at least {least / sample_rate:.4g}, the {least:,} frames that the encoder of "
            f"model.kind={model.kind} reads at once"
        )
        fitting = model.fitting(clip_frames)
        if fitting:
            expected += f"; {fitting} reads so few"
        require(clip_frames >= least, "task.clip_secs", self.clip_secs, expected)

    def require_excerpts(self, excerpt_secs: float) -> None:
        """Raises a ``ValueError`` where a puzzle is longer than an excerpt."""
        longest = self.longest_secs
        expected = f"at least {longest:g}, the longest puzzle of the section task"
        require(excerpt_secs >= longest, "data.excerpt_secs", excerpt_secs, expected)

    def require_augmentation(self, keeps_the_mixture: bool) -> None:
        """Raises a ``ValueError`` where mixtures are changed: puzzles have gains of their own."""
        expected = (
            "separation or tagging, as the section augmentation changes mixtures; puzzles have "
            "task.gain_db and task.flip_polarity"
        )
        require(keeps_the_mixture, "task.kind", self.kind, expected)
