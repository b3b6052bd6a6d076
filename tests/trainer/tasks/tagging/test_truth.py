"""Where sources are audible, of batches and of whole tracks."""

import numpy as np
import pytest
import tensorflow as tf

import configs
from data_prep.records.full_tracks import FullTrack
from trainer.tasks.tagging.listening import true_activity
from trainer.tasks.tagging.truth import audibility_of

RATE = 8000
HOP = 256
SMALL = [
    f"audio.sample_rate={RATE}",
    "data.sources=cl,fl,vc,vn",
    "model.window_frames=1024",
    f"model.hop_frames={HOP}",
    "model.num_bands=32",
]


def config_with(*overrides):
    return configs.load("smoke_tagger", [*SMALL, *overrides])


def make_track(references):
    references = np.asarray(references, np.float32)
    return FullTrack("piece", ("cl", "fl"), references.sum(axis=0), references)


def rule_by_hand(references, audible_db=-30.0, audible_dbfs=-60.0, secs=0.1):
    """The definition, column by column, in float64."""
    num_frames = references.shape[1]
    half = round(secs * RATE / 2)
    mixture = references.sum(axis=0)
    columns = []
    for centre in range(0, num_frames, HOP):
        part = slice(max(0, centre - half), centre + half)
        powers = np.square(references[:, part]).mean(axis=2).sum(axis=1) / (2 * half)
        whole = np.square(mixture[part]).mean(axis=1).sum() / (2 * half)
        is_loud = powers > 10 ** (audible_dbfs / 10)
        columns.append(is_loud & (powers > whole * 10 ** (audible_db / 10)))
    return np.array(columns).T


@pytest.mark.parametrize("channels", [1, 2])
def test_it_is_the_definition(channels):
    rng = np.random.default_rng(1)
    references = rng.standard_normal((4, 3 * RATE + 77, channels)) * 0.1
    # One that comes and goes, one that is 28 dB and then 32 dB below the rest, one near -60 dBFS.
    references[1] *= (np.sin(np.arange(references.shape[1]) / 1500) > 0)[:, None]
    references[2, :RATE] *= 10 ** (-25 / 20)
    references[2, RATE:] *= 10 ** (-36 / 20)
    references[3] = 0
    references[3, -RATE:] = 1.2e-3 * rng.standard_normal((RATE, channels))
    references[:3, -RATE:] *= 1e-3
    track = make_track(references)
    found = true_activity(track, config_with())
    expected = rule_by_hand(references.astype(np.float32).astype(np.float64))
    assert found.shape == expected.shape
    # All of them are put to the test.
    assert all(0 < row.mean() < 1 for row in found[1:])
    np.testing.assert_array_equal(found, expected)


def test_an_onset_shows_in_its_column():
    config = config_with()
    for onset in (0.5, 1.003, 1.9):
        references = np.zeros((4, 3 * RATE, 1), np.float32)
        references[0] = 0.05
        first = round(onset * RATE)
        references[1, first:] = 0.3
        found = true_activity(make_track(references), config)
        column = round(first / HOP)
        # Over 0.1 s the level rises before the onset: by as much as half of that.
        assert found[1].argmax() in range(column - round(0.05 * RATE / HOP) - 1, column + 2)
        assert found[1, column + 1 :].all()
        assert not found[1, : column - round(0.05 * RATE / HOP) - 1].any()


def test_stretches_agree_with_the_track():
    """What a batch says of any stretch is what the whole track says of its columns."""
    rng = np.random.default_rng(2)
    references = 0.1 * rng.standard_normal((4, 4 * RATE, 1)).astype(np.float32)
    references[1] *= (np.sin(np.arange(4 * RATE) / 3000) > 0)[:, None]
    config = config_with()
    rule = audibility_of(config)
    whole = true_activity(make_track(references), config)
    margin = rule.margin_frames
    for first in (20, 41):
        start = first * HOP - margin
        part = references[:, start : start + 30 * HOP + 2 * margin]
        found = rule.columns(tf.constant(part), tf.constant(part.sum(axis=0)))
        np.testing.assert_array_equal(found.numpy() > 0, whole[:, first : first + 30])


def test_silence_is_never_audible():
    references = np.zeros((4, RATE, 1), np.float32)
    assert not true_activity(make_track(references), config_with("task.audible_dbfs=-200")).any()
