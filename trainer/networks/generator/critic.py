"""Is a critic of single sounds: how real one sounds, as in WaveGAN.

Any Keras backend. Axes: B sounds, T frames, N features.
"""

from typing import Any

import keras
from keras import ops

from configs import Config, GenerationSettings, GeneratorSettings
from trainer.networks.generator.convolutions import Down
from trainer.networks.network import iter_seeds


class Critic(keras.Model):
    """Maps sounds (B, T, 1) to a number each, (B,), float32: the higher, the more real."""

    def __init__(self, config: Config) -> None:
        """Makes the layers; their first values follow from ``train.seed``."""
        dtype = "mixed_bfloat16" if config.train.compute_dtype == "bfloat16" else "float32"
        super().__init__(name="critic", dtype=dtype, autocast=False)
        assert isinstance(config.model, GeneratorSettings)
        assert isinstance(config.task, GenerationSettings)
        self._radius = config.task.phase_shuffle
        # Other ones than those of encoder and decoder.
        seeds = iter_seeds(config.train.seed + 2)
        self.down = Down(config.model, seeds, dtype)
        self.score = keras.layers.Dense(
            1,
            kernel_initializer=keras.initializers.GlorotUniform(next(seeds)),
            name="score",
            dtype=dtype,
        )

    def build(self, shape: Any) -> None:
        """Leaves the weights to the first call, in which each layer makes its own."""

    def call(self, sounds: Any, shifts: Any = None) -> Any:
        """Returns how real sounds are, (B,).

        Args:
            sounds: (B, T, 1).
            shifts: of the phase shuffle, (levels - 1); None for none.
        """
        columns = self.down(sounds, shifts=shifts, radius=self._radius)
        scores = self.score(ops.reshape(columns, (-1, self.down.num_features)))
        return ops.cast(scores[:, 0], "float32")

    def flops(self) -> int:
        """Returns the multiplications and additions of a sound."""
        return self.down.flops() + 2 * self.down.num_features


def make_critic(config: Config) -> Critic:
    """Returns the critic of an experiment, its weights made from ``train.seed``."""
    critic = Critic(config)
    critic(keras.KerasTensor((1, config.model.window().estimate_frames, 1)))
    return critic
