"""Computes what stands beside the layers of a tagger.

Axes: T frames, F clips, N features.
"""

from scipy.signal import welch

from benchmarks.corpora.narrow import Signal

_WINDOW_FRAMES = 1024
# Below the loudest bin, of the edges of what is heard.
_EDGE_DB = 40.0


def bandwidth(signal: Signal, sample_rate: int) -> tuple[float, float]:
    """Returns between which frequencies in Hz the mean spectrum is within 40 dB of its peak.

    It is the mean of windows that overlap (Welch, "The use of fast Fourier transform for the
    estimation of power spectra", IEEE Trans. Audio and Electroacoustics 15 (2), 1967).

    Args:
        signal: (T,).
        sample_rate: its rate, in Hz.
    """
    hz, power = welch(signal, sample_rate, nperseg=min(_WINDOW_FRAMES, len(signal)))
    is_heard = power >= power.max() * 10 ** (-_EDGE_DB / 10)
    heard = hz[is_heard]
    return float(heard[0]), float(heard[-1])
