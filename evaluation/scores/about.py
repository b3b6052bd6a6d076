"""Says what the rows of scores.csv do not say: where they come from, and how they were scored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import configs

_CHANNELS_IN_WORDS = {1: "mono", 2: "stereo"}


@dataclass(frozen=True)
class About:
    """Describes a run that was scored, or the mean of several, or a folder of estimates."""

    # Of the experiment.
    title: str
    # None of a mean, whose runs have one each, and of a folder.
    step: int | None
    # None of a folder.
    split: str | None
    # Of what was scored, in frames per second.
    sample_rate: int
    channels: int
    # How the network was told what plays: "oracle labels of each piece", "no labels".
    labels: str
    evaluation: configs.Evaluation
    # Of a mean that of its first run, by whose settings it was scored.
    config_json: str
    # What the records are, in words ...
    manifest: Mapping[str, str]
    # ... and in full.
    manifest_json: str | None
    code_revision: str
    # Makes this report again.
    command: str
    # Why the figures must not be quoted.
    not_a_result: str | None = None
    # Recordings that splits share, each with its reason.
    known_leaks: Sequence[str] = ()
    # Of the constant gain, by the name of the source; empty where it was not scored.
    gains: Mapping[str, float] = field(default_factory=dict)
    # What they were learnt from, or why they were not; empty for files, which are of no run.
    about_gains: str = ""
    # Which checkpoint of each run, in words, where the estimates are the mean of several.
    averaged: Sequence[str] = ()

    @property
    def subtitle(self) -> str:
        """Says in words what was scored."""
        parts = [self.rate_and_channels, self.labels]
        if self.step is not None:
            parts.insert(0, f"step {self.step:,}")
        if self.split is not None:
            parts.insert(0, f"{self.split.capitalize()} split")
        return " · ".join(parts)

    @property
    def rate_and_channels(self) -> str:
        """Says rate and channels in words."""
        channels = _CHANNELS_IN_WORDS.get(self.channels, f"{self.channels} channels")
        return f"{self.sample_rate:,} Hz, {channels}"
