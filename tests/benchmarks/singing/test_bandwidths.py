"""The bandwidth of columns, of sound whose edges are known."""

import numpy as np
import scipy.signal

import configs
from benchmarks.singing.bandwidths import bandwidths_of


def test_edges_are_those_of_the_filter_and_change_where_it_does():
    config = configs.load("smoke_tagger")
    rate = config.audio.sample_rate
    noise = np.random.default_rng(0).normal(size=4 * rate)
    parts = []
    for edges in ((500, 2000), (1000, 3000)):
        band = scipy.signal.firwin(1023, edges, pass_zero=False, fs=rate, window=("kaiser", 9))
        parts.append(scipy.signal.lfilter(band, 1, noise))
    found = bandwidths_of(np.concatenate(parts)[:, None].astype(np.float32), config)
    assert len(found) == -(-8 * rate // config.model.column_frames)
    second = rate // config.model.column_frames
    np.testing.assert_allclose(found[second : 3 * second].mean(axis=0), (500, 2000), atol=90)
    np.testing.assert_allclose(found[5 * second : 7 * second].mean(axis=0), (1000, 3000), atol=90)
