"""Sounds out of Debian's packages: only those that are named, and only of the known archive."""

import shutil
import subprocess

import pytest

from benchmarks.corpora import debian_sounds
from benchmarks.corpora.debian_sounds import Package, fetch, fetch_all
from benchmarks.corpora.songs import BANDS, PACKAGES, TRAINED, VALIDATED, fetch_songs

needs_debian = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="this is not Debian")
PACKAGE = Package("some-songs", "1", "", "MIT", "usr/songs", {"a/one.ogg": "A/1.ogg"})


@pytest.fixture
def archive(tmp_path):
    """An archive with two songs, of which one is wanted."""
    root = tmp_path / "root"
    for name in ("one", "two"):
        path = root / "usr" / "songs" / "a" / f"{name}.ogg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (root / "DEBIAN").mkdir()
    (root / "DEBIAN" / "control").write_text(
        "Package: some-songs\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b>\nDescription: a\n"
    )
    words = ["dpkg-deb", "--build", "--root-owner-group", str(root), str(tmp_path / "a.deb")]
    subprocess.run(words, check=True, capture_output=True)
    return tmp_path / "a.deb"


@needs_debian
def test_nothing_but_what_is_named_is_unpacked(archive, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(debian_sounds, "_download", lambda *_: archive)
    fetch([PACKAGE], tmp_path / "out")
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert [(path.name, path.read_text()) for path in files] == [("1.ogg", "one")]
    assert capsys.readouterr().out == "some-songs 1 (MIT): 1 files\n"
    monkeypatch.setattr(debian_sounds, "_download", lambda *_: 1 / 0)
    fetch([PACKAGE], tmp_path / "out")


@needs_debian
def test_what_the_archive_lacks_is_said(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(debian_sounds, "_download", lambda *_: archive)
    other = Package("some-songs", "1", "", "MIT", "usr/songs", {"b.ogg": "b.ogg"})
    with pytest.raises(ValueError, match=r"some-songs holds no \./usr/songs/b\.ogg\."):
        fetch([other], tmp_path / "out")


@pytest.mark.slow
@needs_debian
def test_a_version_that_is_not_to_be_had_is_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match="some-songs 1 cannot be fetched: apt said"):
        fetch([PACKAGE], tmp_path)
    assert not list(tmp_path.iterdir())


def test_every_song_trains_or_validates_in_every_split(tmp_path, monkeypatch):
    assert sorted([*TRAINED, *VALIDATED]) == sorted(
        song for band in BANDS.values() for song in band
    )
    assert {name for package in PACKAGES for name in package.files.values()} == {
        f"{song}/{part}.ogg" for song in [*TRAINED, *VALIDATED] for part in ("guitar", "rest")
    }
    monkeypatch.setattr("benchmarks.corpora.songs.fetch", lambda *_: None)
    fetch_songs(tmp_path)
    names = [path.name for path in sorted(tmp_path.iterdir())]
    assert names == ["songs.json", "without-muldjord.json", "without-sectoid.json"]


@needs_debian
def test_a_folder_that_is_kept_back_stays_packed(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(debian_sounds, "_download", lambda *_: archive)
    fetch_all(PACKAGE, ".ogg", tmp_path / "all")
    assert len(list((tmp_path / "all").rglob("*.ogg"))) == 2
    with pytest.raises(ValueError, match="some-songs holds no files"):
        fetch_all(PACKAGE, ".ogg", tmp_path / "none", without=("a",))
    assert not (tmp_path / "none").exists()
