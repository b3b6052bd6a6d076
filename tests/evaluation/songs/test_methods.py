"""Files separated without a network: by the methods of evaluation.classical."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from evaluation.classical import dictionaries
from evaluation.classical.methods import METHODS, name_method
from evaluation.songs.batch import Destination, separate_songs
from evaluation.songs.choice import parse_stems
from evaluation.songs.stems import Wanted

RATE = 11025
RECORDS = Path(__file__).parents[2] / "before" / "files" / "records"


@pytest.fixture
def records(tmp_path, monkeypatch):
    monkeypatch.setattr(dictionaries, "_NUM_SPECTRA", 4)
    monkeypatch.setattr(dictionaries, "_MOST_WINDOWS", 40)
    return shutil.copytree(RECORDS, tmp_path / "records")


def write_song(path, channels=2, num_frames=3 * RATE):
    rng = np.random.default_rng(0)
    tone = 0.2 * np.sin(np.arange(num_frames) / 7)[:, None]
    song = tone * np.linspace(1, 0.5, channels) + 0.05 * rng.laplace(size=(num_frames, channels))
    soundfile.write(path, song.astype(np.float32), RATE, subtype="FLOAT")
    return path


def separate(named, paths, out, write=None, labels=None):
    separator = named.load()
    assert separator.sources == named.sources
    wanted = Wanted(labels, parse_stems(write, labels, named.sources))
    return separate_songs(separator, paths, wanted, Destination(str(out)))


def read(paths):
    return {Path(path).stem: soundfile.read(path, always_2d=True)[0] for path in paths}


@pytest.mark.parametrize("name", METHODS)
def test_stems_are_the_song_whatever_the_method(tmp_path, records, name):
    song = write_song(tmp_path / "song.wav")
    named = name_method(name, str(records) if name == "nmf" else "")
    stems = read(separate(named, [song], tmp_path / "out"))
    assert tuple(stems) == named.sources
    assert len(stems) == (3 if name == "nmf" else 2)
    mixture, _ = soundfile.read(song)
    for stem in stems.values():
        assert stem.shape == mixture.shape
        assert stem.any()
    # NMF works at the rate of its records, which lacks what is high.
    if name != "nmf":
        np.testing.assert_allclose(sum(stems.values()), mixture, atol=1e-6)


def test_what_is_written_is_left_and_told_from_what_another_method_makes(tmp_path, capsys):
    song = write_song(tmp_path / "song.wav")
    first = separate(name_method("ica"), [song], tmp_path / "out")
    contents = [Path(path).read_bytes() for path in first]
    separate(name_method("ica"), [song], tmp_path / "out")
    assert "there already" in capsys.readouterr().out
    with pytest.raises(ValueError, match="is not what this command makes"):
        separate(name_method("pca"), [song], tmp_path / "out")
    again = separate(name_method("ica"), [song], tmp_path / "again")
    assert [Path(path).read_bytes() for path in again] == contents


def test_a_mono_song_is_refused_by_what_needs_two_channels_and_nothing_is_written(tmp_path):
    paths = [write_song(tmp_path / "a.wav", channels=1), write_song(tmp_path / "b.wav")]
    with pytest.raises(ValueError, match=r"1 of 2 were not separated: .*a\.wav: ica tells two"):
        separate(name_method("ica"), paths, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.wav")) == [
        "component-1.wav",
        "component-2.wav",
    ]
    assert {path.parent.name for path in (tmp_path / "out").rglob("*.wav")} == {"b"}


def test_what_a_stem_leaves_is_the_other_one(tmp_path):
    song = write_song(tmp_path / "song.wav", channels=1)
    stems = read(separate(name_method("hpss"), [song], tmp_path / "out"))
    rest = read(separate(name_method("hpss"), [song], tmp_path / "rest", "harmonic,residual"))
    np.testing.assert_allclose(rest["residual"], stems["percussive"], atol=1e-6)


def test_nmf_is_told_what_plays(tmp_path, records):
    song = write_song(tmp_path / "song.wav", channels=1)
    named = name_method("nmf", str(records))
    stems = read(separate(named, [song], tmp_path / "out", labels=["hn", "va"]))
    assert set(stems) == {"hn", "va"}
    everything = read(separate(named, [song], tmp_path / "all"))
    assert np.abs(everything["hn"] - stems["hn"]).max() > 1e-4
