"""Computes short-time spectra of a whole chunk, and turns them back, for any Keras backend.

Periodic Hann windows of W frames are centred at every hop, from the first frame on; what they read
beyond both ends of a chunk is its mirror image. The inverse overlaps and adds windows, each times
the window again, and divides every frame by what the squares of the windows add up to there, so
that it is exact at both ends too. All in float32.

Axes: T frames, M = T // hop + 1 columns, F = W / 2 + 1 bins.
"""

from typing import Any

import numpy as np
from keras import ops

from trainer.networks.spectra import Spectrum, hann, num_counted


class CentredTransform:
    """Is the transform of chunks to columns, and its inverse."""

    def __init__(self, window_frames: int, hop_frames: int) -> None:
        """Makes the transform of windows of W frames, a hop apart."""
        self._frames = window_frames
        self._hop = hop_frames
        self._window = hann(window_frames).astype(np.float32)

    def columns(self, waveforms: Any) -> Spectrum:
        """Returns the columns of chunks: (..., T) -> (..., M, F) twice.

        T is more than half a window: a chunk is mirrored by as much.
        """
        half = self._frames // 2
        around = [(0, 0)] * (len(waveforms.shape) - 1)
        return self._columns_within(ops.pad(waveforms, (*around, (half, half)), mode="reflect"))

    def _columns_within(self, waveforms: Any) -> Spectrum:
        real, imaginary = ops.stft(waveforms, self._frames, self._hop, self._frames, center=False)
        return real, imaginary

    def frames(self, spectrum: Spectrum, num_frames: int) -> Any:
        """Returns the chunks of columns: (..., M, F) twice -> (..., T).

        Args:
            spectrum: real and imaginary parts.
            num_frames: T, of which there are M columns.
        """
        num_columns = spectrum[0].shape[-2]
        half = self._frames // 2
        middle = slice(half, half + num_frames)
        # (T,)
        squares = np.tile(np.square(self._window), (num_columns, 1))
        scale = 1 / self._overlapped(squares, np)[middle]
        counts = num_counted(self._frames) / self._frames
        # Frames that windows cover behind the chunk.
        behind = (num_columns - 1) * self._hop + self._frames - half - num_frames

        def turn_back(real: Any, imaginary: Any) -> tuple[Any, Any]:
            windows = ops.irfft((real, imaginary), self._frames) * self._window

            def gradient(of_frames: Any) -> Spectrum:
                # The adjoint, as in spectra.Transform: nothing is mirrored.
                around = [(0, 0)] * (len(of_frames.shape) - 1)
                padded = ops.pad(of_frames * scale, (*around, (half, behind)))
                columns = self._columns_within(padded)
                return columns[0] * counts, columns[1] * counts

            return self._overlapped(windows, ops)[..., middle] * scale, gradient

        return ops.custom_gradient(turn_back)(*spectrum)

    def _overlapped(self, windows: Any, xp: Any) -> Any:
        """Adds up windows a hop apart, as arrays of numpy or of Keras (``xp``).

        Returns:
            (..., M, W) -> (..., at least (M - 1) hop + W).
        """
        hop = self._hop
        # Hops that a window reaches into, the last one perhaps in part.
        reach = -(-self._frames // hop)
        num_columns = windows.shape[-2]
        around = [(0, 0)] * (len(windows.shape) - 2)
        whole = xp.pad(windows, (*around, (0, 0), (0, reach * hop - self._frames)))
        # Part i of a window lies i hops behind its first one: (..., M + reach - 1, hop).
        hops = sum(
            xp.pad(whole[..., i * hop : (i + 1) * hop], (*around, (i, reach - 1 - i), (0, 0)))
            for i in range(reach)
        )
        leading = tuple(windows.shape[:-2])
        if leading:
            # The number of examples may be unknown.
            leading = (-1, *leading[1:])
        return xp.reshape(hops, (*leading, (num_columns + reach - 1) * hop))
