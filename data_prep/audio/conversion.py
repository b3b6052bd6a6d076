"""Converts waveforms to another sample rate and number of channels."""

import numpy as np
import soxr

from data_prep.audio.tracks import AudioFormat, Waveform


class Converter:
    """Converts a waveform that comes in blocks to another rate and number of channels.

    Bit for bit, the result is what soxr (quality HQ) makes of the whole waveform at once. Stereo
    becomes mono by averaging, mono becomes stereo by repeating; equal lengths stay equal.
    """

    def __init__(self, source: AudioFormat, num_frames: int, target: AudioFormat) -> None:
        """Prepares for a waveform of ``num_frames`` frames of the format ``source``.

        Raises:
            ValueError: neither averaging nor repeating gives the channels of ``target``.
        """
        if target.channels not in (1, source.channels) and source.channels != 1:
            raise ValueError(f"it has {source.channels} channels; expected 1 or {target.channels}.")
        # Channels are averaged before and repeated after resampling, which so has fewer of them.
        channels = min(source.channels, target.channels)
        self._target = target
        self._num_frames_left = num_frames
        self._stream = None
        if source.sample_rate != target.sample_rate:
            self._stream = soxr.ResampleStream(
                source.sample_rate, target.sample_rate, channels, "float32", "HQ"
            )
        # soxr rounds the length of its result; two frames more leave room for that
        most_frames = num_frames * target.sample_rate // source.sample_rate + 2
        self._converted = np.empty((most_frames, channels), np.float32)
        self._num_converted = 0

    def add(self, block: Waveform) -> None:
        """Converts the next block (frames, channels)."""
        self._num_frames_left -= len(block)
        if self._target.channels == 1:
            block = to_mono(block)
        if self._stream:
            # with the last block comes what the filter has held back
            block = self._stream.resample_chunk(block, last=not self._num_frames_left)
        stop = self._num_converted + len(block)
        self._converted[self._num_converted : stop] = block
        self._num_converted = stop

    def result(self) -> Waveform:
        """Returns the whole waveform (T, C), once all its frames were added."""
        converted = self._converted[: self._num_converted]
        if converted.shape[1] == self._target.channels:
            return converted
        # (T, 1) -> (T, C)
        return np.repeat(converted, self._target.channels, axis=1)


def to_mono(waveform: Waveform) -> Waveform:
    """Returns the mean of the channels: (T, C) -> (T, 1)."""
    if waveform.shape[1] == 1:
        return waveform
    # channel by channel, which is ten times as fast as np.mean over an axis of two
    total = waveform[:, :1] + waveform[:, 1:2]
    for channel in range(2, waveform.shape[1]):
        total += waveform[:, channel : channel + 1]
    total /= np.float32(waveform.shape[1])
    return total
