"""Averages of passes and of networks: exact, aligned to the frame, in blocks as of the whole."""

import tracemalloc
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import configs
from tests.support.toy import network as toy
from tests.support.toy.settings import CONFIG as TOY
from trainer.inference.average import AverageSeparator, average_of
from trainer.inference.passes import Pass, passes_of
from trainer.inference.separator import Separator
from trainer.networks import make_network

RATE = 8000
LABELS = ["vn"]
SMALL = [
    f"audio.sample_rate={RATE}",
    "model.num_levels=3",
    "model.num_filters=2",
    "model.estimate_frames=101",
    "data.sources=fl,vn",
]


@cache
def separator(*overrides, memory_mb=1000):
    config = configs.load("smoke", [*SMALL, *overrides])
    return Separator(config, make_network(config), memory_mb)


@cache
def linear(channels):
    """Is a filter of three taps, which repeats itself under all shifts."""
    config = replace(TOY, audio=configs.Audio(sample_rate=RATE, channels=channels))
    return Separator(config, toy.make_network(config))


def noise(num_frames, channels=1):
    rng = np.random.default_rng(num_frames)
    return (0.1 * rng.standard_normal((num_frames, channels))).astype(np.float32)


@pytest.mark.parametrize("num_frames", [1, 700])
def test_the_polarities_of_a_linear_network_are_one_estimate(num_frames):
    mixture = noise(num_frames)
    both = AverageSeparator([(linear(1), [Pass(), Pass(inverts=True)])])
    expected = linear(1).estimate(mixture, LABELS)
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_array_equal(both.estimate(mixture, LABELS), expected)


@pytest.mark.parametrize("num_frames", [1, 2, 63, 64, 65, 700])
def test_shifts_are_aligned_to_the_frame(num_frames):
    mixture = noise(num_frames)
    passes = [Pass(shift) for shift in (5, 0, 1, 63, 64, 200)]
    found = AverageSeparator([(linear(1), passes)]).estimate(mixture, LABELS)
    np.testing.assert_allclose(found, linear(1).estimate(mixture, LABELS), atol=1e-6)


def test_swapped_channels_are_put_back():
    mixture = noise(300, channels=2)
    swapped = AverageSeparator([(linear(2), [Pass(swaps=True)])]).estimate(mixture, LABELS)
    expected = linear(2).estimate(mixture[:, ::-1], LABELS)[:, :, ::-1]
    np.testing.assert_allclose(swapped, expected, atol=1e-6)
    assert np.abs(swapped - linear(2).estimate(mixture, LABELS)).max() > 1e-3


@pytest.mark.slow
def test_passes_are_the_mean_of_what_is_heard_late():
    """Of a network that repeats itself under shifts of 8 frames alone."""
    mixture = noise(900)
    whole = separator()
    passes = passes_of(whole.config, 4)
    assert [each.shift_frames for each in passes] == [0, 5, 2, 7]
    late = [
        whole.estimate(np.pad(mixture, ((shift, 0), (0, 0))), LABELS)[:, shift:]
        for shift in (0, 5, 2, 7)
    ]
    assert np.abs(late[0] - late[1]).max() > 1e-4
    found = average_of([whole], 4).estimate(mixture, LABELS)
    np.testing.assert_allclose(found, np.mean(late, axis=0), atol=1e-6)


@pytest.mark.parametrize(
    ("rate", "num_frames", "channels"),
    [
        (22050, 1, 1),
        pytest.param(RATE, 5000, 2, marks=pytest.mark.slow),
        pytest.param(11025, 5000, 5, marks=pytest.mark.slow),
    ],
)
def test_a_stream_is_averaged_as_the_whole_is(rate, num_frames, channels):
    """Two networks, whose windows differ in length."""
    stereo = ["audio.channels=2"]
    other = ["model.num_levels=2", "model.estimate_frames=301", "train.seed=1"]
    waveform = noise(num_frames, channels)
    overrides = (stereo, [*stereo, *other])
    whole = average_of([separator(*each) for each in overrides], 3)
    few = average_of([separator(*each, memory_mb=0.05) for each in overrides], 3)
    expected = np.mean(
        [average_of([separator(*each)], 3).separate(waveform, rate, LABELS) for each in overrides],
        axis=0,
    )
    assert expected.shape == (2, num_frames, channels)
    np.testing.assert_allclose(whole.separate(waveform, rate, LABELS), expected, atol=1e-6)
    blocks = np.split(waveform, [each for each in (1, 700, 701, 3000) if each < num_frames])
    parts = list(few.iter_stream_separated(blocks, rate, LABELS))
    assert max(part.shape[1] for part in parts) < 2000
    np.testing.assert_allclose(np.concatenate(parts, axis=1), expected, atol=1e-6)


def peak_bytes(num_passes):
    """Returns what a stream of 6 windows of 5000 frames holds at most, of a network of 32 slots."""
    sources = tuple(f"source {number}" for number in range(32))
    data = replace(TOY.data, sources=sources)
    config = replace(TOY, data=data, audio=configs.Audio(sample_rate=RATE))
    network = Separator(config, toy.make_network(config), memory_mb=10)
    mean = AverageSeparator([(network, [Pass(shift) for shift in range(num_passes)])])
    blocks = [noise(10_000)] * 3
    tracemalloc.start()
    stream = mean.iter_stream_separated(blocks, RATE, ["source 0"])
    num_frames = sum(part.shape[1] for part in stream)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert num_frames == 30_000
    return peak


@pytest.mark.slow
def test_more_passes_hold_no_more_estimates():
    # Of 5000 frames the estimates have 640 kB, what is heard has 20 kB.
    assert peak_bytes(8) - peak_bytes(2) < 6 * 200_000


def test_one_pass_of_one_network_is_that_network():
    assert average_of([separator()], 1) is separator()
    assert set(separator().identity()) == {"weights", "config"}


def test_the_identity_says_all_that_estimates_depend_on():
    one = separator()
    other = separator("train.seed=1")
    means = [
        one,
        other,
        average_of([one], 2),
        average_of([one], 3),
        average_of([one, other]),
        average_of([other, one]),
        average_of([one, other], 2),
        AverageSeparator([(one, [Pass(), Pass(inverts=True)])]),
    ]
    identities = [each.identity() for each in means]
    assert all(each not in identities[:number] for number, each in enumerate(identities))
    assert average_of([one, other], 2).identity() == identities[6]


def test_labels_that_one_of_several_networks_does_not_take_are_refused():
    told = separator()
    free = separator("augmentation.label_dropout=0.5")
    assert free.label_vector(None).tolist() == [-1, -1]
    mean = average_of([free, told])
    assert mean.label_vector(LABELS).tolist() == [0, 1]
    for refuse in (mean.label_vector, lambda labels: mean.separate(noise(9), RATE, labels)):
        with pytest.raises(ValueError, match="this network is told the instruments"):
            refuse(None)
