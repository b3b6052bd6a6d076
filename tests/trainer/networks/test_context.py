"""Vectors of another modality: a network follows those that tell the instrument, and no others."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import configs
from trainer.networks import make_network
from trainer.tasks.separation.step import loss_of_batch

SIZE = 4
OVERRIDES = [
    "model.num_levels=3",
    "model.num_filters=8",
    "model.estimate_frames=101",
    "model.conditioning=none",
    "model.conditioned_at=none",
    "model.gate_heads=false",
    f"model.context_size={SIZE}",
    "data.sources=fl,vn",
]


def draw_batch(rng, window, codes):
    """Mixtures of one source, of which nothing that sounds says the slot.

    Args:
        rng: the dice.
        window: of the network.
        codes: the vector of each slot where its instrument plays; None: vectors tell nothing.
    """
    shape = (16, window.mixture_frames, 1)
    mixture = rng.standard_normal(shape).astype(np.float32)
    slots = rng.integers(0, 2, 16)
    first = window.margin_frames
    sources = np.zeros((16, 2, window.estimate_frames, 1), np.float32)
    sources[np.arange(16), slots] = mixture[:, first : first + window.estimate_frames]
    context = np.zeros((16, 2, SIZE), np.float32)
    if codes is None:
        context = rng.standard_normal(context.shape).astype(np.float32)
    else:
        context[np.arange(16), slots] = codes[slots]
    return {"mixture": mixture, "sources": sources, "context": context}


def learnt_loss(tells):
    """The loss after some steps, relative to that of silence."""
    config = configs.load("smoke", OVERRIDES)
    window = config.model.window()
    network = make_network(config)
    optimizer = keras.optimizers.Adam(3e-3)
    rng = np.random.default_rng(0)
    codes = rng.standard_normal((2, SIZE)).astype(np.float32) if tells else None

    @tf.function
    def step(batch):
        with tf.GradientTape() as tape:
            loss = loss_of_batch(network, batch, config)
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply(gradients, network.trainable_variables)
        return loss

    losses = [float(step(draw_batch(rng, window, codes))) for _ in range(400)]
    # Half of the slots play noise of power 1.
    return float(np.mean(losses[-20:])) / 0.5


@pytest.mark.slow
def test_vectors_that_tell_the_instrument_are_followed_and_others_are_not():
    # One that knows nothing of the slot is best with half of the mixture in both.
    assert learnt_loss(tells=False) == pytest.approx(0.5, abs=0.1)
    assert learnt_loss(tells=True) < 0.2
