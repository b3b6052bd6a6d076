"""Rows of classical methods: tracks in files get their estimates, in the order that fits."""

from dataclasses import replace

import numpy as np
import pytest

from data_prep.audio import activity
from evaluation.classical.dictionaries import Dictionaries
from evaluation.classical.factorisation import learn_spectra
from evaluation.classical.names import BEST_ORDER, BLIND_NMF, NMF, ROWS
from evaluation.classical.rows import choose_rows
from evaluation.estimates.track_on_disk import TrackOnDisk, write_blocks
from tests.evaluation.classical.test_nmf import HIGH, LOW, RATE, magnitudes_of, notes

TWO_STEMS = tuple(BEST_ORDER.values())
NUM_FRAMES = 2 * RATE


def make_track(folder, sources, vocabulary, channels=2, with_mixture=True):
    """A track in files, of waveforms by the names of their sources."""
    files = {name: folder / f"reference-{name}.wav" for name in sources}
    folder.mkdir(exist_ok=True)
    waveforms = {name: waveform[:, :channels] for name, waveform in sources.items()}
    write_blocks(files, RATE, channels, [waveforms])
    mixture = folder / "mixture.wav" if with_mixture else None
    if mixture:
        write_blocks({"": mixture}, RATE, channels, [{"": sum(waveforms.values())}])
    # A system that copies the references.
    return TrackOnDisk(
        "t", vocabulary, RATE, channels, NUM_FRAMES, mixture, files, {"model": files}
    )


def melodies():
    """A low and a high melody, in other places of two channels."""
    return {
        "low": notes(LOW, NUM_FRAMES, 7),
        "high": notes(HIGH, NUM_FRAMES, 8)[:, ::-1].copy(),
    }


def snr(track, row, source):
    references = track.read_references(0, NUM_FRAMES)
    slot = [track.vocabulary.index(source)]
    return activity.snr(references[slot], track.read_estimates(0, NUM_FRAMES)[row][slot]).item()


def sum_of(track, row):
    return track.read_estimates(0, NUM_FRAMES)[row].sum(axis=0)


@pytest.mark.parametrize("vocabulary", [("low", "high"), ("high", "low")])
def test_two_sources_in_two_channels_have_every_row(tmp_path, vocabulary):
    rows = choose_rows({vocabulary}, 2, None)
    assert [sentence[:15] for sentence in rows.left_out] == ["NMF is left out"]
    track = rows.add(make_track(tmp_path, melodies(), vocabulary), tmp_path)
    assert tuple(track.systems) == ("model", BLIND_NMF, *TWO_STEMS)
    assert set(track.systems) < {"model", *ROWS}
    mixture = track.read_mixture(0, NUM_FRAMES, np.zeros(0))
    for row in (BLIND_NMF, *TWO_STEMS):
        assert set(track.systems[row]) == set(vocabulary)
        np.testing.assert_allclose(sum_of(track, row), mixture, atol=2e-6)
    # Whatever the order of the vocabulary, each source has its own component.
    for source in vocabulary:
        assert snr(track, BEST_ORDER["ica"], source) > 15
        assert snr(track, BLIND_NMF, source) > 15
    # Both orders of two stems have the same sum of energies: the better one has more agreement.
    for row in TWO_STEMS:
        estimates = track.read_estimates(0, NUM_FRAMES)[row]
        references = track.read_references(0, NUM_FRAMES)
        products = np.einsum("jtc,ktc->jk", estimates, references)
        assert np.trace(products) >= np.trace(products[::-1])


def test_what_is_not_scored_stays_so_and_no_mixture_is_needed(tmp_path):
    """As where a system has no estimate of the accompaniment."""
    plain = make_track(tmp_path, melodies(), ("high", "low"), with_mixture=False)
    system = {"low": plain.references["low"]}
    rows = choose_rows({plain.vocabulary}, 2, None)
    track = rows.add(replace(plain, systems={"model": system}), tmp_path)
    assert track.systems["model"] == system
    assert track.scored == {"low"}
    assert snr(track, BLIND_NMF, "low") > 15


def test_nmf_estimates_the_sources_that_play(tmp_path):
    spectra = {
        name: learn_spectra(magnitudes_of(notes(pitches, RATE, 1)), 6, seed=0)
        for name, pitches in {"low": LOW, "high": HIGH}.items()
    }
    vocabulary = ("absent", "high", "low")
    learnt = Dictionaries(RATE, {"absent": spectra["low"], **spectra})
    rows = choose_rows({vocabulary}, 1, learnt)
    assert rows.left_out == (
        "ICA, PCA, HPSS and REPET are left out: each makes two stems, and the tracks have 3 "
        "sources.",
    )
    # The order of the dictionaries is another than that of the track.
    track = rows.add(make_track(tmp_path, melodies(), vocabulary, channels=1), tmp_path)
    assert {row: set(files) for row, files in track.systems.items()} == {
        "model": {"low", "high"},
        NMF: {"low", "high"},
        BLIND_NMF: {"low", "high"},
    }
    for source in ("low", "high"):
        assert snr(track, NMF, source) > 15


def test_a_silent_track_has_silent_estimates(tmp_path):
    silence = {name: np.zeros((NUM_FRAMES, 2), np.float32) for name in ("a", "b")}
    track = choose_rows({("a", "b")}, 2, None).add(
        make_track(tmp_path, silence, ("a", "b")), tmp_path
    )
    for estimates in track.read_estimates(0, NUM_FRAMES).values():
        assert not estimates.any()


def test_what_cannot_be_scored_is_said():
    rows = choose_rows({("a", "b")}, 1, None)
    assert tuple(rows.two_stems) == (BEST_ORDER["hpss"], BEST_ORDER["repet"])
    assert rows.left_out[1] == (
        "ICA and PCA are left out: they tell two sources apart by how they lie in two channels, "
        "and the tracks have 1 channel."
    )
    rows = choose_rows({("a", "b"), ("a", "b", "c", "d")}, 2, None)
    assert rows.left_out[1].endswith("the tracks have 2 or 4 sources.")
