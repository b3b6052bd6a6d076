"""The recipes of docs/data.md read the layouts that they are for."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from configs.splits import load_splits
from data_prep.corpora import list_tracks

PAGE = (Path(__file__).parents[3] / "docs" / "data.md").read_text(encoding="utf-8")


def recipe(corpus: str, language: str) -> str:
    """The block of the page that follows what it says of a corpus."""
    (_, text) = PAGE.split(f"**{corpus}**")
    return re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)[1]


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / name, np.zeros(8), 8000)


@pytest.mark.parametrize(
    ("corpus", "files", "labels"),
    [
        ("CCMixter", ("mix.wav", "source-01.wav", "source-02.wav"), ["accompaniment", "vocals"]),
        ("Songs of Frets on Fire", ("guitar.ogg", "song.ogg"), ["guitar", "accompaniment"]),
    ],
)
def test_folders_of_songs(tmp_path, corpus, files, labels):
    (tmp_path / "splits.json").write_text(recipe(corpus, "json"))
    touch(tmp_path / "root", *(f"{song}/{file}" for song in ("Feelings", "Nine") for file in files))
    (tmp_path / "root" / "Nine" / "song.ini").write_text("[song]")
    listing = list_tracks("folder", tmp_path / "root", str(tmp_path / "splits.json"))
    assert [track.errors for track in listing.tracks] == [(), ()]
    for track in listing.tracks:
        assert [label for label, _ in track.sources] == labels
        assert (track.mixture is not None) == (corpus == "CCMixter")
    assert set(listing.splits.vocabulary) == set(labels)


def test_dsd100_is_a_table(tmp_path, monkeypatch):
    for subset, song in (("Dev", "055 - a - b"), ("Test", "001 - c - d")):
        touch(tmp_path, f"Mixtures/{subset}/{song}/mixture.wav")
        for source in ("bass", "drums", "other", "vocals"):
            touch(tmp_path, f"Sources/{subset}/{song}/{source}.wav")
    monkeypatch.chdir(tmp_path)
    exec(recipe("DSD100", "python"), {})
    listing = list_tracks("csv", tmp_path, "official")
    assert [(track.name, track.split) for track in listing.tracks] == [
        ("001 - c - d", "test"),
        ("055 - a - b", "train"),
    ]
    for track in listing.tracks:
        assert [label for label, _ in track.sources] == ["bass", "drums", "other", "vocals"]
        assert track.mixture.name == "mixture.wav"
        assert track.errors == ()
    assert listing.unused == ()


def test_cantoria_is_a_table(tmp_path, monkeypatch):
    voices = ("S", "A", "T", "B", "Mix", "MixOrgan")
    touch(tmp_path, *(f"Audio/Cantoria_CEA_{voice}.wav" for voice in voices))
    monkeypatch.chdir(tmp_path)
    exec(recipe("Cantoria", "python"), {})
    splits = tmp_path.parent / f"{tmp_path.name}.json"
    splits.write_text('{"rule": "x", "test": ["CEA"]}')
    (track,) = list_tracks("csv", tmp_path, str(splits)).tracks
    assert sorted(label for label, _ in track.sources) == ["alto", "bass", "soprano", "tenor"]
    assert (track.mixture.name, track.errors) == ("Cantoria_CEA_Mix.wav", ())


def test_the_page_lists_the_vocabulary_of_all_three():
    words = re.search(r"one vocabulary for all three:\n(.*?) \(", PAGE, re.DOTALL)[1]
    vocabulary = words.replace("\n", " ").split(", ")
    assert tuple(vocabulary) == load_splits("moisesdb").vocabulary
    assert tuple(vocabulary) == load_splits("medleydb").vocabulary
    assert tuple(vocabulary[1:]) == load_splits("slakh").vocabulary
