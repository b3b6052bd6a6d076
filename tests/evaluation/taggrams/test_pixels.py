"""What falls on each pixel, against sums by hand, of a waveform and of columns."""

import numpy as np
import pytest

from evaluation.taggrams.envelope import Envelope
from evaluation.taggrams.pixels import minutes, pixel_means, time_ticks


@pytest.mark.parametrize("num_frames", [1, 7, 900, 300_000, 1_700_003])
@pytest.mark.parametrize("channels", [1, 2])
def test_an_outline_holds_every_frame_of_its_pixel_and_few_others(num_frames, channels):
    waveform = np.random.default_rng(0).standard_normal((num_frames, channels))
    waveform = waveform.astype(np.float32)
    envelope = Envelope()
    told = []
    bounds = np.cumsum([1, 2, 50, 3000, 65536, 65536, 65536])
    blocks = list(envelope.watch(np.split(waveform, bounds), told.append))
    np.testing.assert_array_equal(np.concatenate(blocks), waveform)
    assert (envelope.num_frames, sum(told)) == (num_frames, num_frames)
    low, high = envelope.outline(50)
    # A bin may reach into the pixels beside it.
    most = -(-num_frames // 50 // 20) + 8
    for pixel in range(50):
        start = num_frames * pixel // 50
        stop = max(-(-num_frames * (pixel + 1) // 50), start + 1)
        inside = waveform[start:stop]
        around = waveform[max(start - most, 0) : stop + most]
        assert around.min() <= low[pixel] <= inside.min()
        assert inside.max() <= high[pixel] <= around.max()


def test_the_outline_of_nothing_is_silence():
    low, high = Envelope().outline(3)
    assert (low.tolist(), high.tolist()) == ([0, 0, 0], [0, 0, 0])


@pytest.mark.parametrize(("num_columns", "num_pixels"), [(1, 10), (7, 50), (500, 40), (50, 50)])
def test_a_pixel_is_the_mean_of_what_falls_on_it(num_columns, num_pixels):
    values = np.random.default_rng(1).random((2, num_columns))
    secs = 0.02 * num_columns
    means = pixel_means(values, 0.02, secs, num_pixels)
    # Many times in each pixel, and the column whose centre is nearest to each of them.
    times = (np.arange(num_pixels * 1000) + 0.5) / (num_pixels * 1000) * secs
    nearest = np.minimum(np.round(times / 0.02).astype(int), num_columns - 1)
    expected = values[:, nearest].reshape(2, num_pixels, 1000).mean(axis=2)
    np.testing.assert_allclose(means, expected, atol=0.01)


@pytest.mark.parametrize(
    ("secs", "texts"),
    [
        (0.3, ["0:00.00", "0:00.05", "0:00.10", "0:00.15", "0:00.20", "0:00.25", "0:00.30"]),
        (2.0, ["0:00.0", "0:00.5", "0:01.0", "0:01.5", "0:02.0"]),
        (10.0, ["0:00", "0:02", "0:04", "0:06", "0:08", "0:10"]),
        (200.0, ["0:00", "1:00", "2:00", "3:00"]),
        (7200.0, ["0:00", "30:00", "60:00", "90:00", "120:00"]),
        (360000.0, ["0:00", "1020:00", "2040:00", "3060:00", "4080:00", "5100:00"]),
    ],
)
def test_times_of_an_axis(secs, texts):
    ticks = time_ticks(secs, 6)
    assert [minutes(tick, ticks[1]) for tick in ticks] == texts
