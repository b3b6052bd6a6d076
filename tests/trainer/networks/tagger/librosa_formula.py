"""Computes mel bands by the formula that librosa documents, in float64 and one column at a time."""

import numpy as np


def rising_tone(num_frames, sample_rate):
    """The sound of make_librosa_bands.py."""
    rng = np.random.default_rng(0)
    times = np.arange(num_frames) / sample_rate
    phase = 2 * np.pi * np.cumsum(np.geomspace(40, 0.48 * sample_rate, num_frames)) / sample_rate
    noise = rng.standard_normal(num_frames) * np.geomspace(1e-3, 0.1, num_frames)
    return (0.1 * np.sin(phase) * (times > 0.05) + noise).astype(np.float32)


def slaney_hz(mel):
    if mel < 15:
        return mel * 200 / 3
    return 1000 * 6.4 ** ((mel - 15) / 27)


def htk_hz(mel):
    return 700 * (10 ** (mel / 2595) - 1)


def edges(model, sample_rate):
    """The frequencies at which filters begin, peak and end, in Hz."""
    highest = model.highest_hz or sample_rate / 2
    if model.mel_scale == "htk":
        mels = [2595 * np.log10(1 + hz / 700) for hz in (model.lowest_hz, highest)]
        return [htk_hz(mel) for mel in np.linspace(*mels, model.num_bands + 2)]
    assert model.lowest_hz == 0
    assert highest > 1000
    last = 15 + 27 * np.log(highest / 1000) / np.log(6.4)
    return [slaney_hz(mel) for mel in np.linspace(0, last, model.num_bands + 2)]


def filters(model, sample_rate):
    """Triangles (N, F); of power a Hz in musicnn's case, "slaney" as librosa calls it."""
    bins = np.fft.rfftfreq(model.window_frames, 1 / sample_rate)
    points = edges(model, sample_rate)
    rows = []
    for low, peak, high in zip(points, points[1:], points[2:], strict=False):
        row = np.interp(bins, [low, peak, high], [0, 1, 0], left=0, right=0)
        rows.append(row * 2 / (high - low) if model.loudness == "log_power" else row)
    return np.array(rows)


def log_bands(config, sound):
    """Bands (M, N) of a sound (T,), column m centred on frame m times the hop."""
    model = config.model
    frames = model.window_frames
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frames) / frames)
    padded = np.pad(sound.astype(np.float64), frames // 2)
    starts = range(0, len(padded) - frames + 1, model.hop_frames)
    columns = np.array([np.abs(np.fft.rfft(window * padded[s : s + frames])) for s in starts])
    bank = filters(model, config.audio.sample_rate)
    if model.loudness == "log_power":
        return np.log10(10_000 * columns**2 @ bank.T + 1)
    return np.log(np.maximum(columns @ bank.T, 1e-7))
