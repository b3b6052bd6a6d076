"""NMF of a track by itself, whose components the references assign."""

import numpy as np

from data_prep.audio import activity
from evaluation.classical.blind_nmf import assign, learn_of_mixture
from evaluation.classical.dictionaries import Dictionaries
from tests.evaluation.classical.test_nmf import HIGH, LOW, RATE, notes, separate


def test_components_go_to_the_sources_that_they_are_of():
    sources = [notes(LOW, 2 * RATE, 7), notes(HIGH, 2 * RATE, 8)]
    song = sum(sources)
    spectra = learn_of_mixture(np.array_split(song, 3), RATE, 2)
    beside = np.concatenate([song, *sources], axis=1)
    owners = assign(spectra, np.array_split(beside, 5), RATE, 2)
    of_sources = {str(j): spectra[owners == j] for j in (0, 1)}
    estimates = separate(Dictionaries(RATE, of_sources), song, labels=None)
    for truth, estimate in zip(sources, estimates, strict=True):
        assert activity.snr(truth[None], estimate[None]).item() > 15
    # With the sources in the other order all change their owners.
    swapped = np.concatenate([song, *sources[::-1]], axis=1)
    np.testing.assert_array_equal(assign(spectra, [swapped], RATE, 2), 1 - owners)


def test_a_component_agrees_with_no_source_that_it_opposes():
    melody = notes(LOW, RATE, 7)
    sources = [-1.0 * melody, 0.8 * melody, 0.82 * melody]
    song = sum(sources)
    spectra = learn_of_mixture([song], RATE, 3)
    owners = assign(spectra, [np.concatenate([song, *sources], axis=1)], RATE, 3)
    assert set(owners) == {2}
