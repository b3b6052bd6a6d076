"""Is the network of a run as a graph of one window, and what a reader of it must know.

Axes: K slots, T frames, C channels.
"""

import dataclasses
from typing import Any

import tensorflow as tf

from configs import Config
from configs.geometry import Window
from trainer.inference.tiling import long_window
from trainer.networks.network import Network

_WINDOW_FRAMES = 2**17
"""What a window of an exported network estimates, at least.

Whoever loads it says nothing of memory, of which the published network takes about 200 MB here.
"""


def exported_window(network: Network) -> Window:
    """Returns the window of an exported network."""
    return long_window(network, _WINDOW_FRAMES)


class WindowModule(tf.Module):
    """Maps a window of a mixture (1, T_mix, C) and labels (1, K) to estimates (1, K, hop, C).

    All sizes are fixed. A network that takes no labels has no such input. Of the estimate it keeps
    what a full-length estimate keeps, so that whole waveforms are such pieces end to end.
    """

    def __init__(self, config: Config, network: Network) -> None:
        """Makes the function; ``ValueError`` where windows of the network overlap."""
        super().__init__()
        window = exported_window(network)
        if window.overlap > 1:
            raise ValueError(
                f"windows of this network overlap, {window.overlap} over each frame, which a file "
                f"of one window leaves to its reader; export it as saved_model, which joins them."
            )
        kept = slice(window.kept_offset, window.kept_offset + window.hop_frames)
        mixture_shape = [1, window.mixture_frames, config.audio.channels]
        self.signature = [tf.TensorSpec(mixture_shape, tf.float32, "mixture")]
        if network.conditions:
            labels_shape = [1, len(config.data.sources)]
            self.signature.append(tf.TensorSpec(labels_shape, tf.float32, "labels"))

        def separate(mixture: Any, labels: Any = None) -> dict[str, Any]:
            known = {"labels": labels}
            conditions = {name: known[name] for name in network.conditions}
            estimates = network(mixture, conditions, training=False)["estimates"]
            return {"estimates": tf.identity(estimates[:, :, kept], "estimates")}

        # Not the network as an attribute: TensorFlow would save Keras's own functions too.
        self.weights = [variable.value for variable in network.variables]
        self.separate = tf.function(separate, input_signature=self.signature)


def describe(config: Config, network: Network, step: int, weights: str) -> dict[str, Any]:
    """Returns what is stored in a file of one window: all that its user must know of it.

    Args:
        config: of the run.
        network: of that config.
        step: that its weights have seen.
        weights: average or raw.
    """
    window = exported_window(network)
    takes_labels = bool(network.conditions)
    return {
        "name": config.name,
        "sample_rate": config.audio.sample_rate,
        "channels": config.audio.channels,
        "sources": list(config.data.sources),
        # 1 for each source that plays, 0 for the others.
        "takes_labels": takes_labels,
        # -1 throughout.
        "takes_unknown_labels": takes_labels and config.takes_unknown_labels,
        # Window n reads so many frames of the waveform from n hop_frames - lead_frames on, with
        # zeros before and behind the waveform, and estimates hop_frames from n hop_frames on.
        "mixture_frames": window.mixture_frames,
        "lead_frames": window.lead_frames,
        "hop_frames": window.hop_frames,
        "step": step,
        "weights": weights,
        "config": dataclasses.asdict(config),
    }
