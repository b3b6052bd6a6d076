"""Is the answering of queries as the loop sees it: network, examples, validation, summaries."""

from collections.abc import Sequence
from functools import cached_property

import tensorflow as tf

from configs import Config
from data_prep.records.full_tracks import iter_full_tracks
from data_prep.records.manifest import Manifest
from trainer.batches.questions import make_questions, tell_of_audio
from trainer.loop.protocol import Figure, Networks, Objective, Weights
from trainer.tasks.query import presence, step
from trainer.tasks.query.separator import QuerySeparator
from trainer.tasks.query.validation import validate
from trainer.tasks.separation.task import SeparationTask


class QueryTask(SeparationTask):
    """Learns to answer what is asked of a patch (trainer.loop.protocol.Task).

    What is shown, and said of a run, is what a separator shows and says.
    """

    def __init__(self, config: Config, manifest: Manifest, folder: str) -> None:
        """Reads the training excerpts; ``ValueError`` where they do not fit the experiment."""
        super().__init__(config, manifest, folder)
        tell_of_audio(self._excerpts)

    def make_networks(self) -> Networks:
        """Makes the network that answers."""
        return step.make_networks(self._config)

    def make_objectives(self, networks: Networks) -> Sequence[Objective]:
        """Makes the only objective: answers like the targets."""
        return step.make_objectives(self._config, networks)

    def make_examples(self, start_step: int) -> tf.data.Dataset:
        """Makes the examples of all steps from ``start_step`` on, in order, not batched."""
        return make_questions(self._excerpts, self._config, start_step)

    def validate(self, weights: Weights) -> Sequence[Figure]:
        """Validates on whole tracks, and chooses a threshold; nothing without tracks."""
        if not self._manifest.tracks("valid"):
            return []
        tracks = iter_full_tracks(self._manifest, self._folder, "valid")
        found = validate(self._separator_with(weights), tracks, self._config)
        return [
            Figure("improvement", found.improvement, "dB"),
            Figure("presence_f1", found.f1),
            presence.as_figure(found.threshold),
        ]

    def _separator_with(self, weights: Weights) -> QuerySeparator:
        self._separator.network.set_weights(weights[step.ANSWERER])
        return self._separator

    @cached_property
    def _separator(self) -> QuerySeparator:
        """Has a network of its own: that which trains may be spread over devices."""
        return QuerySeparator(self._config, step.make_networks(self._config)[step.ANSWERER])


def make_task(config: Config, manifest: Manifest, folder: str) -> QueryTask:
    """Makes the task; ``ValueError`` where the records do not fit the experiment."""
    return QueryTask(config, manifest, folder)
