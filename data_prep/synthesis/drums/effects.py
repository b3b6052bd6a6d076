"""Does to the sum of a patch's parts what a filter, an amplifier and cheap converters do."""

import numpy as np

from data_prep.synthesis.drums.patch import Distortion, Filter, Signal

# A block of the filter is so long, and the next begins after half of it.
_BLOCK_SECS = 0.012
# What rings is heard for so long behind its block.
_RING_SECS = 0.08
# the peak of resonance 1 and of resonance 0 at the cutoff, as factors
_MAX_Q = 10 ** (24 / 20)
_MIN_Q = 1 / np.sqrt(2)
_LOWEST_HZ = 10.0


def filtered(waveform: Signal, settings: Filter, sample_rate: int) -> Signal:
    """Returns a waveform behind a filter of second order whose cutoff moves: (frames,).

    Overlapping blocks under Hann windows, which sum to 1, go through the filter as it stands in
    the middle of each; what rings on behind a block is added to the next ones. So the filter
    fades from one cutoff to the next, and nothing sounds before its cause.
    """
    hop = max(1, round(_BLOCK_SECS * sample_rate / 2))
    # 0.5 - 0.5 cos: shifted by half of its length, it sums to 1
    window = np.hanning(2 * hop + 1)[:-1]
    num_fft = 1 << (2 * hop + round(_RING_SECS * sample_rate) - 1).bit_length()
    num_blocks = len(waveform) // hop + 2
    padded = np.zeros((num_blocks + 1) * hop)
    padded[hop : hop + len(waveform)] = waveform
    # (blocks, frames): block k has its middle at frame k * hop of the waveform
    blocks = np.lib.stride_tricks.sliding_window_view(padded, 2 * hop)[::hop] * window
    middles = np.arange(len(blocks)) * hop / sample_rate
    hz = np.fft.rfftfreq(num_fft, 1 / sample_rate)
    response = _response(settings, settings.cutoff.at(middles), hz, sample_rate)
    rung = np.fft.irfft(np.fft.rfft(blocks, num_fft) * response, num_fft)
    total = np.zeros(len(blocks) * hop + num_fft)
    for number, block in enumerate(rung):
        total[number * hop : number * hop + num_fft] += block
    return total[hop : hop + len(waveform)]


def _response(
    settings: Filter, cutoffs_hz: Signal, hz: Signal, sample_rate: int
) -> np.typing.NDArray[np.complex128]:
    """Returns the frequency response for each cutoff: (cutoffs, bins).

    With s = i f / f0 it is 1 / (1 + s / Q + s^2), and the high-pass s^2 times that.
    """
    quality = _MIN_Q * (_MAX_Q / _MIN_Q) ** settings.resonance
    limited = np.clip(cutoffs_hz, _LOWEST_HZ, sample_rate / 2)
    s = 1j * hz[None, :] / limited[:, None]
    response = 1 / (1 + s / quality + s**2)
    if settings.is_high_pass:
        response = response * s**2
    return response


def distorted(waveform: Signal, settings: Distortion, sample_rate: int) -> Signal:
    """Returns a waveform driven, clipped, rounded to steps and held, in this order: (frames,)."""
    driven = waveform * 10 ** (settings.drive_db / 20)
    clipped = np.tanh(driven) if settings.is_soft else np.clip(driven, -1, 1)
    # 1 is 2 ** (bits - 1) steps
    steps = 2.0 ** (settings.bits - 1)
    rounded = np.rint(clipped * steps) / steps
    if settings.rate_hz is None or settings.rate_hz >= sample_rate:
        return rounded
    frames_held = sample_rate / settings.rate_hz
    # every frame takes the value of the first one of its period
    periods = np.floor(np.arange(len(rounded)) / frames_held)
    return rounded[np.ceil(periods * frames_held - 1e-9).astype(np.int64)]
