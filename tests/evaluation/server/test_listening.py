"""Songs that are listened to before they are separated: what is heard, and what becomes of it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from evaluation.recognition.recognised import RecognisedSeparator
from evaluation.recognition.recogniser import Heard, Recogniser
from evaluation.server.hearing import taggram
from evaluation.songs.batch import Destination, separate_songs
from evaluation.songs.choice import parse_stems
from evaluation.songs.stems import Wanted
from tests.evaluation.server.page_server import page_server
from tests.trainer.exports.untrained_run import make_run
from trainer.tasks.tagging.tagger import name_tagger

pytestmark = pytest.mark.slow

RATE = 8000
NOBODY = dict.fromkeys(("cl", "fl", "vc", "vn"), 1.1)
# Which a network that has learnt nothing reaches throughout, and never.
FLUTE = {**NOBODY, "fl": 0.0}


@pytest.fixture(scope="module")
def recogniser(separator, tmp_path_factory):
    """A tagger that hears a flute, as its validation chose thresholds so."""
    workdir = tmp_path_factory.mktemp("tagger")
    make_run(workdir, [], "smoke_tagger")
    chosen = {f"threshold/{name}": value for name, value in FLUTE.items()}
    line = json.dumps({"step": 5, "kind": "valid", **chosen})
    (workdir / "metrics.jsonl").write_text(f"{line}\n", encoding="utf-8")
    return Recogniser(name_tagger(str(workdir)).load(), separator.sources)


@pytest.fixture(scope="module")
def server(separator, recogniser, tmp_path_factory):
    """Serves a page that listens."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(tmp_path_factory.mktemp("place")))
        with page_server(separator, recogniser) as served:
            yield served


def write_song(path, num_frames=9000):
    waveform = 0.1 * np.random.default_rng(num_frames).standard_normal((num_frames, 2))
    subtype = "FLOAT" if path.suffix == ".wav" else None
    soundfile.write(path, waveform.astype(np.float32), RATE, subtype=subtype)
    return path


def ask_again(server, song, labels):
    return server.json(f"/api/songs/{song['key']}/again?labels={labels}", "POST")


def stem_bytes(server, song):
    return {stem: server.download(song, stem, "wav")[0] for stem in song["stems"]}


def test_the_page_says_that_it_listens(server):
    assert server.json("/api/model")["listens"] is True


def test_a_song_is_heard_whole_and_then_separated_as_the_command_would(
    server, separator, recogniser, tmp_path, monkeypatch
):
    path = write_song(tmp_path / "my song.wav")
    sent = server.send(path, labels="auto")
    assert (sent["heard"], sent["labels"]) == (None, None)
    song = server.songs.find(sent["key"])
    go_on = song.go_on
    told = []

    def tell_and_go_on(secs):
        go_on(secs)
        told.append((song.state, song.describe()["done_secs"], song.describe()["all_secs"]))

    monkeypatch.setattr(song, "go_on", tell_and_go_on)
    done = server.separate(sent)
    assert (done["state"], done["heard"], done["labels"]) == ("ready", ["fl"], ["fl"])
    assert done["stems"] == ["fl"]
    states = [state for state, _, _ in told]
    assert states == sorted(states)
    last = {state: secs for state, *secs in told}
    # All of it, twice.
    assert last == {"listening": [1.125, 1.125], "separating": [1.125, 1.125]}
    # What was sent is no more needed.
    assert sorted(file.name for file in song.folder.iterdir()) == ["0.wav", "1.wav"]
    waveform, _ = soundfile.read(path, dtype="float32", always_2d=True)
    recorded, _ = soundfile.read(song.folder / "0.wav", dtype="float32", always_2d=True)
    np.testing.assert_array_equal(recorded, waveform)

    stems = parse_stems(None, None, separator.sources)
    wanted = Wanted(None, stems, only_heard=True)
    by_command = RecognisedSeparator(separator, recogniser)
    separate_songs(by_command, [path], wanted, Destination(str(tmp_path / "out")))
    expected = (tmp_path / "out" / "my song" / "fl.wav").read_bytes()
    assert stem_bytes(server, done) == {"fl": expected}


def test_named_stems_are_made_whatever_is_heard(server, tmp_path):
    path = write_song(tmp_path / "a.wav")
    every = server.separate(server.send(path, labels="auto", write="all,residual"))
    assert (every["labels"], every["stems"]) == (["fl"], ["fl", "vn", "residual"])
    heard = server.separate(server.send(path, labels="auto", write="auto,residual"))
    assert heard["stems"] == ["fl", "residual"]
    assert stem_bytes(server, heard)["fl"] == stem_bytes(server, every)["fl"]


def test_the_taggram_is_what_the_tagger_says(server, recogniser, tmp_path):
    path = write_song(tmp_path / "a.wav")
    song = server.separate(server.send(path, labels="auto"))
    rows = server.json(f"/api/songs/{song['key']}/taggram")["rows"]
    waveform, _ = soundfile.read(path, dtype="float32", always_2d=True)
    activity = recogniser.listen([waveform], RATE).activity
    # Fewer columns than a picture may have.
    assert activity.shape == (4, 71)
    assert rows[0]["name"] == "flute"
    assert {row["name"] for row in rows[1:]} == {"clarinet", "cello", "violin"}
    assert [row["is_heard"] for row in rows] == [True, False, False, False]
    assert [row["share"] for row in rows] == [1, 0, 0, 0]
    of_name = dict(zip(["clarinet", "flute", "cello", "violin"], activity, strict=True))
    for row in rows:
        np.testing.assert_array_equal(row["percent"], np.rint(100 * of_name[row["name"]]))
    peaks = [of_name[row["name"]].max() for row in rows[1:]]
    assert peaks == sorted(peaks, reverse=True)


def test_a_long_taggram_keeps_the_largest_of_every_stretch():
    names = ("bn", "cl", "fl", "ob", "tba", "va", "vc")
    activity = np.random.default_rng(4).uniform(0, 0.5, (7, 2500)).astype(np.float32)
    shares = (0.0, 0.9, 0.2, 0.05, 0.3, 0.0, 0.0)
    activity[6, 1234] = 0.75
    rows = taggram(Heard(("cl", "fl"), activity, names, 0.02, shares))
    # Those that were heard in their order, and the next three.
    assert [row.name for row in rows] == ["clarinet", "flute", "tuba", "oboe", "cello"]
    assert [row.is_heard for row in rows] == [True, True, False, False, False]
    assert [row.share for row in rows] == [0.9, 0.2, 0.3, 0.05, 0.0]
    for row, i in zip(rows, (1, 2, 4, 3, 6), strict=True):
        assert len(row.percent) == 1000
        largest = [max(activity[i, 5 * n // 2 : 5 * (n + 1) // 2]) for n in range(1000)]
        assert row.percent == [round(100 * float(value)) for value in largest]
    assert rows[4].percent[1234 * 2 // 5] == 75
    one = taggram(Heard((), activity[:, :1], names, 0.02, (0.0,) * 7))
    assert [len(row.percent) for row in one] == [1, 1, 1]


def test_where_nothing_is_heard_the_song_is_there_without_stems(
    server, recogniser, tmp_path, monkeypatch
):
    path = write_song(tmp_path / "a.wav")
    monkeypatch.setattr(recogniser._tagger, "thresholds", NOBODY)
    sent = server.send(path, labels="auto", write="auto,residual")
    song = server.separate(sent)
    assert (song["state"], song["heard"], song["stems"]) == ("ready", [], [])
    assert song["sentence"].startswith("No instrument was heard in it")
    picture = server.json(f"/api/songs/{song['key']}/picture")
    assert [*picture["outlines"]] == ["*"]
    assert len(server.json(f"/api/songs/{song['key']}/taggram")["rows"]) == 3
    status, _, content = server.ask(f"/api/songs/{song['key']}/sound?first=0&frames=9000")
    waveform, _ = soundfile.read(path, dtype="float32", always_2d=True)
    assert status == 200
    np.testing.assert_array_equal(np.frombuffer(content, np.float32).reshape(2, 9000), waveform.T)
    refused = server.ask(f"/api/songs/{song['key']}/downloads?stem=all&format=wav", "POST")
    assert (refused[0], b"no stems" in refused[2]) == (400, True)
    # What a person ticks is separated all the same.
    again = server.separate(ask_again(server, song, "vn"))
    assert (again["state"], again["sentence"]) == ("ready", "")
    assert (again["heard"], again["labels"], again["stems"]) == ([], ["vn"], ["vn", "residual"])


@pytest.mark.parametrize("has_links", [True, False])
def test_a_song_is_separated_again_as_if_it_had_been_sent_with_other_labels(
    server, tmp_path, monkeypatch, has_links
):
    if not has_links:

        def refuse(*_):
            raise OSError("no links on this disk")

        monkeypatch.setattr(Path, "hardlink_to", refuse)
    path = write_song(tmp_path / "a.flac")
    # Cut short, which is said whenever it is separated.
    path.write_bytes(path.read_bytes()[:-4000])
    song = server.separate(server.send(path, labels="auto"))
    before = stem_bytes(server, song)
    again = server.separate(ask_again(server, song, "fl,vn"))
    assert (again["title"], again["state"]) == ("a.flac", "ready")
    assert (again["heard"], again["labels"]) == (["fl"], ["fl", "vn"])
    named = server.separate(server.send(path, labels="fl,vn"))
    assert stem_bytes(server, again) == stem_bytes(server, named)
    assert song["warnings"] == again["warnings"] == named["warnings"] != []
    assert set(again["stems"]) == {"fl", "vn"}
    # Of the first one all is as it was; without it the other is whole.
    assert stem_bytes(server, server.describe(song)) == before
    taggrams = [server.json(f"/api/songs/{each['key']}/taggram") for each in (song, again)]
    assert taggrams[0] == taggrams[1]
    assert server.ask(f"/api/songs/{song['key']}", "DELETE")[0] == 204
    assert server.ask(f"/api/songs/{again['key']}/sound?first=0&frames=9000")[0] == 200
    assert ask_again(server, again, "vn")["state"] == "waiting"


def test_what_cannot_be_separated_again_is_refused(server, tmp_path, monkeypatch):
    song = server.separate(server.send(write_song(tmp_path / "a.wav"), labels="auto"))
    for labels, sentence in (
        ("?labels=", "“What plays?”: nothing is named"),
        ("", "“What plays?”: nothing is named"),
        ("?labels=ob", "“What plays?”: no source is called ob"),
        ("?labels=auto", "“What plays?”: no source is called auto"),
    ):
        status, _, content = server.ask(f"/api/songs/{song['key']}/again{labels}", "POST")
        assert (status, content.decode().startswith(sentence)) == (400, True)
    assert len(server.json("/api/songs")) == 1
    make = server.songs.make

    def remove_and_make(*given):
        server.songs.remove(server.songs.find(song["key"]))
        return make(*given)

    monkeypatch.setattr(server.songs, "make", remove_and_make)
    status, _, content = server.ask(f"/api/songs/{song['key']}/again?labels=vn", "POST")
    assert (status, content) == (404, b"the song was removed.")
    assert [*server.folder.iterdir()] == []


def test_a_song_to_which_nobody_listened_is_not_separated_again(server, tmp_path):
    song = server.send(write_song(tmp_path / "a.wav"), labels="fl")
    path = f"/api/songs/{song['key']}/again?labels=vn"
    assert server.ask(path, "POST")[0] == 409
    # Nobody says that anybody had heard something.
    assert "heard" not in server.separate(song)
    assert server.ask(path, "POST")[0] == 409
    assert server.ask(f"/api/songs/{song['key']}/taggram")[0] == 404
    assert len(server.json("/api/songs")) == 1


def test_what_is_no_song_or_is_not_wanted_any_more_is_not_listened_to(
    server, tmp_path, monkeypatch
):
    bad = tmp_path / "bad.wav"
    bad.write_text("no sound")
    failed = server.separate(server.send(bad, labels="auto"))
    assert failed["state"] == "failed"
    assert failed["sentence"].startswith("bad.wav is no sound file that can be decoded")
    sent = server.send(write_song(tmp_path / "a.wav"), labels="auto")
    song = server.songs.find(sent["key"])
    go_on = song.go_on

    def remove_and_go_on(secs):
        assert song.state == "listening"
        assert server.ask(f"/api/songs/{song.key}", "DELETE")[0] == 204
        go_on(secs)

    monkeypatch.setattr(song, "go_on", remove_and_go_on)
    assert server.separate(sent) is None
    assert [*server.folder.iterdir()] == []


def test_a_disk_that_fills_while_somebody_listens_is_given_back(server, tmp_path, monkeypatch):
    sent = server.send(write_song(tmp_path / "a.wav"), labels="auto")
    # There is room when it begins.
    rooms = iter([2**40, 2**20])
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=next(rooms)))
    found = server.separate(sent)
    assert found["state"] == "failed"
    assert "the disk has 0 MB left" in found["sentence"]
    assert [*server.folder.iterdir()] == []


@pytest.mark.parametrize("num_frames", [0, 1])
def test_a_song_of_hardly_anything_ends_as_one_whose_labels_are_named(server, tmp_path, num_frames):
    path = write_song(tmp_path / "a.wav", num_frames)
    heard = server.separate(server.send(path, labels="auto"))
    named = server.separate(server.send(path, labels="fl"))
    assert (heard["state"], heard["sentence"]) == (named["state"], named["sentence"])
    if heard["state"] == "ready":
        assert stem_bytes(server, heard) == stem_bytes(server, named)
