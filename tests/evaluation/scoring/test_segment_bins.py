"""Shares of bins in the rows of scores: which rows have them, and what the simple systems reach."""

import numpy as np
import pytest
import scipy.signal

from configs.schema import Evaluation
from data_prep.audio import activity
from evaluation.scores.table import CONSTANT_GAIN, SHARES
from evaluation.scoring.one_segment import score_track
from evaluation.scoring.one_track import score_track_on_disk
from tests.evaluation.scoring.test_one_track import VOCABULARY, Workers, make_track
from tests.support.oracles import oracle_estimates

RATE = 2000
# Filters play no part in it.
CONFIG = Evaluation(filter_taps=2, bss_v4=False)


def noise(seed, *shape):
    """Noise of which most lies at low frequencies."""
    white = 0.1 * np.random.default_rng(seed).standard_normal(shape)
    return scipy.signal.lfilter([1], [1, -0.8], white, axis=-2)


def score(references, estimates, gains=None, config=CONFIG, mixture=None):
    """Rows of the first segment by system and source."""
    if mixture is None:
        mixture = references.sum(axis=0)
    names = VOCABULARY[: len(references)]
    systems = {"model": estimates}
    rows = score_track("t", mixture, references, systems, names, RATE, config, gains)
    return {(row.system, row.source): row for row in rows if not row.start_secs}


def sides(waveform, mixture):
    """Whether a waveform has half the mixture's magnitude, (C, F, M), where that is not silent."""
    hop = round(512 / 22050 * RATE)
    window = scipy.signal.windows.hann(4 * hop, sym=False)
    transform = scipy.signal.ShortTimeFFT(window, hop, fs=RATE)
    last = 2 + (len(mixture) - 4 * hop) // hop + 1
    magnitudes, whole = [np.abs(transform.stft(x.T, 2, last)) for x in (waveform, mixture)]
    silent = 10 ** (CONFIG.silent_dbfs / 20) * window.sum() / np.sqrt(2)
    return (magnitudes >= whole / 2)[whole >= silent]


@pytest.mark.parametrize("channels", [1, 2])
def test_shares_are_those_of_another_transform(channels):
    references = noise(0, 3, RATE, channels)
    # A source may be in one channel alone.
    references[0, :, 1:] = 0
    estimates = references + 0.5 * noise(1, 3, RATE, channels)
    mixture = references.sum(axis=0)
    rows = score(references, estimates)
    for k, name in enumerate(VOCABULARY):
        row = rows["model", name]
        ideal = sides(references[k], mixture)
        assert row.status == "scored"
        assert row.bins == np.mean(sides(estimates[k], mixture) == ideal)
        assert row.bins_majority == max(np.mean(ideal), np.mean(~ideal))
        assert 0.5 <= row.bins_majority < row.bins < 1


def test_one_answer_for_all_bins_never_exceeds_the_majority():
    references = noise(0, 3, RATE, 1)
    gains = {"va": 0.6, "vc": -0.4}
    rows = score(references, references, gains)
    # Half the mixture's magnitude or more of everything, or less.
    keeps = {"mixture": (1, 1, 1), "silence": (0, 0, 0), CONSTANT_GAIN: (1, 0, 0)}
    for system, answers in keeps.items():
        for k, answer in enumerate(answers):
            row = rows[system, VOCABULARY[k]]
            ideal = sides(references[k], references.sum(axis=0))
            assert row.bins == np.mean(ideal == answer)
            assert row.bins <= row.bins_majority
            assert row.bins_majority == rows["model", VOCABULARY[k]].bins_majority
    for name in VOCABULARY:
        reached = {rows[system, name].bins for system in ("mixture", "silence")}
        assert max(reached) == rows["model", name].bins_majority
    assert rows["silence", "va"].status == "silent_estimate"
    assert {rows["model", name].bins for name in VOCABULARY} == {1}


def test_a_silent_estimate_keeps_nothing():
    """Also one that is not zero, where the mixture is not much louder."""
    references = 2e-3 * noise(0, 2, RATE, 1)
    estimates = references.copy()
    level = activity.rms_db(estimates[0])
    estimates[0] *= 10 ** ((CONFIG.silent_dbfs - 0.1 - level) / 20)
    rows = score(references, estimates)
    row = rows["model", "va"]
    assert row.status == "silent_estimate"
    assert row.bins == rows["silence", "va"].bins < 1
    # Its own bins would say otherwise.
    mixture = references.sum(axis=0)
    own = sides(estimates[0], mixture) == sides(references[0], mixture)
    assert row.bins != np.mean(own)


def test_a_lone_source_has_all_bins_and_an_absent_one_has_no_share():
    references = noise(0, 2, RATE, 1)
    references[1] = 0
    estimates = np.stack([0.49 * references[0], 0.1 * references[0]])
    rows = score(references, estimates)
    assert rows["model", "va"].status == "solo"
    assert (rows["model", "va"].bins, rows["model", "va"].bins_majority) == (0, 1)
    assert (rows["mixture", "va"].bins, rows["mixture", "va"].bins_majority) == (1, 1)
    for system in ("model", "mixture", "silence"):
        assert rows[system, "vc"].status == "absent"
        assert (rows[system, "vc"].bins, rows[system, "vc"].bins_majority) == (None, None)


def test_nothing_is_shared_where_every_bin_is_silent():
    """The level of noise is that of all its bins, each of which lies far below it."""
    references = np.random.default_rng(0).standard_normal((2, RATE, 1))
    references *= 10 ** ((CONFIG.silent_dbfs + 0.5) / 20)
    rows = score(references, references)
    assert {row.status for key, row in rows.items() if key[0] == "model"} == {"scored"}
    for row in rows.values():
        assert (row.bins, row.bins_majority) == (None, None)
    silent = score(references, references, mixture=np.zeros((RATE, 1)))
    assert {row.status for row in silent.values()} == {"silent_mixture"}
    assert {row.bins for row in silent.values()} == {None}


def test_slots_that_do_not_sound_change_nothing():
    references = noise(0, 3, RATE, 2)
    estimates = references + 0.4 * noise(1, 3, RATE, 2)
    references[1] = 0
    few = score(references[[0, 2]], estimates[[0, 2]])
    many = score(references, estimates)
    for system in ("model", "mixture", "silence"):
        for name, other in (("va", "va"), ("vc", "vn")):
            for share in SHARES:
                found = getattr(many[system, other], share)
                assert found == getattr(few[system, name], share) is not None


def test_by_the_rules_of_museval_there_are_no_shares(tmp_path):
    track, _ = make_track(tmp_path)
    config = Evaluation(filter_taps=4, museval_compatible=True)
    rows = score_track_on_disk(track, config, False, Workers(1))
    assert any(row.snr is not None for row in rows)
    assert {(row.bins, row.bins_majority) for row in rows} == {(None, None)}


def test_the_ideal_binary_mask_itself_is_right_in_most_bins():
    """Not in all: windows that overlap cannot all keep theirs."""
    references = noise(0, 3, RATE, 1).astype(np.float32)
    estimates = oracle_estimates(references.sum(axis=0), references, RATE)["IBM1"]
    rows = score(references, estimates)
    for name in VOCABULARY:
        row = rows["model", name]
        assert row.bins > row.bins_majority + 0.2
        assert row.bins < 1
