"""Stems of singing, speech and music: what is cut, and which music is for what."""

import numpy as np

from benchmarks.singing.stems import RATE, cut, split_music


def test_quiet_stretches_and_the_rest_of_a_sound_are_left_out():
    loud = np.full(RATE, 0.1, np.float32)
    quiet = np.full(RATE, 1e-3, np.float32)
    found = cut(np.concatenate([loud, quiet, 2 * loud, loud[:-1]]), 1.0)
    assert [float(stretch[0]) for stretch in found] == [np.float32(0.1), np.float32(0.2)]


def test_no_music_is_of_two_splits():
    splits = split_music(list(range(16)))
    assert splits["test"] == [3, 7, 11, 15]
    assert splits["valid"] == [1, 9]
    assert sorted(number for split in splits.values() for number in split) == list(range(16))
