"""Compares an imported run with what Open-Unmix's own package made of the same mixture."""

from dataclasses import replace

import numpy as np
import tensorflow as tf

from trainer.loop.checkpoints import restore_network
from trainer.loop.workdir import load_run
from trainer.networks import make_network


def largest_difference(workdir, expected, num_left_out):
    """The largest error of all estimates, but for the frames next to both borders.

    Open-Unmix hears a song at once, mirrored at its borders by half a window, and so does the
    network here, without context.
    """
    config = load_run(str(workdir)).config
    model = replace(config.model, context_columns=0)
    num_frames = len(next(iter(expected.values())))
    half = model.window_frames // 2
    # Of a hop less on each side all four columns are there.
    hop = half // 2
    model = replace(model, estimate_frames=num_frames - 2 * hop)
    network = make_network(replace(config, model=model))
    restore_network(str(workdir), network, "best")
    mixture = np.random.default_rng(0).uniform(-1, 1, (num_frames, 2)).astype(np.float32)
    padded = np.pad(mixture, ((half, half), (0, 0)), mode="reflect")
    assert network.window().mixture_frames == len(padded)
    estimates = np.asarray(tf.function(network)(padded[None], {})["estimates"])[0]
    assert config.data.sources == tuple(sorted(expected))
    differences = []
    for source, estimate in zip(config.data.sources, estimates, strict=True):
        assert np.abs(expected[source]).max() > 0.1
        apart = expected[source][hop : num_frames - hop] - estimate
        differences.append(np.abs(apart[num_left_out - hop : -(num_left_out - hop)]).max())
    return max(differences)
