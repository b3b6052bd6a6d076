"""Makes sounds of numbers, finds the numbers of sounds, and draws numbers by dice.

Axes: N sounds, T frames, Z numbers of a sound.
"""

import numpy as np
from numpy.typing import NDArray

from configs import Config, GenerationSettings, GeneratorSettings
from trainer.devices.compiled import compiled
from trainer.networks.generator.network import Generator
from trainer.tasks.generation.sounds import Sounds

# (N, Z)
Latents = NDArray[np.float32]

# Sounds at a time.
_BATCH = 64
# A number that says more of sounds than this is used (Burda, Grosse, Salakhutdinov, "Importance
# weighted autoencoders", ICLR 2016, section 5): the variance over sounds of its mean.
_ACTIVE_VARIANCE = 0.01


class Maker:
    """Makes and hears sounds by a network, the weights of which may change later."""

    def __init__(self, config: Config, network: Generator) -> None:
        """Takes the network of the task."""
        self._config = config
        self.network = network
        self._decode = compiled(
            lambda latents: network.decode(latents, {})["sounds"][:, :, 0], [network]
        )
        self._encode = compiled(lambda sounds: network.encode(sounds, {}), [network])

    @property
    def hears(self) -> bool:
        """Says whether the network finds the numbers of a sound."""
        return self.network.encoder is not None

    def make(self, latents: Latents) -> Sounds:
        """Returns the sounds of numbers (N, Z), (N, T)."""
        parts = [self._decode(latents[i : i + _BATCH]) for i in range(0, len(latents), _BATCH)]
        return np.concatenate(parts)

    def hear(self, sounds: Sounds) -> Latents:
        """Returns the numbers of sounds (N, T), (N, Z)."""
        parts = [
            self._encode(sounds[i : i + _BATCH, :, None]) for i in range(0, len(sounds), _BATCH)
        ]
        return np.concatenate(parts)

    def draw(self, count: int, seed: int, known: Latents | None = None) -> Latents:
        """Draws numbers by dice, (count, Z).

        An autoencoder has no law of its numbers: theirs are drawn with the mean and the covariance
        of those of known sounds.

        Args:
            count: how many sounds.
            seed: of the dice.
            known: numbers of sounds, (N, Z); an autoencoder needs them.
        """
        task = self._config.task
        model = self._config.model
        assert isinstance(task, GenerationSettings)
        assert isinstance(model, GeneratorSettings)
        rng = np.random.default_rng(seed)
        shape = (count, model.latents)
        if task.method == "autoencoder":
            assert known is not None, "numbers of known sounds are given"
            # One sound has no covariance: all that is drawn is that one.
            covariance = np.zeros((model.latents, model.latents))
            if len(known) > 1:
                covariance = np.atleast_2d(np.cov(known.T))
            drawn = rng.multivariate_normal(known.mean(axis=0), covariance, count)
            return drawn.astype(np.float32)
        if task.prior == "uniform":
            return rng.uniform(-1, 1, shape).astype(np.float32)
        return rng.standard_normal(shape).astype(np.float32)


def is_active(latents: Latents) -> NDArray[np.bool_]:
    """Says which numbers differ from sound to sound, (Z,)."""
    return np.asarray(latents.var(axis=0) > _ACTIVE_VARIANCE)
