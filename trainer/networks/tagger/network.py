"""Is a network that says of every instrument how probably it sounds, column by column.

Any Keras backend. Axes: B examples, T frames, C channels, M columns, N features, J answers, K
instruments.
"""

from collections.abc import Sequence
from typing import Any

from keras import ops

from configs import Config, TaggerSettings
from trainer.networks.network import Conditions, Network, Outputs, iter_seeds
from trainer.networks.tagger.bodies import BODIES
from trainer.networks.tagger.front import MelFront, WaveformFront


class Tagger(Network):
    """Maps a mixture (B, T_mix, C) to ``activity`` (B, K, J), float32, from 0 to 1.

    Answer j is centred on the frame j times ``column_frames`` of what the window estimates. Beside
    it stands ``decisions`` (B, K, J), of which it is the sigmoid, or where one instrument sounds at
    a time the softmax over K. Front and answers are float32 whatever the compute dtype.
    """

    settings: TaggerSettings

    def __init__(self, config: Config) -> None:
        dtype = "mixed_bfloat16" if config.train.compute_dtype == "bfloat16" else "float32"
        super().__init__(config, name="tagger", dtype=dtype, autocast=False)
        model = self.settings
        seeds = iter_seeds(config.train.seed)
        if model.front == "mel":
            self.front = MelFront(model, config.audio.sample_rate)
        else:
            self.front = WaveformFront(model, seeds, dtype)
        body = BODIES[model.body]
        self.body = body(model, model.num_bands, len(self.sources), seeds, dtype)

    def encode(self, mixture: Any, conditions: Conditions) -> Sequence[Any]:
        """Returns the features of each layer of the body, those for answers last."""
        del conditions
        # (B, T, C) -> (B, T): instruments sound wherever they stand.
        waveforms = ops.mean(ops.cast(mixture, "float32"), axis=2)
        # Its last column is centred behind the window.
        heard = self.front(waveforms)[:, :-1]
        return self.body.encode(heard)

    def decode(self, features: Sequence[Any], conditions: Conditions) -> Outputs:
        """Returns the activity and what decided, (B, K, J) both."""
        del conditions
        decided = ops.cast(self.body.decode(features[-1]), "float32")
        decisions = ops.transpose(decided, (0, 2, 1))
        if self.settings.answers == "one":
            # Not ops.softmax, which warns of a vocabulary of one.
            powers = ops.exp(decisions - ops.max(decisions, axis=1, keepdims=True))
            return {
                "activity": powers / ops.sum(powers, axis=1, keepdims=True),
                "decisions": decisions,
            }
        return {"activity": ops.sigmoid(decisions), "decisions": decisions}

    def clip_features(self, clips: Any) -> Any:
        """Returns the features of which answers are made, (B, J, N), of clips (B, T, C)."""
        return self.encode(clips, {})[-1]

    def forward_flops(self, pruned: bool | None = None) -> int:
        """Returns the multiplications and additions of the front and the body.

        Args:
            pruned: makes no difference: all that is computed is used.
        """
        del pruned
        model = self.settings
        num_answers = model.window().num_columns
        num_columns = num_answers * model.column_hops + 2 * model.read_columns
        return int(self.front.flops(num_columns) + self.body.flops(num_answers))

    def frame_bytes(self) -> int:
        """Returns how many bytes a frame of a mixture takes while it is listened to, at most."""
        model = self.settings
        of_front = 4 * 8 * model.window_frames // model.hop_frames
        if model.front == "waveform":
            of_front = 4 * 3 * 32
        return int(of_front + self.body.column_bytes() // model.hop_frames + 16)


def make_network(config: Config) -> Tagger:
    """Returns the network of an experiment, its weights made from ``train.seed``."""
    network = Tagger(config)
    network.build_on_symbols({})
    return network
