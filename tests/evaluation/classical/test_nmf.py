"""NMF with spectra that are known, and that are learnt from records."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from data_prep.audio import activity
from data_prep.records.full_tracks import TrackBlock
from data_prep.records.manifest import load_manifest
from evaluation.classical import dictionaries
from evaluation.classical.dictionaries import FILE_NAME, Dictionaries, open_dictionaries
from evaluation.classical.factorisation import activate, dictionary_masks, learn_spectra
from evaluation.classical.nmf import DictionaryNmf
from evaluation.classical.samples import EvenSample
from evaluation.estimates import short_time

RATE = 8000
RECORDS = Path(__file__).parents[2] / "before" / "files" / "records"


def notes(hertz, num_frames, seed):
    """A melody (frames, 2) of some tones and their octaves."""
    rng = np.random.default_rng(seed)
    time = np.arange(num_frames) / RATE
    length = RATE // 5
    waveform = np.zeros(num_frames)
    for pitch in hertz:
        playing = np.repeat(rng.integers(0, 2, num_frames // length + 1), length)[:num_frames]
        waveform += playing * (np.sin(2 * np.pi * pitch * time) + np.sin(4 * np.pi * pitch * time))
    return (0.1 * waveform[:, None] * np.array([1.0, 0.6])).astype(np.float32)


LOW = (200, 260, 330)
HIGH = (1400, 1700, 1900)


def magnitudes_of(song):
    spectra = np.concatenate(list(short_time.iter_spectra([song], 186)))
    return np.abs(spectra).reshape(-1, spectra.shape[-1]).astype(np.float32)


@pytest.fixture(scope="module")
def learnt():
    """Dictionaries of two instruments whose spectra hardly meet."""
    spectra = {
        name: learn_spectra(magnitudes_of(notes(pitches, 3 * RATE, seed)), 6, seed=0)
        for seed, (name, pitches) in enumerate({"low": LOW, "high": HIGH}.items())
    }
    return Dictionaries(RATE, {"absent": np.zeros_like(spectra["low"]), **spectra})


def separate(learnt, song, labels=("low", "high"), rate=RATE, num_blocks=1):
    blocks = np.array_split(song, num_blocks)
    stream = DictionaryNmf(learnt).iter_stream_separated(blocks, rate, labels)
    return np.concatenate(list(stream), axis=1)


def test_disjoint_spectra_are_told_apart(learnt):
    sources = [notes(LOW, 2 * RATE, 7), notes(HIGH, 2 * RATE, 8)]
    song = sum(sources)
    estimates = separate(learnt, song)
    for truth, estimate in zip(sources, estimates[1:], strict=True):
        assert activity.snr(truth[None], estimate[None]).item() > 20
    assert not estimates[0].any()
    np.testing.assert_allclose(estimates.sum(axis=0), song, atol=1e-6)


def test_blocks_equal_the_whole_and_repeat_to_the_byte(monkeypatch, learnt):
    song = notes((300, 1500), RATE, 3)
    song[2000:4000] = 0
    whole = separate(learnt, song)
    assert separate(learnt, song).tobytes() == whole.tobytes()
    monkeypatch.setattr(short_time, "_BLOCK_WINDOWS", 5)
    np.testing.assert_allclose(separate(learnt, song, num_blocks=4), whole, atol=1e-5)


def test_a_song_of_another_rate_is_separated_at_that_of_the_dictionaries(learnt):
    song = notes((300, 1500), RATE, 3)
    estimates = separate(learnt, song, rate=11_025)
    assert estimates.shape == (3, RATE, 2)


def test_activations_are_those_that_no_update_changes():
    """At the minimum of the divergence the ratio of every update is one where something plays."""
    rng = np.random.default_rng(0)
    spectra = rng.uniform(0, 1, (3, 20)).astype(np.float32)
    truth = np.array([[1, 0.5, 2], [0.3, 2, 1]], np.float32)
    found = activate(np.repeat(truth @ spectra, 2, axis=0), spectra)
    np.testing.assert_allclose(found[::2] @ spectra, truth @ spectra, rtol=0.1)
    np.testing.assert_allclose(found[::2], found[1::2], rtol=1e-5)


def test_masks_of_nothing_are_equal():
    spectra = np.full((2, 9), 1 / 9, np.float32)
    masks = dictionary_masks(np.zeros((4, 1, 9)), [spectra, spectra])
    np.testing.assert_array_equal(masks, np.full((2, 4, 1, 9), 0.5))
    masks = dictionary_masks(np.ones((4, 1, 9)), [spectra[:0], spectra[:0]])
    np.testing.assert_array_equal(masks, np.full((2, 4, 1, 9), 0.5))


def test_learnt_spectra_sum_to_one_and_repeat_to_the_byte():
    magnitudes = magnitudes_of(notes(LOW, RATE, 0))
    spectra = learn_spectra(magnitudes, 5, seed=0)
    assert spectra.dtype == np.float32
    np.testing.assert_allclose(spectra.sum(axis=1), 1, atol=1e-5)
    assert spectra.tobytes() == learn_spectra(magnitudes, 5, seed=0).tobytes()
    assert spectra.tobytes() != learn_spectra(magnitudes, 5, seed=1).tobytes()


def test_the_divergence_is_that_of_kullback_and_leibler():
    """One spectrum is then the mean one, and its activations are the sums of the windows."""
    magnitudes = np.random.default_rng(0).gamma(0.5, size=(40, 30)).astype(np.float32)
    (spectrum,) = learn_spectra(magnitudes, 1, seed=0)
    np.testing.assert_allclose(spectrum, magnitudes.sum(axis=0) / magnitudes.sum(), rtol=1e-4)
    activations = activate(magnitudes, spectrum[None])
    np.testing.assert_allclose(activations[:, 0], magnitudes.sum(axis=1), rtol=1e-4)


def test_nothing_is_learnt_from_rests():
    waveform = notes(LOW, RATE, 0)
    waveform[RATE // 4 :] = 0
    sample = EvenSample(1000)
    hop = 186
    block = TrackBlock(0, waveform, {"low": waveform}, notes=np.zeros((0, 4), np.int32))
    dictionaries._add_sounding(block, {"low": sample}, hop)
    # Those that begin before the rest.
    assert len(sample.rows()) == -(-(RATE // 4) // hop)


@pytest.fixture
def records(tmp_path, monkeypatch):
    monkeypatch.setattr(dictionaries, "_NUM_SPECTRA", 4)
    monkeypatch.setattr(dictionaries, "_MOST_WINDOWS", 40)
    return Path(shutil.copytree(RECORDS, tmp_path / "records"))


def test_dictionaries_are_learnt_once_from_the_training_split(records, monkeypatch):
    learnt = open_dictionaries(str(records))
    assert (tuple(learnt.spectra), learnt.sample_rate) == (("hn", "tba", "va"), 4000)
    for spectra in learnt.spectra.values():
        assert spectra.shape == (4, 2 * 93 + 1)
    content = (records / FILE_NAME).read_bytes()
    # Learnt again it is the same to the byte.
    (records / FILE_NAME).unlink()
    assert open_dictionaries(str(records)).checksum() == learnt.checksum()
    assert (records / FILE_NAME).read_bytes() == content
    # What is damaged, or of other settings, is learnt again.
    (records / FILE_NAME).write_bytes(content[: len(content) // 2])
    assert open_dictionaries(str(records)).checksum() == learnt.checksum()
    assert (records / FILE_NAME).read_bytes() == content
    monkeypatch.setattr(dictionaries, "learn", None)
    assert open_dictionaries(str(records)).checksum() == learnt.checksum()
    monkeypatch.setattr(dictionaries, "_SEED", 1)
    with pytest.raises(TypeError):
        open_dictionaries(str(records))


def test_only_the_training_split_is_heard(records):
    learnt = open_dictionaries(str(records))
    shards = load_manifest(str(records)).shards
    for split in ("valid", "test"):
        for shard in shards[split]:
            (records / shard.name).unlink()
    (records / FILE_NAME).unlink()
    assert open_dictionaries(str(records)).checksum() == learnt.checksum()


def test_records_that_cannot_be_written_to_are_learnt_from(records, monkeypatch, capsys):
    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(dictionaries.np, "savez", refuse)
    assert open_dictionaries(str(records)).spectra["va"].any()
    assert not (records / FILE_NAME).exists()
    assert capsys.readouterr().err.startswith("note: ")
