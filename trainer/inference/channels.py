"""Fits sounds of one or two channels to a network of one or two: the rule exists once, here.

A mono network hears each channel by itself. A stereo network hears a mono sound twice, and the mean
of its two channels is the estimate. For any Keras backend, eager and in graphs, where the number of
channels may be unknown until it runs.

Axes: N inputs of the network, T frames, C channels of the sound, C_net those of the network, K
    slots.
"""

from typing import Any

from keras import ops


def require_channels(num_channels: int, network_channels: int) -> None:
    """Raises a ``ValueError`` where a network cannot take so many channels."""
    if network_channels == 2 and num_channels not in (1, 2):
        raise ValueError(
            f"the file has {num_channels} channels; a stereo network separates 1 or 2."
        )


def to_inputs(waveform: Any, network_channels: int) -> Any:
    """Returns what the network hears: (T, C) -> (N, T, C_net)."""
    if network_channels == 1:
        return ops.transpose(waveform)[:, :, None]
    # Twice where there is one channel, once where there are two.
    repeats = 2 // ops.shape(waveform)[1]
    return ops.repeat(waveform, repeats, axis=1)[None]


def from_outputs(estimates: Any, num_channels: Any) -> Any:
    """Returns the estimates of a sound of C channels: (N, K, T, C_net) -> (K, T, C)."""
    num_inputs, num_slots, num_frames, network_channels = ops.shape(estimates)
    if estimates.shape[3] == 1:
        return ops.transpose(estimates[:, :, :, 0], (1, 2, 0))
    # (K, T, C, 2 / C): the mean over what stands for one channel.
    del num_inputs
    copies = network_channels // num_channels
    grouped = ops.reshape(estimates[0], (num_slots, num_frames, num_channels, copies))
    return ops.mean(grouped, axis=3)
