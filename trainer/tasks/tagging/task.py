"""Is tagging as the loop sees it: network, examples, objective, validation, summaries.

Axes: K instruments, J columns, T frames, C channels.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from configs import Config, TaggingSettings
from data_prep.records.full_tracks import FullTrack, iter_full_tracks
from data_prep.records.manifest import Manifest
from data_prep.runtime.quantities import pluralized
from trainer.batches.excerpts import load_excerpts
from trainer.batches.patches import make_batches
from trainer.inference.listener import Listener
from trainer.loop.protocol import (
    Description,
    Figure,
    Learnt,
    Networks,
    Objective,
    Picture,
    Shown,
    Sound,
    Weights,
)
from trainer.tasks.learnt import read_learnt
from trainer.tasks.on_records import describe_learning, middle_of_first
from trainer.tasks.tagging import step, thresholds
from trainer.tasks.tagging.listening import hear_tracks, require_truth, true_activity
from trainer.tasks.tagging.measures import average_precision, count, roc_auc
from trainer.tasks.tagging.truth import audibility_of

# Of the first validation track.
_SHOWN_SECS = 20.0
# Of a picture: how high an instrument is.
_ROW_PIXELS = 12


class TaggingTask:
    """Learns to hear which instruments sound (trainer.loop.protocol.Task)."""

    def __init__(self, config: Config, manifest: Manifest, folder: str) -> None:
        """Reads the training excerpts; ``ValueError`` where they do not fit the experiment."""
        manifest.require(config, folder)
        require_truth(config, manifest, folder, ["valid"])
        self._config = config
        self._manifest = manifest
        self._folder = folder
        if not manifest.tracks("valid"):
            print(
                "The records have no validation tracks: no best checkpoint is kept, nothing stops "
                "early, and an instrument counts as heard from a probability of "
                f"{thresholds.UNCHOSEN} on.",
                flush=True,
            )
        self._excerpts = load_excerpts(manifest, folder, "train", config.train.cache)

    def read_learnt(self) -> Learnt:
        """Reads what the run of ``train.begin_from`` has learnt."""
        return read_learnt(self._config.train.begin_from)

    def make_networks(self) -> Networks:
        """Makes the network that hears instruments."""
        return step.make_networks(self._config)

    def make_objectives(self, networks: Networks) -> Sequence[Objective]:
        """Makes the only objective: answers like the truth."""
        return step.make_objectives(self._config, networks)

    def make_examples(self, start_step: int) -> tf.data.Dataset:
        """Makes the examples of all steps from ``start_step`` on, in order, not batched.

        The truth is that of the sources that the mixture was made of, whatever was done to them.
        """
        assert isinstance(self._config.task, TaggingSettings)
        if self._config.task.truth == "labels":
            return self._make_labelled_examples(start_step)
        rule = audibility_of(self._config)
        around = rule.margin_frames
        examples = make_batches(self._excerpts, self._config, start_step, around)
        window = self._config.model.window()
        first = window.margin_frames - around
        num_frames = window.estimate_frames + 2 * around
        num_columns = step.batch_shapes(self._config, 1)["truth"][-1]

        def answer(example: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            mixture = example["mixture"]
            labels = example["labels"]
            # What has no label is silent, which takes as long to find out.
            slots = tf.where(labels != 0)
            sources = tf.gather_nd(example["sources"], slots)
            audible = rule.columns(sources, mixture[first : first + num_frames])
            truth = tf.scatter_nd(slots, audible, [labels.shape[0], num_columns])
            # All sources are there, so that all is known.
            return {"mixture": mixture, "truth": truth, "known": tf.ones_like(labels)}

        return examples.map(answer, num_parallel_calls=tf.data.AUTOTUNE)

    def _make_labelled_examples(self, start_step: int) -> tf.data.Dataset:
        """Makes examples of which the labels of the piece are true throughout.

        Where somebody said how much there is of an instrument, that is the truth.
        """
        num_columns = step.batch_shapes(self._config, 1)["truth"][-1]

        def answer(example: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            labels = example["labels"]
            # -1 where nobody knows: a blank of a table.
            known = tf.cast(labels >= 0, tf.float32)
            truth = tf.repeat(tf.maximum(labels, 0.0)[:, None], num_columns, axis=1)
            return {"mixture": example["mixture"], "truth": truth, "known": known}

        graded = self._excerpts._replace(labels=self._excerpts.grades)
        examples = make_batches(graded, self._config, start_step)
        return examples.map(answer, num_parallel_calls=tf.data.AUTOTUNE)

    def validate(self, weights: Weights) -> Sequence[Figure]:
        """Validates on whole tracks, and chooses thresholds; nothing without tracks.

        Precision and ROC-AUC are means over the instruments that sound somewhere; F1 is that of the
        columns at the thresholds that are chosen here, so that it flatters.
        """
        if not self._manifest.tracks("valid"):
            return []
        listener = self._listener_with(weights)
        tracks = iter_full_tracks(self._manifest, self._folder, "valid")
        heard = hear_tracks(
            lambda mixture: listener.smoothed(listener.activity(mixture)), tracks, self._config
        )
        # (K, N) of the columns of all tracks
        activity = np.concatenate([track.activity for track in heard], axis=1)
        truth = np.concatenate([track.truth for track in heard], axis=1)
        sources = self._config.data.sources
        chosen = thresholds.choose(activity, truth, sources)
        limits = {name: chosen.get(name, thresholds.UNCHOSEN) for name in sources}
        labels = [track.labels for track in heard]
        share = thresholds.choose_share([track.activity for track in heard], labels, limits)
        rows = zip(sources, activity.astype(np.float64), truth, strict=True)
        measured = [
            (
                average_precision(values, true),
                roc_auc(values, true),
                count(values >= chosen[name], true).f1,
            )
            for name, values, true in rows
            if name in chosen
        ]
        precisions, areas, f1 = zip(*measured, strict=True) if measured else ((), (), ())
        return [
            Figure("average_precision", _mean(precisions)),
            Figure("roc_auc", _mean(areas)),
            Figure("f1", _mean(f1)),
            *thresholds.as_figures(chosen, share),
        ]

    def show(self, weights: Weights) -> Iterable[Shown]:
        """Shows seconds of the first validation track: the mixture, the truth, what is heard."""
        track = self._shown
        if track is None:
            return []
        return self._iter_shown(track, self._listener_with(weights).activity(track.mixture))

    def describe(self) -> Description:
        """Says how large a patch is, how many records there are, and how often they are seen."""
        columns = self._config.model.window().estimate_frames // self._listener.column_frames
        answers = f"{pluralized(columns, 'column')} of answers"
        network = self._listener.network
        return describe_learning(self._config, self._manifest, network, answers)

    def _listener_with(self, weights: Weights) -> Listener:
        self._listener.network.set_weights(weights[step.TAGGER])
        return self._listener

    @cached_property
    def _listener(self) -> Listener:
        """Has a network of its own: that which trains may be spread over devices."""
        return Listener(self._config, step.make_networks(self._config)[step.TAGGER])

    @cached_property
    def _shown(self) -> FullTrack | None:
        """Is the part of a track that is shown, None where there is no validation track."""
        if not self._manifest.tracks("valid"):
            return None
        return middle_of_first(self._config, self._manifest, self._folder, _SHOWN_SECS)

    def _iter_shown(self, track: FullTrack, activity: NDArray[np.float32]) -> Iterator[Shown]:
        """Yields the mixture, and the rows of all instruments, the truth above what is heard."""
        yield Sound("mixture", track.mixture, self._config.audio.sample_rate)
        truth = true_activity(track, self._config).astype(np.float32)
        # (K, 2, J): the two rows of an instrument are neighbours.
        rows = np.stack([truth, activity], axis=1).reshape(-1, activity.shape[1])
        grey = np.round(255 * (1 - np.repeat(rows, _ROW_PIXELS, axis=0))).astype(np.uint8)
        yield Picture("activity", np.repeat(grey[:, :, None], 3, axis=2))


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def make_task(config: Config, manifest: Manifest, folder: str) -> TaggingTask:
    """Makes the task; ``ValueError`` where the records do not fit the experiment."""
    return TaggingTask(config, manifest, folder)
