"""Songs from their sending to their files: as the command would write them."""

import io
import json
import re
import shutil
import time
import zipfile
from importlib.resources import files

import numpy as np
import pytest
import soundfile

from evaluation.server.hearing import MOST_FRAMES
from evaluation.songs.batch import Destination, separate_songs
from evaluation.songs.choice import parse_stems
from evaluation.songs.stems import Wanted

RATE = 8000


def write_song(path, frames=9000, scale=0.1):
    waveform = scale * np.random.default_rng(frames).standard_normal((frames, 2))
    subtype = "FLOAT" if path.suffix == ".wav" else None
    soundfile.write(path, waveform.astype(np.float32), RATE, subtype=subtype)
    return path


def by_command(separator, path, out, form):
    """Returns the bytes of the stems that the command writes, by their names."""
    stems = parse_stems("vn,residual", ["vn"], separator.config.data.sources)
    wanted = Wanted(["vn"], stems, form)
    separate_songs(separator, [path], wanted, Destination(str(out)))
    return {file.stem: file.read_bytes() for file in out.glob(f"{path.stem}/*.*") if is_sound(file)}


def is_sound(path):
    return path.suffix != ".json"


@pytest.mark.parametrize("form", ["wav", "wav16", "mp3"])
def test_files_to_take_away_are_those_of_the_command(server, separator, tmp_path, form):
    # So loud that some formats must turn its stems down.
    path = write_song(tmp_path / "my song.wav", scale=0.9)
    song = server.send(path, labels="vn", write="vn,residual")
    assert server.separate(song)["state"] == "ready"
    expected = by_command(separator, path, tmp_path / form, form)
    assert set(expected) == {"vn", "residual"}
    for stem, content in expected.items():
        found, disposition = server.download(song, stem, form)
        assert found == content
        assert f"my%20song%20-%20{stem}" in disposition
    packed, _ = server.download(song, "all", form)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        suffix = form.rstrip("1246") if form.startswith("wav") else form
        assert {f"my song/{stem}.{suffix}" for stem in expected} == set(archive.namelist())
        for stem, content in expected.items():
            assert archive.read(f"my song/{stem}.{suffix}") == content


def test_where_nobody_listens_nothing_is_said_of_it(server, tmp_path):
    assert "listens" not in server.json("/api/model")
    song = server.send(write_song(tmp_path / "a.wav"), labels="vn")
    assert not {"heard", "labels"} & set(song)


def test_a_link_is_good_once(server, tmp_path):
    song = server.send(write_song(tmp_path / "a.wav"), labels="vn")
    server.separate(song)
    made = server.json(f"/api/songs/{song['key']}/downloads?stem=vn&format=wav", "POST")
    # Looking does not spend it.
    assert server.ask(made["address"], "HEAD", token=None)[0] == 405
    assert server.ask(made["address"], token=None)[0] == 200
    assert server.ask(made["address"], token=None)[0] == 404


def test_what_is_heard_is_the_song_and_its_stems(server, tmp_path):
    path = write_song(tmp_path / "a.wav")
    song = server.send(path, labels="vn", write="all,residual")
    server.separate(song)
    picture = server.json(f"/api/songs/{song['key']}/picture")
    assert [*picture["outlines"]] == ["*", "fl", "vn", "residual"]
    assert (picture["sample_rate"], picture["channels"], picture["num_frames"]) == (RATE, 2, 9000)
    assert picture["rest_db"] < -100
    waveform, _ = soundfile.read(path, dtype="float32", always_2d=True)
    low, high = picture["outlines"]["*"][500]
    column = waveform[500 * 9 : 501 * 9]
    assert (low, high) == (round(100 * column.min()), round(100 * column.max()))
    status, _, content = server.ask(f"/api/songs/{song['key']}/sound?first=1000&frames=500")
    assert status == 200
    # (N, C, T)
    sounds = np.frombuffer(content, np.float32).reshape(4, 2, 500)
    np.testing.assert_array_equal(sounds[0], waveform[1000:1500].T)
    np.testing.assert_allclose(sounds[1:].sum(axis=0), sounds[0], atol=1e-6)
    too_many = f"first=0&frames={MOST_FRAMES + 1}"
    for query in ("first=-1&frames=1", "first=0&frames=0", too_many, "first=a&frames=1", ""):
        assert server.ask(f"/api/songs/{song['key']}/sound?{query}")[0] == 400


def test_what_cannot_be_is_one_sentence_and_the_next_song_is_separated(server, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_text("no sound")
    first = server.send(bad, labels="vn")
    second = server.send(write_song(tmp_path / "a.wav"), labels="vn")
    assert server.separate(second)["state"] == "ready"
    found = server.describe(first)
    assert found["state"] == "failed"
    assert found["sentence"].startswith("bad.wav is no sound file that can be decoded")
    # It keeps no place on the disk.
    assert [path.name for path in server.folder.iterdir()] == [second["key"]]
    assert str(server.folder) not in json.dumps(server.songs.describe())
    assert server.ask(f"/api/songs/{first['key']}/picture")[0] == 409


@pytest.mark.parametrize(
    ("chosen", "name", "sentence"),
    [
        ("labels=none", "What plays?", "no source is called none"),
        ("labels=", "What plays?", "nothing is named"),
        ("labels=auto", "What plays?", "auto needs a run that hears which instruments play"),
        ("title=a", "What plays?", "this network is told the instruments and never learns"),
        ("labels=vn&write=residual", "Which stems?", "no stem is left"),
        ("labels=vn&write=vn,all-but:fl", "Which stems?", "stems are named that are wanted and"),
    ],
)
def test_choices_that_cannot_be_are_refused_before_the_song(server, chosen, name, sentence):
    status, _, content = server.ask(f"/api/songs?{chosen}", "POST", b"song")
    assert status == 400
    said = content.decode()
    assert said.startswith(f"“{name}”: {sentence}")
    # No flag of the command.
    assert "--" not in said
    page = files("evaluation.server").joinpath("page", "page.html").read_text(encoding="utf-8")
    assert name in re.findall("<legend>(.*?)</legend>", page)
    assert server.songs.describe() == []


def test_too_many_channels_are_told_without_a_flag(server, tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros((900, 9)), RATE)
    found = server.separate(server.send(path, labels="vn"))
    assert found["state"] == "failed"
    assert found["sentence"].endswith("9 channels cannot be written; mix it down to two first.")


def test_a_song_that_is_removed_leaves_nothing(server, tmp_path):
    done = server.send(write_song(tmp_path / "a.wav"), labels="vn")
    server.separate(done)
    waits = server.send(write_song(tmp_path / "b.wav"), labels="vn")
    for song in (done, waits):
        assert server.ask(f"/api/songs/{song['key']}", "DELETE")[0] == 204
        assert server.ask(f"/api/songs/{song['key']}", "DELETE")[0] == 404
    server.separate(waits)
    assert [*server.folder.iterdir()] == []


def test_a_song_that_is_removed_while_it_is_separated_ends_there(server, tmp_path, monkeypatch):
    sent = server.send(write_song(tmp_path / "a.wav", frames=60000), labels="vn")
    song = server.songs.find(sent["key"])
    go_on = song.go_on

    def remove_and_go_on(secs):
        assert server.ask(f"/api/songs/{song.key}", "DELETE")[0] == 204
        go_on(secs)

    monkeypatch.setattr(song, "go_on", remove_and_go_on)
    assert server.separate(sent) is None
    assert song.state == "separating"
    assert [*server.folder.iterdir()] == []


def test_a_song_is_deleted_an_hour_after_it_was_heard(server, tmp_path, monkeypatch):
    song = server.send(write_song(tmp_path / "a.wav"), labels="vn")
    server.separate(song)
    now = time.monotonic()
    monkeypatch.setattr("evaluation.server.song.monotonic", lambda: now + 3500)
    server.songs.sweep()
    assert server.ask(f"/api/songs/{song['key']}/sound?first=0&frames=1")[0] == 200
    monkeypatch.setattr("evaluation.server.song.monotonic", lambda: now + 7000)
    server.songs.sweep()
    assert server.describe(song) is not None
    monkeypatch.setattr("evaluation.server.song.monotonic", lambda: now + 7200)
    server.songs.sweep()
    assert server.describe(song) is None
    assert [*server.folder.iterdir()] == []


def test_a_disk_that_fills_while_a_song_is_separated_ends_it_and_is_given_back(
    server, tmp_path, monkeypatch
):
    sent = server.send(write_song(tmp_path / "a.wav"), labels="vn")
    # There is room when it begins.
    rooms = iter([2**40, 2**20])
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=next(rooms)))
    found = server.separate(sent)
    assert found["state"] == "failed"
    assert "the disk has 0 MB left" in found["sentence"]
    assert [*server.folder.iterdir()] == []


def test_a_length_that_a_file_cannot_have_is_not_believed(server, tmp_path):
    path = tmp_path / "a.flac"
    write_song(path)
    data = bytearray(path.read_bytes())
    # STREAMINFO states the number of frames in the last 36 bits before a checksum.
    data[21:26] = bytes([data[21] | 0x0F]) + b"\xff\xff\xff\xff"
    path.write_bytes(data)
    song = server.send(path, labels="vn")
    assert server.separate(song)["state"] == "ready"
