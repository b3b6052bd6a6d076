"""Is a network that gives features of a clip, of which a task makes what it wants.

Any Keras backend. Axes: B clips, T frames, C channels, J columns, N features.
"""

from typing import Any

import keras
from keras import ops

from configs import ClipEncoderSettings, Config, OrderingSettings
from trainer.networks.clip_encoder.bodies import Bands, Dense, Waveforms
from trainer.networks.network import Conditions, Network, Outputs, iter_seeds


class ClipEncoder(Network):
    """Maps clips (B, T, C) to ``features`` (B, J, N), in the compute dtype; channels are summed.

    The dense body hears clips of one length alone, that of the task.
    """

    settings: ClipEncoderSettings

    def __init__(self, config: Config) -> None:
        dtype = "mixed_bfloat16" if config.train.compute_dtype == "bfloat16" else "float32"
        super().__init__(config, name="clip_encoder", dtype=dtype, autocast=False)
        assert isinstance(config.task, OrderingSettings)
        self._num_frames = round(config.task.clip_secs * config.audio.sample_rate)
        model = self.settings
        seeds = iter_seeds(config.train.seed)
        self.body: Dense | Waveforms | Bands
        if model.body == "dense":
            self.body = Dense(model, seeds, dtype)
        elif model.body == "waveform":
            self.body = Waveforms(model, seeds, dtype)
        else:
            self.body = Bands(model, config.audio.sample_rate, seeds, dtype)

    def encode(self, mixture: Any, conditions: Conditions) -> Any:
        """Returns the features of clips (B, T, C), (B, J, N)."""
        del conditions
        # (B, T, C) -> (B, T)
        return self.body(ops.mean(ops.cast(mixture, "float32"), axis=2))

    def decode(self, features: Any, conditions: Conditions) -> Outputs:
        """Returns the features as they are."""
        del conditions
        return {"features": features}

    def clip_features(self, clips: Any) -> Any:
        """Returns the features of clips (B, T, C), (B, J, N)."""
        return self.encode(clips, {})

    def forward_flops(self, pruned: bool | None = None) -> int:
        """Returns the multiplications and additions of a clip.

        Args:
            pruned: makes no difference: all that is computed is used.
        """
        del pruned
        return self.body.flops(self._num_frames)

    def clip_flops(self, num_frames: int) -> int:
        """Returns the multiplications and additions of the features of a clip."""
        return self.body.flops(num_frames)

    def build_on_clips(self) -> None:
        """Makes the weights from symbols in place of clips: nothing is computed."""
        self(keras.KerasTensor((1, self._num_frames, self.num_channels)), {})


def make_network(config: Config) -> ClipEncoder:
    """Returns the network of an experiment, its weights made from ``train.seed``."""
    network = ClipEncoder(config)
    network.build_on_clips()
    return network
