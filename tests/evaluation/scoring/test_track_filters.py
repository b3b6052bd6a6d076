"""Filters of v4 for a whole track, and museval's rules: against museval itself and against least
squares.
"""

from dataclasses import replace

import museval
import numpy as np
import pytest

from configs.schema import Evaluation
from evaluation.estimates.track_on_disk import TrackOnDisk, write_blocks
from evaluation.metrics import solvers
from evaluation.scores.table import CONSTANT_GAIN, sentences_on_silence
from evaluation.scoring import segment_groups, track_filters
from evaluation.scoring.one_segment import score_track
from evaluation.scoring.one_track import score_track_on_disk
from evaluation.scoring.workers import Workers
from tests.evaluation.metrics.test_bss_eval import (
    band_limited,
    delayed_matrix,
    imperfect_images,
    low_passed,
    noise,
    stereo,
)

RATE = 1000
NAMES = ("bass", "drums", "vocals", "zither")
LIKE_MUSEVAL = Evaluation(museval_compatible=True, filter_taps=32)
METRICS = ("snr", "isr", "sir_v4", "sar_v4")


def store(folder, references, estimates, vocabulary=NAMES):
    """References and estimates (J, T, C) as a track in files, in 32 bits."""
    form = (RATE, references.shape[2])
    paths = [
        {name: folder / f"{kind}-{name}.wav" for name in vocabulary}
        for kind in ("reference", "estimate")
    ]
    for files, waveforms in zip(paths, (references, estimates), strict=True):
        named = dict(zip(vocabulary, waveforms.astype(np.float32), strict=False))
        write_blocks({name: files[name] for name in named}, *form, [named])
    truth, found = ({name: each[name] for name in vocabulary[: len(references)]} for each in paths)
    return TrackOnDisk(
        "song", vocabulary, *form, references.shape[1], None, truth, {"model": found}
    )


def figures(rows, num_sources):
    """The four metrics of museval in its order, (4, J, frames), nan where they are blank."""
    table = [[getattr(row, metric) for row in rows if row.system == "model"] for metric in METRICS]
    return np.array(table, float).reshape(4, -1, num_sources).swapaxes(1, 2)


@pytest.fixture
def like_museval():
    """museval.evaluate, with shorter filters than the 512 taps that it has for good."""

    def evaluate(references, estimates, window, hop, taps=32):
        found = museval.metrics.bss_eval(
            references,
            estimates,
            compute_permutation=False,
            window=window,
            hop=hop,
            filters_len=taps,
        )
        return np.array(found[:4])

    return evaluate


@pytest.mark.parametrize("bytes_of_task", [1, 2**26])
@pytest.mark.parametrize(
    ("channels", "secs", "hop_secs"), [(1, 1.0, 0.0), (2, 0.743, 0.0), (2, 1.0, 0.5), (2, 9.0, 0.0)]
)
def test_figures_are_those_of_museval(
    tmp_path, monkeypatch, like_museval, bytes_of_task, channels, secs, hop_secs
):
    monkeypatch.setattr(segment_groups, "_BYTES", bytes_of_task)
    references = (0.1 * noise(1, 3, 3650, channels)).astype(np.float32).astype(float)
    references[1, 700:2300] = 0  # a rest: museval scores no source there
    estimates = imperfect_images(references).astype(np.float32).astype(float)
    track = store(tmp_path, references, estimates)
    config = replace(LIKE_MUSEVAL, segment_secs=secs, hop_secs=hop_secs)
    rows = score_track_on_disk(track, config, False, Workers(1))
    expected = like_museval(references, estimates, int(secs * RATE), int((hop_secs or secs) * RATE))
    assert np.isnan(expected).any() == (secs < 9)
    np.testing.assert_allclose(figures(rows, 3), expected, rtol=0, atol=1e-6)
    assert {row.source for row in rows} == set(
        NAMES[:3]
    )  # the zither, which no reference has, is none of museval's
    blank = {row.status for row in rows if row.snr is None}
    assert blank == {"not_scored"}
    assert {row.polyphony for row in rows} == ({2, 3} if secs < 9 else {3})


def test_the_whole_of_museval_evaluate(tmp_path):
    """With its own 512 taps, where the condition number is 1e9; filters per track are what it calls
    mode v4.
    """
    references = (0.1 * stereo(low_passed, 2, 4200)).astype(np.float32).astype(float)
    estimates = imperfect_images(references).astype(np.float32).astype(float)
    rows = score_track_on_disk(
        store(tmp_path, references, estimates),
        Evaluation(museval_compatible=True),
        False,
        Workers(1),
    )
    expected = np.array(museval.evaluate(references, estimates, win=RATE, hop=RATE))
    np.testing.assert_allclose(figures(rows, 2), expected, rtol=0, atol=1e-6)


def test_filters_of_the_track_change_v4_alone(tmp_path, like_museval):
    references = (0.1 * noise(2, 3, 3000, 2)).astype(np.float32).astype(float)
    references[1, 2000:] = 0
    estimates = imperfect_images(references).astype(np.float32).astype(float)
    config = Evaluation(filter_taps=32)
    track = store(tmp_path, references, estimates)
    rows = score_track_on_disk(track, replace(config, v4_filters="track"), True, Workers(1))
    others = score_track_on_disk(track, config, True, Workers(1))
    for row, other in zip(rows, others, strict=True):
        own = {"isr": other.isr, "sir_v4": other.sir_v4, "sar_v4": other.sar_v4}
        assert replace(row, **own) == other
        assert row.isr != other.isr or row.isr is None or row.system == "mixture"
    model = [row for row in rows if row.system == "model" and row.source != "zither"]
    found = np.array([[getattr(row, metric) for row in model] for metric in METRICS], float)
    expected = like_museval(references, estimates, RATE, RATE)
    # Where museval scores nothing, because one source is silent, the other two are scored all the
    # same.
    np.testing.assert_allclose(
        found.reshape(4, 3, 3).swapaxes(1, 2)[..., :2], expected[..., :2], rtol=0, atol=1e-6
    )
    assert np.isnan(expected[..., 2]).all()
    assert [row.status for row in model[6:]] == ["scored", "absent", "scored"]
    assert np.isfinite(found[:, [6, 8]]).all()
    with pytest.raises(ValueError, match="filters of the whole track are those of"):
        score_track(
            "t", estimates[0], references, {}, NAMES[:3], RATE, replace(config, v4_filters="track")
        )


def whole_track_truth(references, estimates, taps, window):
    """ISR, SIR and SAR of each window with filters by least squares on the explicit matrix of the
    track.
    """
    channels = np.moveaxis(references, -1, 1)  # (J, C, T)

    def matrix(chosen, part=slice(None)):
        return delayed_matrix(
            channels[chosen][..., part].reshape(-1, len(range(*part.indices(references.shape[1])))),
            taps,
        )

    def decibels(numerator, denominator):
        return 10 * np.log10(np.sum(numerator**2) / np.sum(denominator**2))

    padded = np.pad(estimates, ((0, 0), (0, taps - 1), (0, 0)))
    everything, found = slice(0, len(references)), []
    for j, estimate in enumerate(padded):
        filters = np.linalg.lstsq(matrix(everything), estimate)[0]
        own = np.linalg.lstsq(matrix(slice(j, j + 1)), estimate)[0]
        for start in range(0, references.shape[1], window):
            part = slice(start, start + window)
            signal, source = (
                np.pad(each[j, part], ((0, taps - 1), (0, 0))) for each in (estimates, references)
            )
            target, explained = (
                matrix(slice(j, j + 1), part) @ own,
                matrix(everything, part) @ filters,
            )
            found.append(
                [
                    decibels(source, target - source),
                    decibels(target, explained - target),
                    decibels(explained, signal - explained),
                ]
            )
    return np.array(found).reshape(len(references), -1, 3).transpose(2, 0, 1)


@pytest.mark.parametrize("solver", ["schur", "cholesky"])
@pytest.mark.parametrize(
    "references",
    [
        stereo(noise, 2, 2000),
        stereo(
            lambda *sizes: band_limited(*sizes, 100), 2, 2000
        ),  # the Gram matrix has a condition number of 2e11
        stereo(noise, 2, 2000, side=1e-4),  # nearly mono
        noise(3, 2, 2000)[..., None] * [0.8, 0.37],  # mono, panned
        noise(3, 2, 2000)[..., None] * [1.0, 0.0],  # one channel is silent
    ],
)
def test_filters_of_the_track_are_the_least_squares(tmp_path, monkeypatch, references, solver):
    """Where museval is off by much: it solves its equations once and unscaled."""
    monkeypatch.setattr(solvers, "_DENSE_SIZE", 0)
    monkeypatch.setattr(segment_groups, "_BYTES", 1)
    if solver == "cholesky":
        monkeypatch.setattr(solvers, "_schur", lambda _: None)
    references = (0.1 * references).astype(np.float32).astype(float)
    estimates = imperfect_images(references).astype(np.float32).astype(float)
    track = store(tmp_path, references, estimates, NAMES[:2])
    config = Evaluation(filter_taps=16, v4_filters="track", segment_secs=0.5)
    rows = score_track_on_disk(track, config, False, Workers(1))
    found = figures(rows, 2)[1:]
    truth = whole_track_truth(references, estimates, 16, 500)
    np.testing.assert_allclose(found, truth, rtol=0, atol=1e-3)


def test_references_that_depend_on_each_other_are_fitted_all_the_same(tmp_path):
    references = (0.1 * stereo(noise, 3, 2000)).astype(np.float32).astype(float)
    references[1] = 0.5 * references[0]  # exact in 32 bits
    estimates = imperfect_images(references).astype(np.float32).astype(float)
    config = Evaluation(filter_taps=16, v4_filters="track", segment_secs=0.5)
    rows = score_track_on_disk(store(tmp_path, references, estimates), config, False, Workers(1))
    own = [row for row in rows if row.system == "model" and row.source == "vocals"]
    two = [0, 2]
    truth = whole_track_truth(references[two], estimates[two], 16, 500)[:, 1]
    found = np.array([[row.isr, row.sir_v4, row.sar_v4] for row in own]).T
    np.testing.assert_allclose(found, truth, rtol=0, atol=1e-3)


def test_the_constant_gain_has_the_figures_of_museval(tmp_path, like_museval):
    references = (0.1 * noise(1, 2, 2000, 2)).astype(np.float32).astype(float)
    gains = {"bass": 0.75, "drums": -0.125}
    track = replace(store(tmp_path, references, references, NAMES[:2]), gains=gains)
    rows = score_track_on_disk(track, LIKE_MUSEVAL, False, Workers(1))
    own = [replace(row, system="model") for row in rows if row.system == CONSTANT_GAIN]
    estimates = np.stack([gain * references.sum(axis=0) for gain in gains.values()])
    expected = like_museval(references, estimates, RATE, RATE)
    # Its SAR, of a sum of the references, is rounding alone.
    np.testing.assert_allclose(figures(own, 2)[:3], expected[:3], rtol=0, atol=1e-6)
    assert (figures(own, 2)[3] > 100).all()


def test_museval_scores_no_frame_with_a_silent_estimate(tmp_path):
    references = 0.1 * noise(4, 2, 2000, 1)
    estimates = imperfect_images(references)
    estimates[0, :1000] = 0
    rows = score_track_on_disk(
        store(tmp_path, references, estimates), LIKE_MUSEVAL, True, Workers(1)
    )
    by_system = {
        name: [row.status for row in rows if row.system == name]
        for name in ("model", "mixture", "silence", "IRM1")
    }
    assert by_system["model"] == ["not_scored"] * 2 + ["scored"] * 2
    assert by_system["mixture"] == by_system["IRM1"] == ["scored"] * 4
    assert by_system["silence"] == ["not_scored"] * 4
    assert track_filters.MIXTURE == "mixture"


def test_every_source_has_a_true_status_by_the_rules_of_museval(tmp_path, like_museval):
    """In four seconds all play, one rests, nothing sounds, all play; the vocals never do."""
    references = (0.1 * noise(5, 3, 4000, 2)).astype(np.float32).astype(float)
    references[0, 1000:3000] = 0
    references[1, 2000:3000] = 0
    references[2] = 0
    estimates = (references + 0.02 * noise(6, 3, 4000, 2)).astype(np.float32).astype(float)
    track = store(tmp_path, references, estimates)
    rows = score_track_on_disk(track, LIKE_MUSEVAL, False, Workers(1))
    own_rules = score_track_on_disk(track, Evaluation(filter_taps=32), False, Workers(1))
    played = ["scored", "not_scored", "silent_mixture", "scored"]
    expected = {
        "bass": played,
        "drums": played,
        "vocals": ["absent", "absent", "silent_mixture", "absent"],
    }
    model = [row for row in rows if row.system == "model"]
    for source, statuses in expected.items():
        assert [row.status for row in model if row.source == source] == statuses
    assert [row.polyphony for row in model if row.source == "vocals"] == [2, 1, 0, 2]
    leaks = [
        [row.leakage for row in each if (row.system, row.source) == ("model", "vocals")]
        for each in (rows, own_rules)
    ]
    assert leaks[0] == leaks[1]
    assert None not in (leaks[0][0], leaks[0][1], leaks[0][3])
    # The vocals are no source to museval: it would score nothing beside them.
    figures_of_two = figures([row for row in rows if row.source != "vocals"], 2)
    golden = like_museval(references[:2], estimates[:2], RATE, RATE)
    np.testing.assert_allclose(figures_of_two, golden, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("silent", "sentences"),
    [
        ("estimate", ["bass is nowhere scored, as by", "drums is nowhere scored, as by"]),
        ("reference", ["bass never sounds, its estimate is scored by what it leaks"]),
        ("one second", []),
    ],
)
def test_what_museval_scores_nowhere_is_told(tmp_path, silent, sentences):
    references = 0.1 * noise(7, 2, 2000, 1)
    estimates = references + 0.01 * noise(8, 2, 2000, 1)
    part = {"estimate": estimates, "reference": references, "one second": estimates[:, :1000]}
    part[silent][0] = 0
    track = store(tmp_path, references, estimates, NAMES[:2])
    rows = score_track_on_disk(track, LIKE_MUSEVAL, False, Workers(1))
    told = sentences_on_silence(rows)
    assert len(told) == len(sentences)
    for line, sentence in zip(told, sentences, strict=True):
        assert f"track song: {sentence}" in line


def test_a_track_in_which_nothing_sounds_has_the_statuses_of_our_rules(tmp_path):
    estimates = 0.1 * noise(4, 2, 2000, 1)
    track = store(tmp_path, np.zeros((2, 2000, 1)), estimates, NAMES[:2])
    mixture = tmp_path / "mixture.wav"
    write_blocks({"": mixture}, RATE, 1, [{"": estimates.sum(axis=0).astype(np.float32)}])
    rows = score_track_on_disk(replace(track, mixture=mixture), LIKE_MUSEVAL, False, Workers(1))
    assert {row.status for row in rows} == {"absent"}
    assert {row.source for row in rows} == set(NAMES[:2])
    silent = score_track_on_disk(track, LIKE_MUSEVAL, False, Workers(1))
    assert {row.status for row in silent} == {"silent_mixture"}
