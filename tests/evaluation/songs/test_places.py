"""Which songs are meant, and where their stems go."""

from pathlib import Path

import pytest
import soundfile

from evaluation.songs.places import find_sounds, require_apart, require_name, stem_places


def test_a_folder_means_the_sounds_in_it(tmp_path):
    for name in ("b.WAV", "a.flac", "._a.wav", "notes.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "empty").mkdir()
    assert [path.name for path in find_sounds([tmp_path])] == ["a.flac", "b.WAV"]
    with pytest.raises(ValueError, match="empty holds no sound files"):
        find_sounds([tmp_path / "empty"])


def test_a_pattern_means_what_it_fits_and_a_file_of_that_name_itself(tmp_path):
    for name in ("b.wav", "a.wav", "c.mp3"):
        (tmp_path / name).write_text("")
    assert [path.name for path in find_sounds([tmp_path / "*.wav"])] == ["a.wav", "b.wav"]
    (tmp_path / "[ab].wav").write_text("")
    assert [path.name for path in find_sounds([tmp_path / "[ab].wav"])] == ["[ab].wav"]
    with pytest.raises(ValueError, match=r"there is no file .*/\*\.flac"):
        find_sounds([tmp_path / "*.flac"])


def test_a_file_that_is_missing_is_told_before_any_is_read(tmp_path):
    soundfile.write(tmp_path / "a.wav", [0.0], 8000)
    with pytest.raises(ValueError, match=r"there is no file .*/typo\.wav"):
        find_sounds([tmp_path / "a.wav", tmp_path / "typo.wav"])


@pytest.mark.parametrize(
    ("song", "name", "place"),
    [
        ("My Song.mp3", "{track}/{instrument}", "out/My Song/vn.flac"),
        ("My Song.mp3", "{track} - {instrument}", "out/My Song - vn.flac"),
        ("What?!.mp3", "{track} - {instrument}", "out/What__ - vn.flac"),
        ("a.b.wav", "{instrument}/{track}", "out/vn/a.b.flac"),
        ("...wav", "{track}/{instrument}", "out/...wav/vn.flac"),
        ("{instrument}.wav", "{track}/{instrument}", "out/{instrument}/vn.flac"),
    ],
)
def test_places(song, name, place):
    require_name(name, num_stems=2)
    places = stem_places(Path("music") / song, ["vn"], "out", name, ".flac")
    assert {stem: str(each) for stem, each in places.items()} == {"vn": place}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("{track}", "without {instrument} all stems have one name"),
        ("../{track}/{instrument}", "leads to another folder"),
        ("/{track}/{instrument}", "a part of it is empty"),
        ("{track}/", "without {instrument}"),
        ("{title}/{instrument}", "a field other than {track} and {instrument}"),
    ],
)
def test_names_that_cannot_be(name, message):
    with pytest.raises(ValueError, match=message):
        require_name(name, num_stems=2)


def test_one_stem_needs_no_instrument():
    require_name("{track}", num_stems=1)


def test_songs_of_one_name_are_refused():
    paths = [Path("a/song.mp3"), Path("b/Song.wav")]
    places = {
        path: stem_places(path, ["vn"], "out", "{track}/{instrument}", ".wav") for path in paths
    }
    with pytest.raises(ValueError, match=r"two files are called 'Song', a/song.mp3 and b/Song.wav"):
        require_apart(places)
