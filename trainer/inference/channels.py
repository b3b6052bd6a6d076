"""Fits sounds to a network of one or two channels: the rule exists once, here.

A mono network hears each channel by itself. A stereo network hears a mono sound twice, and the mean
of its two channels is the estimate; of more channels than two it hears left and right together, as
they lie in wav files of surround sound, and the others alone. Sounds of one and two channels are
fitted by any Keras backend, eager and in graphs, where their number may be unknown until it runs.

Axes: N inputs of the network, T frames, C channels of the sound, C_net those of the network, K
    slots.
"""

from typing import Any

import numpy as np
from keras import ops

from data_prep.audio.tracks import Waveform

# How many channels stand together, by their number, in the order of wav files: front left and
# right, centre, low frequencies, behind that the pairs at the back and at the sides.
_GROUPS = {
    3: (2, 1),
    5: (2, 1, 2),
    6: (2, 1, 1, 2),
    7: (2, 1, 1, 1, 2),
    8: (2, 1, 1, 2, 2),
}


def channel_groups(num_channels: int, network_channels: int) -> list[slice]:
    """Returns which channels of a sound a network hears together, one group after the other."""
    if network_channels == 1 or num_channels <= 2:
        return [slice(0, num_channels)]
    pairs = [2] * (num_channels // 2) + [1] * (num_channels % 2)
    groups = []
    start = 0
    for width in _GROUPS.get(num_channels, pairs):
        groups.append(slice(start, start + width))
        start += width
    return groups


def to_all_inputs(waveform: Waveform, network_channels: int) -> Waveform:
    """Returns what the network hears of a sound of any channels: (T, C) -> (N, T, C_net)."""
    groups = channel_groups(waveform.shape[1], network_channels)
    return np.concatenate([to_inputs(waveform[:, group], network_channels) for group in groups])


def from_all_outputs(estimates: Waveform, num_channels: int) -> Waveform:
    """Returns the estimates of a sound of any channels: (N, K, T, C_net) -> (K, T, C)."""
    groups = channel_groups(num_channels, estimates.shape[3])
    num_inputs = len(estimates) // len(groups)
    parts = [
        from_outputs(estimates[i * num_inputs : (i + 1) * num_inputs], group.stop - group.start)
        for i, group in enumerate(groups)
    ]
    return np.concatenate(parts, axis=2)


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
