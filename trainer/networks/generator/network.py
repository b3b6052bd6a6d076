"""Is a network that makes single sounds of a few numbers, and finds the numbers of a sound.

Any Keras backend. Axes: B sounds, T frames, Z numbers of a sound, M columns, F bins.
"""

from typing import Any

import keras
from keras import ops

from configs import Config, GenerationSettings, GeneratorSettings
from configs.generator import SPECTRUM_HOP, SPECTRUM_WINDOW
from trainer.networks.generator.convolutions import Down, Up
from trainer.networks.generator.dense import DenseDown, DenseUp
from trainer.networks.network import Conditions, Network, Outputs, iter_seeds
from trainer.networks.spectra import decibels

# Of the logarithm of a variance: beyond them nothing changes that could be heard.
_LEAST_LOG, _MOST_LOG = -20.0, 5.0


class Generator(Network):
    """Maps sounds (B, T, 1) to ``latents`` (B, Z), and these to ``sounds`` (B, T, 1), float32.

    One that a critic teaches has no encoder: it hears no sounds, and is given the numbers.
    """

    settings: GeneratorSettings

    def __init__(self, config: Config) -> None:
        dtype = "mixed_bfloat16" if config.train.compute_dtype == "bfloat16" else "float32"
        super().__init__(config, name="generator", dtype=dtype, autocast=False)
        assert isinstance(config.task, GenerationSettings)
        self._is_variational = config.task.method == "variational"
        self.decoder = Decoder(self.settings, config.train.seed, dtype)
        self.encoder = None
        if config.task.has_encoder:
            # Seeds of its own, so that the decoder is the same with and without it.
            self.encoder = Encoder(
                self.settings, config.train.seed + 1, dtype, self._is_variational
            )

    def encode(self, mixture: Any, conditions: Conditions) -> Any:
        """Returns the numbers of sounds (B, T, C), (B, Z): the middle of what they may be.

        Without an encoder they are what is given.
        """
        del conditions
        if self.encoder is None:
            return mixture
        means, _ = self.distribution(mixture)
        return means

    def distribution(self, sounds: Any) -> tuple[Any, Any]:
        """Returns the means and the logarithms of the variances of sounds (B, T, C), (B, Z) each.

        The logarithms are None where the network is not variational.
        """
        assert self.encoder is not None, "the network has an encoder"
        heard = ops.mean(ops.cast(sounds, "float32"), axis=2, keepdims=True)
        numbers = ops.cast(self.encoder(heard), "float32")
        num_latents = self.settings.latents
        if not self._is_variational:
            return numbers, None
        logarithms = ops.clip(numbers[:, num_latents:], _LEAST_LOG, _MOST_LOG)
        return numbers[:, :num_latents], logarithms

    def decode(self, features: Any, conditions: Conditions) -> Outputs:
        """Returns the sounds of numbers (B, Z), and the numbers."""
        del conditions
        return {"sounds": self.decoder(features), "latents": features}

    def forward_flops(self, pruned: bool | None = None) -> int:
        """Returns the multiplications and additions of a sound, there and back.

        Args:
            pruned: makes no difference: all that is computed is used.
        """
        del pruned
        total = self.decoder.flops()
        if self.encoder is not None:
            total += self.encoder.flops()
        return total

    def build_all(self) -> None:
        """Makes the weights from symbols in place of sounds: nothing is computed."""
        shape: tuple[int, ...] = (1, self.settings.num_frames, self.num_channels)
        if self.encoder is None:
            shape = (1, self.settings.latents)
        # Within a call of the network, so that the paths of its variables begin with its name.
        self(keras.KerasTensor(shape), {})


class Encoder(keras.layers.Layer):
    """Finds the numbers of sounds: (B, T, 1) -> (B, Z), or (B, 2 Z) with their variances."""

    def __init__(
        self, settings: GeneratorSettings, seed: int, dtype: Any, is_variational: bool
    ) -> None:
        # Levels are computed of float32; the layers cast what they are given themselves.
        super().__init__(name="encoder", dtype=dtype, autocast=False)
        self._settings = settings
        seeds = iter_seeds(seed)
        is_dense = settings.body == "dense" or settings.hears == "spectrum"
        body = DenseDown if is_dense else Down
        self.down = body(settings, seeds, dtype)
        self.numbers = keras.layers.Dense(
            settings.latents * (2 if is_variational else 1),
            kernel_initializer=keras.initializers.GlorotUniform(next(seeds)),
            name="numbers",
            dtype=self.dtype_policy,
        )

    def call(self, sounds: Any) -> Any:
        """Returns the numbers."""
        heard = sounds
        if self._settings.hears == "spectrum":
            heard = levels(sounds)
        features = self.down(heard)
        return self.numbers(ops.reshape(features, (-1, self.down.num_features)))

    def flops(self) -> int:
        """Returns the multiplications and additions of a sound, but for those of a spectrum."""
        return self.down.flops() + 2 * self.down.num_features * self.numbers.units


class Decoder(keras.layers.Layer):
    """Makes sounds of numbers: (B, Z) -> (B, T, 1)."""

    def __init__(self, settings: GeneratorSettings, seed: int, dtype: Any) -> None:
        super().__init__(name="decoder", dtype=dtype)
        body = DenseUp if settings.body == "dense" else Up
        self.up = body(settings, iter_seeds(seed), dtype)

    def call(self, latents: Any) -> Any:
        """Returns the sounds, float32."""
        return self.up(latents)

    def flops(self) -> int:
        """Returns the multiplications and additions of a sound."""
        return self.up.flops()


def levels(sounds: Any) -> Any:
    """Returns the levels of sounds (B, T, 1) in columns and bins, (B, M, F): 20 dB a unit."""
    frames = SPECTRUM_WINDOW
    real, imaginary = ops.stft(sounds[:, :, 0], frames, SPECTRUM_HOP, frames, center=False)
    return decibels(ops.square(real) + ops.square(imaginary), frames)


def make_network(config: Config) -> Generator:
    """Returns the network of an experiment, its weights made from ``train.seed``."""
    network = Generator(config)
    network.build_all()
    return network
