"""Computes what the layers of a tagger make of a whole waveform, for purposes it never learnt.

The features of every layer are averaged over time and laid side by side, as in Choi, Fazekas,
Sandler, Cho, "Transfer learning for music classification and regression tasks", ISMIR 2017: early
layers hear timbre and late ones what the tagger was taught, and nobody knows beforehand which of
them another task needs.

Axes: B examples, T frames, C channels, J answers, L layers, N features of a layer or of all.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

import configs
from configs import Config, TaggerSettings
from configs.reading import parse_object
from configs.tagger import require_tagger
from data_prep.audio.tracks import Waveform
from trainer.inference import streams
from trainer.inference.memory import MEMORY_MB, frames_in
from trainer.inference.tiling import make_block_estimator
from trainer.loop.checkpoints import restore_network
from trainer.loop.workdir import load_run
from trainer.networks.network import Conditions, Network, Outputs
from trainer.networks.tagger.network import Tagger, make_network

# Of windows of short files.
_LENGTHS = 8

Features = NDArray[np.float32]
"""(N,), those of all layers, the first layer's first."""


class LayeredTagger(Network):
    """Maps a mixture (B, T_mix, C) to ``features`` (B, N, J), those of all layers of a tagger.

    Answer j is centred where the tagger's is. Of a layer that has several columns for each answer
    it is their mean.

    Attributes:
        sizes: N of each layer, (L,).
    """

    settings: TaggerSettings

    def __init__(self, config: Config, tagger: Tagger) -> None:
        super().__init__(config, name="layers", autocast=False)
        self.tagger = tagger
        # Its shortest window is heard: silence.
        frames = self.window(1).mixture_frames
        layers = self.encode(ops.zeros((1, frames, self.num_channels)), {})
        self.sizes = tuple(int(layer.shape[-1]) for layer in layers)

    def encode(self, mixture: Any, conditions: Conditions) -> Sequence[Any]:
        """Returns the features of each layer of the tagger."""
        return self.tagger.encode(mixture, conditions)

    def decode(self, features: Sequence[Any], conditions: Conditions) -> Outputs:
        """Returns the features of all layers at the answers, (B, N, J)."""
        del conditions
        num_answers = features[-1].shape[1]
        pooled = [self._at_answers(layer, num_answers) for layer in features]
        return {"features": ops.transpose(ops.concatenate(pooled, axis=2), (0, 2, 1))}

    def forward_flops(self, pruned: bool | None = None) -> int:
        """Returns the arithmetic of the tagger, of which all layers are wanted."""
        return self.tagger.forward_flops(pruned)

    def frame_bytes(self) -> int:
        """Returns how many bytes a frame of a mixture takes while it is listened to, at most."""
        # Features of all layers stay until the last is there.
        kept = 2 * 4 * sum(self.sizes) // self.settings.hop_frames
        return self.tagger.frame_bytes() + kept

    def _at_answers(self, layer: Any, num_answers: int) -> Any:
        """Returns a layer (B, J or more, N) at the answers, (B, J, N), float32."""
        layer = ops.cast(layer, "float32")
        num_columns = layer.shape[1]
        if num_columns == num_answers:
            return layer
        # Columns that later layers read on each side of the answers are left out.
        hops = self.settings.column_hops
        num_inner = num_answers * hops
        margin = (num_columns - num_inner) // 2
        assert margin >= 0, "a layer has columns for all answers"
        inner = layer[:, margin : margin + num_inner]
        if hops == 1:
            return inner
        # (B, J hops, N) -> (B, J, hops, N)
        cells = ops.reshape(inner, (-1, num_answers, hops, layer.shape[2]))
        return ops.mean(cells, axis=2)


class LayerFeatures:
    """Is the layers of a tagger as a function of waveforms of any length.

    Attributes:
        config: of the tagger.
        tagger: hears.
        sizes: how many features each layer has, (L,).
    """

    def __init__(self, config: Config, tagger: Tagger, memory_mb: float = MEMORY_MB) -> None:
        """Makes the function of a network.

        Args:
            config: of the network.
            tagger: hears; its weights may change later.
            memory_mb: what it may take for one window of a waveform, in MB.
        """
        self.config = config
        self.tagger = tagger
        network = LayeredTagger(config, tagger)
        self.sizes: tuple[int, ...] = network.sizes
        longest_frames = frames_in(memory_mb, network)
        self._iter_features = make_block_estimator(
            network,
            longest_frames,
            "features",
            network.settings.column_frames,
            step_frames=max(longest_frames // _LENGTHS, 1),
        )

    @property
    def sample_rate(self) -> int:
        """Returns the rate at which it hears, in Hz."""
        return self.config.audio.sample_rate

    def listen(self, blocks: Iterable[Waveform], sample_rate: int) -> Features:
        """Returns the features of a waveform of any rate, length and channels.

        Args:
            blocks: consecutive ones of the waveform, (frames, C), of which few are held at a time.
            sample_rate: theirs, in Hz.
        """
        return self.of_mono(streams.mono_at(blocks, sample_rate, self.sample_rate))

    def of_mono(self, blocks: Iterable[Waveform]) -> Features:
        """Returns the features of a waveform in consecutive blocks (1, frames, 1) at its rate."""
        channels = self.config.audio.channels
        heard = (np.repeat(block, channels, axis=2) for block in blocks)
        total = np.zeros(sum(self.sizes), np.float64)
        num_answers = 0
        # (1, N, J) each
        for (features,) in self._iter_features(heard, {}):
            total += features.sum(axis=1, dtype=np.float64)
            num_answers += features.shape[1]
        return (total / num_answers).astype(np.float32)

    def checksum(self) -> str:
        """Returns what tells what is heard from what others hear: of the weights and the config.

        Fields that say how a network is trained play no part, so that a run may go on.
        """
        described = parse_object(configs.to_json(self.config), "the config of a run")
        heard_by = {name: described[name] for name in ("model", "audio")}
        checksum = hashlib.sha256(json.dumps(heard_by, sort_keys=True).encode())
        for weight in self.tagger.weights:
            checksum.update(weight.path.encode())
            checksum.update(weight.numpy().tobytes())
        return checksum.hexdigest()


class TrainedLayerFeatures(LayerFeatures):
    """Is the layers of the tagger of a run, with the weights of one of its checkpoints."""

    def __init__(
        self,
        workdir: str,
        checkpoint: str = "best",
        weights: str = "average",
        memory_mb: float = MEMORY_MB,
    ) -> None:
        """Restores the network of a run; ``ValueError`` where there is none that hears."""
        run = load_run(workdir)
        require_tagger(run.config.model, run.config.name)
        network = make_network(run.config)
        self.step = restore_network(workdir, network, checkpoint, weights)
        self.workdir = workdir
        self.weights = weights
        self.imported = run.imported
        super().__init__(run.config, network, memory_mb)

    @property
    def origin(self) -> str:
        """Returns where its weights are from, in words."""
        if self.imported is not None:
            return f"{self.imported.system}'s weights, imported to {self.workdir}"
        return f"step {self.step:,} of {self.workdir}"
