"""Weighs waveforms as the ear does, by the K-weighting of ITU-R BS.1770-5 (Annex 1).

Two filters of second order: a shelf for the head, which raises what lies above 1.5 kHz by 4 dB, and
a high pass at 38 Hz. The standard prints their coefficients at 48 kHz alone. B. De Man ("Evaluation
of implementations of the EBU R128 loudness measurement", AES 145, 2018) found the analogue filters
behind them, from which those of any rate follow; pyloudnorm has them as its filter class ``DeMan``.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from keras import ops
from numpy.typing import NDArray
from scipy.signal import lfilter

# Behind so many seconds less is left of the filters' answer to a click than float32 can hold: the
# high pass falls by 8.7 dB in 4.2 ms.
_RESPONSE_SECS = 0.1


class Biquad(NamedTuple):
    """Holds the coefficients of a filter of second order, a[0] = 1."""

    b: tuple[float, float, float]
    a: tuple[float, float, float]


def shelf(sample_rate: int) -> Biquad:
    """Returns the first filter of the K-weighting, a high shelf."""
    frequency = 1681.9744509555319
    quality = 0.7071752369554193
    highest = 10 ** (3.99984385397 / 20)
    middle = highest**0.499666774155
    # The bilinear transform, which keeps the frequency where it is.
    k = np.tan(np.pi * frequency / sample_rate)
    scale = 1 + k / quality + k**2
    return Biquad(
        b=(
            (highest + middle * k / quality + k**2) / scale,
            2 * (k**2 - highest) / scale,
            (highest - middle * k / quality + k**2) / scale,
        ),
        a=(1.0, 2 * (k**2 - 1) / scale, (1 - k / quality + k**2) / scale),
    )


def high_pass(sample_rate: int) -> Biquad:
    """Returns the second filter of the K-weighting; its highest gain is not 1 in the standard."""
    frequency = 38.13547087613982
    quality = 0.5003270373253953
    k = np.tan(np.pi * frequency / sample_rate)
    scale = 1 + k / quality + k**2
    return Biquad(
        b=(1.0, -2.0, 1.0),
        a=(1.0, 2 * (k**2 - 1) / scale, (1 - k / quality + k**2) / scale),
    )


def k_weighted(waveforms: Any, sample_rate: int) -> Any:
    """Filters waveforms that are silent before their first frame, (..., T, C) -> (..., T, C).

    The answer to a click is cut off after a tenth of a second and applied by a Fourier transform,
    not by recursion, which would go through the frames one by one.

    Args:
        waveforms: float32, T and C static.
        sample_rate: frames per second, above twice the frequency of the shelf.
    """
    num_frames, num_channels = waveforms.shape[-2:]
    length, real, imaginary = _spectrum(num_frames, sample_rate)
    shape = ops.shape(waveforms)
    # (..., T, C) -> (N, C, T), as transforms go along the last axis.
    flat = ops.transpose(ops.reshape(waveforms, (-1, num_frames, num_channels)), (0, 2, 1))
    padded = ops.pad(flat, ((0, 0), (0, 0), (0, length - num_frames)))
    own_real, own_imaginary = ops.rfft(padded)
    product = (
        own_real * real - own_imaginary * imaginary,
        own_real * imaginary + own_imaginary * real,
    )
    filtered = ops.irfft(product, fft_length=length)[:, :, :num_frames]
    return ops.reshape(ops.transpose(filtered, (0, 2, 1)), shape)


@lru_cache
def _spectrum(
    num_frames: int, sample_rate: int
) -> tuple[int, NDArray[np.float32], NDArray[np.float32]]:
    """Returns the length of the transform, and what it makes of the filters, (F,) each."""
    click = np.zeros(min(num_frames, round(_RESPONSE_SECS * sample_rate)))
    click[0] = 1.0
    response = click
    for biquad in (shelf(sample_rate), high_pass(sample_rate)):
        response = lfilter(biquad.b, biquad.a, response)
    # A power of two with room for the end of the response, which would else come back in front.
    length = 1 << (num_frames + len(response) - 2).bit_length()
    spectrum = np.fft.rfft(response, length)
    return length, spectrum.real.astype(np.float32), spectrum.imag.astype(np.float32)
