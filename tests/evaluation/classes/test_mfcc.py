"""The coefficients in blocks against their published formulas over the whole file."""

import numpy as np
import pytest

from evaluation.classes.mfcc import RunningMfcc
from tests.evaluation.classes.sounds import tone

RATE = 16000


def mel_to_hz(mel):
    """Slaney's scale: 200/3 Hz a mel up to 1000 Hz, then 27 mels for each factor of 6.4."""
    return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)


def whole_file(sound):
    """Returns what librosa's formulas give, with the floor of -50 dB, (40,)."""
    top = 15 + 27 * np.log(RATE / 2 / 1000) / np.log(6.4)
    edges = [mel_to_hz(mel) for mel in np.linspace(0, top, 130)]
    bins = np.arange(1025) * RATE / 2048
    weights = np.array(
        [
            np.interp(bins, [low, peak, high], [0, 2 / (high - low), 0])
            for low, peak, high in zip(edges[:-2], edges[1:-1], edges[2:], strict=True)
        ]
    )
    padded = np.pad(sound, 1024)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048)
    columns = []
    for start in range(0, len(padded) - 2047, 512):
        power = np.abs(np.fft.rfft(padded[start : start + 2048] * window)) ** 2
        level = 10 * np.log10(np.maximum(weights @ power, 1e-5))
        angles = np.pi * np.arange(20)[:, None] * (2 * np.arange(128) + 1) / 256
        scale = np.where(np.arange(20) == 0, np.sqrt(1 / 128), np.sqrt(2 / 128))
        columns.append(scale * (np.cos(angles) @ level))
    return np.concatenate([np.mean(columns, axis=0), np.std(columns, axis=0)])


@pytest.mark.parametrize("num_frames", [700, 2048, 30001])
def test_blocks_give_what_the_formulas_give_of_the_whole_file(num_frames):
    sound = tone("square", 2.0, RATE, seed=1)[:num_frames].astype(np.float32)
    sound[num_frames // 2 :] = 0
    running = RunningMfcc(RATE)
    blocks = [each[None, :, None] for each in np.split(sound, [1, 600, 601, 20000])]
    passed = list(running.watch(blocks))
    assert all(one is other for one, other in zip(passed, blocks, strict=True))
    np.testing.assert_allclose(running.features(), whole_file(sound), rtol=1e-4, atol=1e-3)
