"""Asks networks about puzzles.

Axes: B puzzles, P clips of a puzzle, T frames of a clip, C channels.
"""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from configs import Config, OrderingSettings
from trainer.devices.compiled import compiled
from trainer.loop.protocol import Networks
from trainer.networks.network import Network
from trainer.tasks.ordering import step
from trainer.tasks.ordering.answers import DECODERS, Places
from trainer.tasks.ordering.heads import Head

# Puzzles that are heard at a time.
_BATCH = 64


class Solver:
    """Puts clips in order by an encoder and a head, the weights of which may change later."""

    def __init__(self, config: Config, networks: Networks) -> None:
        """Takes the networks of the task."""
        encoder, head = networks[step.ENCODER], networks[step.SORTER]
        assert isinstance(encoder, Network)
        assert isinstance(head, Head)
        assert isinstance(config.task, OrderingSettings)
        self.encoder = encoder
        self.head = head
        self._head_name = config.task.head
        self._decide = compiled(lambda clips: step.decide(encoder, head, clips), [encoder, head])

    def decide(self, clips: tf.Tensor) -> NDArray[np.float32]:
        """Returns what the head decides about puzzles (B, P, T, C), all of them at once."""
        decided: NDArray[np.float32] = self._decide(clips)
        return decided

    def places(self, clips: tf.Tensor) -> Places:
        """Returns where the clips of puzzles (B, P, T, C) stand, (B, P)."""
        parts = [self._decide(clips[i : i + _BATCH]) for i in range(0, clips.shape[0], _BATCH)]
        decisions: Any = np.concatenate(parts)
        return DECODERS[self._head_name](decisions)


def similar_share(similarities: NDArray[np.float32]) -> float:
    """Returns the share of clips that are most similar to their own second one, of (B, B)."""
    own = np.arange(len(similarities))
    return float(np.mean(similarities.argmax(axis=1) == own))


def count_each(total: int, num_parts: int) -> list[int]:
    """Returns how many of a total each part has, as evenly as can be, and at least one."""
    return [max(1, total // num_parts + (i < total % num_parts)) for i in range(num_parts)]
