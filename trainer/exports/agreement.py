"""Measures how far an exported network is from the network of the run, on real music.

Axes: K slots, T frames, C channels.
"""

import math
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from configs import Config
from data_prep.audio.conversion import Converter
from data_prep.audio.decoding import decode
from data_prep.audio.stems import find_shipped_stem_file
from data_prep.audio.tracks import AudioFormat, Waveform
from trainer.exports.formats import Tolerance
from trainer.inference.separator import Separator

Separate = Callable[[Waveform, NDArray[np.float32]], Waveform]
"""A waveform (T, C) and labels (K,) -> estimates (K, T, C)."""


class Agreement(NamedTuple):
    """Says how far estimates are from those of the network, and how fast they were made."""

    # Of full scale, at any frame.
    max_error: float
    # The energy of the network's estimates by that of the error, in dB; None: there is no error.
    snr_db: float | None
    # Seconds of audio per second.
    speed: float


class Trial:
    """Holds a song, and what the network of a run makes of it for known and unknown labels.

    The song is the start of a real one that is installed with a dependency, as often as fills two
    windows or more of the exported network. The network itself estimates it with windows of another
    length.
    """

    def __init__(self, separator: Separator, hop_frames: int) -> None:
        """Separates the song by the network; ``hop_frames`` are those of the exported one."""
        config = separator.config
        self._sample_rate = config.audio.sample_rate
        self.song = _song(AudioFormat(self._sample_rate, config.audio.channels), hop_frames)
        # (K,) and (K, T, C)
        self._cases = [
            (separator.label_vector(labels), separator.estimate(self.song, labels))
            for labels in _cases(config)
        ]

    def measure(self, separate: Separate) -> Agreement:
        """Returns the largest error and the lowest ratio of all cases, and the highest speed."""
        found = [self._measure(separate, *case) for case in self._cases]
        ratios = [each.snr_db for each in found if each.snr_db is not None]
        return Agreement(
            # Not the largest of numbers that may be NaN, which Python would pass over.
            max_error=float(np.max([each.max_error for each in found])),
            snr_db=float(np.min(ratios)) if ratios else None,
            speed=max(each.speed for each in found),
        )

    def _measure(
        self, separate: Separate, labels: NDArray[np.float32], expected: Waveform
    ) -> Agreement:
        start = time.perf_counter()
        estimates = separate(self.song, labels)
        secs = time.perf_counter() - start
        error = estimates.astype(np.float64) - expected
        return Agreement(
            max_error=float(np.abs(error).max()),
            snr_db=_ratio_db(expected, error),
            speed=len(self.song) / self._sample_rate / secs,
        )


def require_agreement(agreement: Agreement, tolerance: Tolerance, name: str) -> None:
    """Raises a ``ValueError`` where estimates are too far from those of the network.

    Args:
        agreement: that was measured.
        tolerance: what is allowed.
        name: of the format.
    """
    ratio_db = math.inf if agreement.snr_db is None else agreement.snr_db
    # So that NaN is refused.
    if agreement.max_error <= tolerance.max_error and ratio_db >= tolerance.min_snr_db:
        return
    expected = f"{tolerance.min_snr_db:g} dB or more"
    if math.isfinite(tolerance.max_error):
        expected = f"an error of {tolerance.max_error:g} at most, and {expected}"
    raise ValueError(
        f"as {name} the network estimates something else: the error is {agreement.max_error:.2g} "
        f"of full scale, the estimates {ratio_db:.1f} dB above it; expected {expected}. Nothing "
        f"was written; choose another --format, or other versions of the packages that convert."
    )


def _ratio_db(expected: Waveform, error: NDArray[np.float64]) -> float | None:
    """Returns the energy of estimates by that of their error in dB, None where there is none."""
    error_energy = float(np.sum(np.square(error)))
    if error_energy == 0:
        return None
    energy = float(np.sum(np.square(expected, dtype=np.float64)))
    if energy == 0:
        return -math.inf
    return 10 * math.log10(energy / error_energy)


def _cases(config: Config) -> list[list[str] | None]:
    """Returns the labels of two cases: some sources; and unknown, or all where it takes no such."""
    some = list(config.data.sources[::2])
    return [some, None if config.takes_unknown_labels else list(config.data.sources)]


def _song(audio_format: AudioFormat, hop_frames: int) -> Waveform:
    """Returns a real song (T, C) that fills whole hops, two at least."""
    waveform, sample_rate, _ = decode(find_shipped_stem_file())
    source = AudioFormat(sample_rate, waveform.shape[1])
    converter = Converter(source, len(waveform), audio_format)
    converter.add(waveform)
    song = converter.result()
    num_hops = max(2, -(-len(song) // hop_frames))
    return np.resize(song, (num_hops * hop_frames, audio_format.channels))
