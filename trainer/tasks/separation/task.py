"""Is separation as the loop sees it: networks, examples, objectives, validation, summaries."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

import tensorflow as tf

from configs import Config
from data_prep.records.full_tracks import FullTrack, iter_full_tracks
from data_prep.records.manifest import Manifest
from trainer.batches.excerpts import load_excerpts
from trainer.batches.patches import make_batches
from trainer.inference.separator import Separator
from trainer.loop.protocol import (
    Description,
    Figure,
    Learnt,
    Networks,
    Objective,
    Shown,
    Sound,
    Spectrograms,
    Weights,
)
from trainer.tasks.learnt import read_learnt
from trainer.tasks.on_records import describe_learning, middle_of_first
from trainer.tasks.separation import step
from trainer.tasks.separation.validation import validate

_SHOWN_SECS = 8.0


class SeparationTask:
    """Learns to estimate every source of a patch (trainer.loop.protocol.Task)."""

    def __init__(self, config: Config, manifest: Manifest, folder: str) -> None:
        """Reads the training excerpts; ``ValueError`` where they do not fit the experiment."""
        manifest.require(config, folder)
        manifest.require_sources(folder, ("train", "valid"))
        if config.model.takes_notes:
            manifest.require_notes(folder, ("train", "valid"))
        self._config = config
        self._manifest = manifest
        self._folder = folder
        remark = config.model.remark_on(len(config.data.sources), config.audio.channels)
        if remark:
            print(f"note: {remark}", flush=True)
        if not manifest.tracks("valid"):
            print(
                "The records have no validation tracks: no best checkpoint is kept, nothing stops "
                "early.",
                flush=True,
            )
        self._excerpts = load_excerpts(manifest, folder, "train", config.train.cache)

    def read_learnt(self) -> Learnt:
        """Reads what the run of ``train.begin_from`` has learnt."""
        return read_learnt(self._config.train.begin_from)

    def make_networks(self) -> Networks:
        """Makes the network that estimates the sources."""
        return step.make_networks(self._config)

    def make_objectives(self, networks: Networks) -> Sequence[Objective]:
        """Makes the only objective: estimates like the sources."""
        return step.make_objectives(self._config, networks)

    def make_examples(self, start_step: int) -> tf.data.Dataset:
        """Makes the examples of all steps from ``start_step`` on, in order, not batched."""
        return make_batches(self._excerpts, self._config, start_step)

    def validate(self, weights: Weights) -> Sequence[Figure]:
        """Validates on whole tracks: improvement in dB and loss; nothing without tracks."""
        if not self._manifest.tracks("valid"):
            return []
        separator = self._separator_with(weights)
        tracks = iter_full_tracks(self._manifest, self._folder, "valid")
        found = validate(separator.estimate_track, tracks, self._config)
        return [
            Figure("improvement", found.improvement, "dB"),
            Figure("loss", found.loss, higher_is_better=False),
        ]

    def show(self, weights: Weights) -> Iterable[Shown]:
        """Shows seconds of the first validation track: mixture, references, estimates."""
        track = self._shown
        if track is None:
            return []
        estimates = self._separator_with(weights).estimate_track(track)
        return self._iter_shown(track, estimates)

    def describe(self) -> Description:
        """Says how large a patch is, how many records there are, and how often they are seen."""
        estimates = f"{self._config.model.window().estimate_frames:,} of estimates"
        network = self._separator.network
        return describe_learning(self._config, self._manifest, network, estimates)

    def _separator_with(self, weights: Weights) -> Separator:
        self._separator.network.set_weights(weights[step.SEPARATOR])
        return self._separator

    @cached_property
    def _separator(self) -> Separator:
        """Has a network of its own: that which trains may be spread over devices."""
        return Separator(self._config, step.make_networks(self._config)[step.SEPARATOR])

    @cached_property
    def _shown(self) -> FullTrack | None:
        """Is the part of a track that is shown, None where there is no validation track."""
        if not self._manifest.tracks("valid"):
            return None
        return middle_of_first(self._config, self._manifest, self._folder, _SHOWN_SECS)

    def _iter_shown(self, track: FullTrack, estimates: "tf.Tensor") -> Iterator[Shown]:
        """Yields the sounds and spectrograms of a track and its estimates (K, T, C)."""
        rate = self._config.audio.sample_rate
        yield Sound("mixture", track.mixture, rate)
        for slot, name in enumerate(self._config.data.sources):
            if name not in track.labels:
                continue
            reference = track.references[slot]
            yield Sound(f"{name}/reference", reference, rate)
            yield Sound(f"{name}/estimate", estimates[slot], rate)
            waveforms = {
                "mixture": track.mixture,
                f"{name}: reference": reference,
                f"{name}: estimate": estimates[slot],
            }
            yield Spectrograms(name, waveforms, rate)


def make_task(config: Config, manifest: Manifest, folder: str) -> SeparationTask:
    """Makes the task; ``ValueError`` where the records do not fit the experiment."""
    return SeparationTask(config, manifest, folder)
