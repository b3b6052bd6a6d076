"""Is a network that estimates every source by a mask on the spectrum of the mixture.

Any Keras backend. Axes: B examples, K slots, C channels, T frames, M columns, F bins, N features.
"""

from typing import Any, NamedTuple

import keras
from keras import ops

from configs import Config, StftMaskSettings
from trainer.networks.conditioning import conditioning_vector, gate
from trainer.networks.masks.mask_bodies import BODIES
from trainer.networks.masks.mask_body import Body, Sizes
from trainer.networks.network import Conditions, Network, Outputs, iter_seeds, rematerialised
from trainer.networks.spectra import Spectrum, Transform, decibels, magnitudes, mel_hats

# Added to what decides about a slot without an instrument, so that the others share its part.
_NEVER = -1e9


class Encoded(NamedTuple):
    """Holds the spectrum of a mixture, (B, C, M, F), and what each body makes of it."""

    spectrum: Spectrum
    bodies: list[Any]


class StftMask(Network):
    """Maps (mixture (B, T_mix, C), labels (B, K)) to estimates (B, K, T_est, C), float32.

    Spectra, masks and estimates are float32 whatever the compute dtype. With binary masks it learns
    from what decides about them, by the cross-entropy with the ideal binary mask.
    """

    settings: StftMaskSettings

    def __init__(self, config: Config) -> None:
        dtype = "mixed_bfloat16" if config.train.compute_dtype == "bfloat16" else "float32"
        super().__init__(config, name="stft_mask", dtype=dtype, autocast=False)
        model = self.settings
        seeds = iter_seeds(config.train.seed)
        names = self.sources if model.own_bodies else ["all"]
        sizes = Sizes(
            num_sources=len(self.sources) // len(names),
            num_channels=self.num_channels,
            heard_features=model.heard_features,
            masked_features=model.masked_features,
        )
        body = BODIES[model.body]
        # By number, because a source may have a name that a variable cannot.
        self.bodies: list[Body] = [
            body(model, sizes, seeds, f"body_{i}", dtype) for i, _ in enumerate(names, start=1)
        ]
        self._transform = Transform(model.window_frames, model.transforms == "products")
        # (N, F)
        self._hats = None
        if model.num_bands:
            rate = config.audio.sample_rate
            self._hats = mel_hats(model.num_bands, model.highest_bins, rate)

    def encode(self, mixture: Any, conditions: Conditions) -> Encoded:
        """Returns the spectrum, and what bodies make of it before labels enter."""
        del conditions
        # (B, T, C) -> (B, C, T)
        waveforms = ops.transpose(ops.cast(mixture, "float32"), (0, 2, 1))
        spectrum = self._transform.columns(waveforms)
        features = self._features(spectrum)
        encoded = []
        for body in self.bodies:
            # Begins the paths of its variables.
            with keras.name_scope(body.name):
                encoded.append(body.encode(features))
        return Encoded(spectrum, encoded)

    def decode(self, features: Encoded, conditions: Conditions) -> Outputs:
        """Returns the estimates, (B, K, T_est, C), and what decided, (B, K, C, M', F)."""
        vector = None
        if self.settings.conditioning != "none":
            vector = conditioning_vector(conditions["labels"])
        decoded = []
        for body, encoded in zip(self.bodies, features.bodies, strict=True):
            with keras.name_scope(body.name):
                decoded.append(body.decode(encoded, vector))
        decisions = rematerialised(self._decide)(*decoded)
        estimate = rematerialised(self._estimate, spectrum=features.spectrum, conditions=conditions)
        return {"estimates": estimate(decisions), "decisions": decisions}

    def clip_features(self, clips: Any) -> Any:
        """Returns the last features of all bodies side by side, (B, J, N), of clips (B, T, C)."""
        encoded = self.encode(clips, {}).bodies
        trunks = []
        for body, each in zip(self.bodies, encoded, strict=True):
            with keras.name_scope(body.name):
                trunks.append(body.trunk(each))
        return ops.concatenate(trunks, axis=2)

    def own_loss(self, batch: Conditions, outputs: Outputs) -> Any:
        """Returns the loss of binary masks; None of others, which learn from their estimates.

        The cross-entropy of every bin with the ideal binary mask, |S| >= |X| / 2, each bin by its
        magnitude in the mixture, relative to the mean of its example.
        """
        if self.settings.mask != "binary":
            return None
        decisions = outputs["decisions"]
        # Sources are known where estimates are: (B, K, T, C) -> (B, K, C, M' - 6, F).
        sources = ops.transpose(batch["sources"], (0, 1, 3, 2))
        source_magnitudes = magnitudes(self._transform.columns(sources))
        decisions = _middle(decisions, source_magnitudes.shape[3])
        mixture = _middle(ops.transpose(batch["mixture"], (0, 2, 1))[..., None], sources.shape[3])
        mixture_magnitudes = magnitudes(self._transform.columns(mixture[..., 0]))[:, None]
        ideal = ops.cast(2 * source_magnitudes >= mixture_magnitudes, "float32")
        # A silent mixture is nobody's.
        ideal = ideal * ops.cast(mixture_magnitudes > 0, "float32")
        # -log of the probability, sigmoid(decision), of what is right.
        costs = ops.softplus(decisions) - ideal * decisions
        mean = ops.mean(mixture_magnitudes, axis=(1, 2, 3, 4), keepdims=True)
        weights = mixture_magnitudes / ops.maximum(mean, 1e-6)
        return ops.mean(weights * costs)

    def forward_flops(self, pruned: bool | None = None) -> int:
        """Returns the multiplications and additions of the bodies and of all transforms.

        Args:
            pruned: makes no difference: all that is computed is used.
        """
        del pruned
        window = self.settings.window()
        # A real transform of W numbers: 2.5 W log2 W.
        frames = self.settings.window_frames
        of_transform = int(2.5 * frames * (frames - 1).bit_length())
        num_transforms = window.num_columns + len(self.sources) * window.num_masked
        of_bodies = sum(body.flops(window.num_masked) for body in self.bodies)
        return of_bodies + self.num_channels * num_transforms * of_transform

    def frame_bytes(self) -> int:
        """Returns how many bytes a frame of a mixture takes while estimates are computed, at most.

        Measured on a CPU, and rounded up: 16 numbers for each slot and channel, 32 for the rest and
        6 for each feature of the first level of a U-Net.
        """
        num_numbers = 16 * len(self.sources) * self.num_channels + 32
        if self.settings.body == "unet":
            num_numbers += 6 * self.settings.width
        return 4 * num_numbers

    def _decide(self, *decoded: Any) -> Any:
        """Returns what decides about every bin, (B, K, C, M', F), of what each body gives."""
        # (B, M', K, C, N) -> (B, K, C, M', N)
        outputs = ops.cast(ops.concatenate(decoded, axis=2), "float32")
        outputs = ops.transpose(outputs, (0, 2, 3, 1, 4))
        if self._hats is not None:
            outputs = ops.matmul(outputs, self._hats)
        return outputs

    def _estimate(self, decisions: Any, spectrum: Spectrum, conditions: Conditions) -> Any:
        """Returns the estimates, (B, K, T_est, C), by masks on a spectrum (B, C, M, F)."""
        masks = self._masks(decisions, conditions)
        # (B, 1, C, M', F)
        real, imaginary = (_middle(part, decisions.shape[3])[:, None] for part in spectrum)
        masked = (masks * real, masks * imaginary)
        # (B, K, C, T) -> (B, K, T, C)
        estimates = ops.transpose(self._transform.frames(masked), (0, 1, 3, 2))
        if self.settings.gate_heads:
            estimates = gate(estimates, ops.cast(conditions["labels"], "float32"))
        return estimates

    def _features(self, spectrum: Spectrum) -> Any:
        """Returns what bodies hear, (B, M, C, N), of a spectrum (B, C, M, F) twice."""
        model = self.settings
        if model.features == "magnitude":
            heard = self._in_bands(magnitudes(spectrum))
        else:
            power = ops.square(spectrum[0]) + ops.square(spectrum[1])
            heard = decibels(self._in_bands(power), model.window_frames)
        if model.num_bins:
            heard = heard[..., : model.num_bins]
        return ops.transpose(heard, (0, 2, 1, 3))

    def _in_bands(self, values: Any) -> Any:
        """Returns the mean of each band: (..., F) -> (..., N)."""
        if self._hats is None:
            return values
        weights = self._hats / self._hats.sum(axis=1, keepdims=True).clip(1e-6)
        return ops.matmul(values, weights.T)

    def _masks(self, outputs: Any, conditions: Conditions) -> Any:
        """Returns the masks of what bodies give, (B, K, C, M, F) both."""
        mask = self.settings.mask
        if mask == "soft":
            return ops.sigmoid(outputs)
        if mask == "relu":
            return ops.relu(outputs)
        if mask == "binary":
            return ops.cast(outputs > 0, "float32")
        if self.settings.takes_labels:
            is_absent = ops.cast(ops.equal(conditions["labels"], 0), "float32")
            outputs = outputs + _NEVER * is_absent[:, :, None, None, None]
        # Not ops.softmax, which warns of a vocabulary of one source.
        powers = ops.exp(outputs - ops.max(outputs, axis=1, keepdims=True))
        return powers / ops.sum(powers, axis=1, keepdims=True)


def _middle(x: Any, size: int) -> Any:
    """Returns the middle of the last axis but one: (..., M, F) -> (..., size, F)."""
    first = (x.shape[-2] - size) // 2
    return x[..., first : first + size, :]


def make_network(config: Config) -> StftMask:
    """Returns the network of an experiment, its weights made from ``train.seed``."""
    network = StftMask(config)
    shapes = {"labels": (len(config.data.sources),)}
    network.build_on_symbols({name: shapes[name] for name in network.conditions})
    return network
