"""Separation as the loop sees it: the batches it wants, its network, its loss and its validation."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from configs import Config
from configs.instruments import multi_hot
from data_prep.records.full_tracks import FullTrack, iter_full_tracks
from data_prep.records.manifest import Manifest
from trainer.batches.excerpts import load_excerpts
from trainer.batches.patches import make_batches
from trainer.inference.tiling import Estimator, make_estimator
from trainer.loop.summaries import Summaries
from trainer.networks.wave_unet import WaveUNet, make_network
from trainer.tasks.separation.step import Batch, loss_of_batch
from trainer.tasks.separation.validation import validate

_SHOWN_SECS = 8.0


class SeparationTask:
    """Learn to estimate every source of a patch."""

    def __init__(self, config: Config, manifest: Manifest, folder: str) -> None:
        """Read the training excerpts; ``ValueError`` where they do not fit the experiment."""
        manifest.require(config, folder)
        self._config, self._geometry = config, config.model.window()
        self._manifest, self._folder = manifest, folder
        if not manifest.tracks("valid"):
            print(
                "The records have no validation tracks: no best checkpoint is kept, nothing stops early.",
                flush=True,
            )
        self._excerpts = load_excerpts(manifest, folder, "train", config.train.cache)

    def make_network(self) -> WaveUNet:
        """The network with its weights made; called in the scope of the strategy."""
        return make_network(self._config)

    def make_examples(self, start_step: int) -> tf.data.Dataset:
        """The examples of all steps from ``start_step`` on, in order, not batched."""
        return make_batches(self._excerpts, self._config, start_step)

    def loss(self, network: WaveUNet, batch: Batch) -> tf.Tensor:
        """The loss of a batch, a float32 scalar, a mean over its examples."""
        return loss_of_batch(network, batch, self._config.task)

    def validate(self, weights: Sequence[Any]) -> dict[str, float | None]:
        """Improvement in dB and loss over the validation tracks in full length; nothing where there are none."""
        if not self._manifest.tracks("valid"):
            return {}
        network, estimate = self._twin
        network.set_weights(weights)
        tracks = iter_full_tracks(self._manifest, self._folder, "valid")
        return validate(estimate, tracks, self._config)._asdict()

    def show(self, weights: Sequence[Any], summaries: Summaries, step: int) -> None:
        """Some seconds from the middle of the first validation track: mixture, references and estimates."""
        if self._shown is None:
            return
        track, labels = self._shown
        network, estimate = self._twin
        network.set_weights(weights)
        slots = [k for k, label in enumerate(labels) if label]
        names, estimates = (
            [self._config.data.sources[k] for k in slots],
            estimate(track.mixture, labels),
        )
        rate, references = self._config.audio.sample_rate, track.references[slots]
        summaries.write_audio(step, rate, track.mixture, references, estimates[slots], names)

    @cached_property
    def _twin(self) -> tuple[WaveUNet, Estimator]:
        """A network beside the one that trains, which may be spread over devices and is not to be disturbed."""
        network = make_network(self._config)
        return network, make_estimator(network, self._geometry)

    @cached_property
    def _shown(self) -> tuple[FullTrack, NDArray[np.float32]] | None:
        if not self._manifest.tracks("valid"):
            return None
        track = next(iter_full_tracks(self._manifest, self._folder, "valid"))
        num_frames, wanted = len(track.mixture), round(_SHOWN_SECS * self._config.audio.sample_rate)
        start = max(0, (num_frames - wanted) // 2)
        part = slice(start, start + wanted)
        cut = track._replace(mixture=track.mixture[part], references=track.references[:, part])
        return cut, np.array(multi_hot(track.labels, self._config.data.sources), np.float32)
