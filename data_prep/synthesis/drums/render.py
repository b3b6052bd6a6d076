"""Plays a patch as sound at any rate: half a second takes less than 20 ms of one core."""

import numpy as np
from numpy.typing import NDArray

from data_prep.synthesis.drums.effects import distorted, filtered
from data_prep.synthesis.drums.parts import play_band, play_noise, play_overtones, play_tone
from data_prep.synthesis.drums.patch import Patch, Signal, Times

# how long what is cut off at its end fades
_FADE_SECS = 0.01


def render(
    patch: Patch, sample_rate: int, rng: np.random.Generator, max_secs: float = 10.0
) -> NDArray[np.float32]:
    """Returns a patch as a mono waveform (frames,); full scale is 1, and it may be louder.

    It is as long as the longest envelope of a part, and faded out where that is above
    ``max_secs``. The same state of the dice gives the same samples.

    Args:
        patch: what is played.
        sample_rate: in Hz.
        rng: the dice, for noise.
        max_secs: the longest sound.
    """
    num_frames = max(1, round(min(patch.secs, max_secs) * sample_rate))
    times = Times(np.arange(num_frames) / sample_rate, sample_rate)
    total = _filtered_parts(patch, times, rng) * 10 ** (patch.gain_db / 20)
    if patch.distortion is not None:
        total = distorted(total, patch.distortion, sample_rate)
    if patch.secs > max_secs:
        num_fading = min(num_frames, round(_FADE_SECS * sample_rate))
        total[num_frames - num_fading :] *= np.linspace(1, 0, num_fading)
    return total.astype(np.float32)


def _filtered_parts(patch: Patch, times: Times, rng: np.random.Generator) -> Signal:
    """Returns the sum of the parts, through the filter but for overtones that pass it by."""
    total = np.zeros(len(times.secs))
    # Each plays only as long as it lasts, which is short for most.
    for tone in patch.tones:
        if tone.gain == 0:
            continue
        _add(total, play_tone(tone, _until(times, tone.envelope.end_secs)))
    for noise in patch.noises:
        _add(total, play_noise(noise, _until(times, noise.envelope.end_secs), rng))
    for band in patch.bands:
        _add(total, play_band(band, _until(times, band.envelope.end_secs), rng))
    overtones = np.zeros(len(times.secs))
    if patch.overtones is not None:
        first_tone = patch.tones[0] if patch.tones else None
        overtones = play_overtones(patch.overtones, first_tone, times)
    if patch.filter is None:
        return total + overtones
    if patch.overtones is None or patch.overtones.is_filtered:
        return filtered(total + overtones, patch.filter, times.sample_rate)
    return filtered(total, patch.filter, times.sample_rate) + overtones


def _until(times: Times, secs: float) -> Times:
    """Returns the frames up to a time."""
    num_frames = int(secs * times.sample_rate) + 1
    return Times(times.secs[:num_frames], times.sample_rate)


def _add(total: Signal, part: Signal) -> None:
    total[: len(part)] += part
