"""Makes arrays of the frames that FFmpeg decodes, and joins them to blocks.

Axes: T frames, C channels.
"""

from collections.abc import Iterator
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from data_prep.audio.tracks import BLOCK_FRAMES, Waveform

# Full scale of each kind of number that FFmpeg decodes to.
_SCALES = {"u8": 2**7, "s16": 2**15, "s32": 2**31, "s64": 2**63}
_DTYPES = {"u8": "u1", "s16": "<i2", "s32": "<i4", "s64": "<i8", "flt": "<f4", "dbl": "<f8"}
# More planes than these lie beyond the memory that PyAV looks at.
_MOST_PLANES = 7


class FrameConverter:
    """Makes arrays (frames, C) of frames, all of the rate of the first one and of one layout."""

    def __init__(self, first: av.AudioFrame, layout: av.AudioLayout) -> None:
        self._form = (first.sample_rate, layout.nb_channels)
        self._format = (layout, first.sample_rate)
        self._resampler: Any = None
        self._resampled_form: Any = None

    def convert(self, frame: av.AudioFrame) -> Iterator[Waveform]:
        """Yields what a frame becomes, and what was held back of frames before."""
        form = form_of(frame)
        if self._resampler is not None and form != self._resampled_form:
            yield from self.flush()
        if form == self._form:
            yield to_array(frame)
            return
        if self._resampler is None:
            layout, rate = self._format
            self._resampler = av.AudioResampler("flt", layout, rate)
            self._resampled_form = form
        # Times are kept by whoever asks.
        frame.pts = None
        for part in self._resampler.resample(frame):
            yield to_array(part)

    def flush(self) -> Iterator[Waveform]:
        """Yields what is held back at the end of a stretch of another form."""
        if self._resampler is not None:
            for part in self._resampler.resample(None):
                yield to_array(part)
        self._resampler = None


class JoinedBlocks:
    """Joins arrays to blocks of BLOCK_FRAMES."""

    def __init__(self, num_channels: int) -> None:
        self._parts: list[Waveform] = []
        self._num_frames = 0
        self._num_channels = num_channels

    def add(self, part: Waveform) -> None:
        """Takes the next array (frames, C)."""
        self._parts.append(part)
        self._num_frames += len(part)

    def take(self, all_of_it: bool = False) -> Iterator[Waveform]:
        """Yields the blocks that are full, in the end also the last one."""
        if self._num_frames < BLOCK_FRAMES and not all_of_it:
            return
        whole = np.concatenate([np.zeros((0, self._num_channels), np.float32), *self._parts])
        num_full = len(whole) - len(whole) % BLOCK_FRAMES
        for start in range(0, num_full, BLOCK_FRAMES):
            yield whole[start : start + BLOCK_FRAMES]
        rest = whole[num_full:]
        if all_of_it and len(rest):
            yield rest
        self._parts = [rest.copy()]
        self._num_frames = len(rest)


def form_of(frame: av.AudioFrame) -> tuple[int, int]:
    """Returns rate and channels of a frame."""
    return frame.sample_rate, frame.layout.nb_channels


def to_array(frame: av.AudioFrame) -> Waveform:
    """Returns a frame as float32, (frames, C), full scale 1."""
    num_channels = frame.layout.nb_channels
    kind = frame.format.packed.name
    if frame.format.is_planar and num_channels > _MOST_PLANES:
        (frame,) = av.AudioResampler(kind).resample(frame)
    dtype = np.dtype(_DTYPES[kind])
    # Each is a buffer, and may be longer than what is in it.
    planes: Any = frame.planes
    array: NDArray[Any]
    if frame.format.is_planar:
        array = np.stack([np.frombuffer(plane, dtype, frame.samples) for plane in planes], axis=1)
    else:
        num_values = frame.samples * num_channels
        array = np.frombuffer(planes[0], dtype, num_values).reshape(-1, num_channels)
    if kind not in _SCALES:
        return array.astype(np.float32)
    scaled: NDArray[Any] = array.astype(np.float64 if kind in ("s32", "s64") else np.float32)
    if kind == "u8":
        scaled -= _SCALES[kind]
    scaled /= _SCALES[kind]
    return scaled.astype(np.float32, copy=False)
