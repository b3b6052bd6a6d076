"""Has librosa make the bands that test_published_bands.py compares with.

    PYTHON tests/trainer/networks/tagger/make_librosa_bands.py

PYTHON has librosa; nothing of this project is needed. librosa_bands.npz was made by it, with
librosa 0.11.0.
"""

from pathlib import Path

import librosa
import numpy as np


def waveform(num_frames, sample_rate):
    """A tone that rises through all bands, in noise that grows."""
    rng = np.random.default_rng(0)
    times = np.arange(num_frames) / sample_rate
    phase = 2 * np.pi * np.cumsum(np.geomspace(40, 0.48 * sample_rate, num_frames)) / sample_rate
    noise = rng.standard_normal(num_frames) * np.geomspace(1e-3, 0.1, num_frames)
    return (0.1 * np.sin(phase) * (times > 0.05) + noise).astype(np.float32)


def main():
    bands = {}
    sound = waveform(8000, 16_000)
    power = librosa.feature.melspectrogram(
        y=sound, sr=16_000, n_fft=512, hop_length=256, n_mels=96, pad_mode="constant"
    )
    bands["musicnn"] = np.log10(10_000 * power + 1).T
    sound = waveform(11_025, 22_050)
    magnitude = librosa.feature.melspectrogram(
        y=sound,
        sr=22_050,
        n_fft=1024,
        hop_length=315,
        n_mels=80,
        fmin=27.5,
        fmax=8000,
        htk=True,
        norm=None,
        power=1,
        pad_mode="constant",
    )
    bands["singing_cnn"] = np.log(np.maximum(magnitude, 1e-7)).T
    np.savez_compressed(
        Path(__file__).with_name("librosa_bands.npz"),
        **{name: values.astype(np.float32) for name, values in bands.items()},
    )


if __name__ == "__main__":
    main()
