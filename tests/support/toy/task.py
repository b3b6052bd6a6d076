"""The toy task as the loop sees it."""

import numpy as np
import tensorflow as tf

from data_prep.records.full_tracks import iter_full_tracks
from tests.support.toy import step
from trainer.batches.excerpts import load_excerpts
from trainer.batches.patches import make_batches
from trainer.inference.separator import Separator
from trainer.loop.protocol import Description, Figure, Number, Picture, Sound


class ToyTask:
    """Learns filters that a critic takes for sources."""

    def __init__(self, config, manifest, folder):
        manifest.require(config, folder)
        self._config = config
        self._manifest = manifest
        self._folder = folder
        self._excerpts = load_excerpts(manifest, folder, "train", config.train.cache)
        self._separator = Separator(config, step.make_networks(config)["separator"])

    def make_networks(self):
        return step.make_networks(self._config)

    def make_objectives(self, networks):
        return step.make_objectives(self._config, networks)

    def make_examples(self, start_step):
        examples = make_batches(self._excerpts, self._config, start_step)
        batch_size = self._config.train.batch_size
        num_updates = self._config.task.num_critic_updates

        def add_noise(number, example):
            """Draws from the step and the place in the batch, so that runs repeat."""
            seed = tf.stack([number // batch_size + start_step, number % batch_size])
            return {**example, "noise": 0.1 * tf.random.stateless_normal([num_updates], seed)}

        return examples.enumerate().map(add_noise)

    def validate(self, weights):
        self._separator.network.set_weights(weights["separator"])
        errors = []
        for track in iter_full_tracks(self._manifest, self._folder, "valid"):
            estimates = self._separator.estimate(track.mixture, track.labels)
            errors.append(np.mean(np.square(estimates - track.references)))
        power = float(np.mean(errors))
        return [Figure("error", power, "of full scale", higher_is_better=False)]

    def show(self, weights):
        rate = self._config.audio.sample_rate
        yield Sound("filter", weights["separator"][0][:, 0, :1], rate)
        yield Number("bias", float(weights["critic"][1][0]))
        yield Picture("nothing", np.zeros((2, 2, 3), np.uint8))

    def describe(self):
        flops = self._separator.network.forward_flops()
        return Description({"game": "two networks"}, 18.0 * flops, "the critic")


def make_task(config, manifest, folder):
    return ToyTask(config, manifest, folder)
