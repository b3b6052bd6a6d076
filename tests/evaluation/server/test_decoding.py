"""Songs that another process decodes: as this one would, and whatever becomes of it."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data_prep.audio.decoding import DecodedFile, whole
from data_prep.audio.encoding import Cover, Tags, read_tags, writing
from data_prep.audio.tracks import AudioFormat
from evaluation.server.decoding import DecodedApart

RATE = 8000
# A PNG of one pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f64540000000004945"
    "4e44ae426082"
)


def write_song(path, frames=20000, channels=2, form="flac"):
    waveform = 0.1 * np.random.default_rng(3).standard_normal((frames, channels))
    tags = Tags({"title": "A B"}, Cover("png", 1, 1, PIXEL))
    with writing(path, form, AudioFormat(RATE, channels), tags) as writer:
        writer.write(waveform.astype(np.float32))
    return path


@pytest.mark.parametrize("form", ["wav", "flac", "mp3"])
def test_a_song_sounds_and_says_what_it_does_here(tmp_path, form):
    path = write_song(tmp_path / "a", form=form)
    song = DecodedApart(path, "a")
    expected = DecodedFile(path)
    assert song.audio_format == expected.audio_format
    assert song.num_announced == expected.num_announced
    np.testing.assert_array_equal(np.concatenate([*song.iter_blocks()]), whole(expected))
    assert song.tags == read_tags(path)
    assert song.tags.texts["title"] == "A B"
    assert (song.tags.cover is None) == (form == "wav")
    assert song.warnings() == []


def test_what_is_missing_is_told_by_the_title(tmp_path):
    path = write_song(tmp_path / "a", form="flac")
    path.write_bytes(path.read_bytes()[:-20000])
    song = DecodedApart(path, "my song.flac")
    assert len([*song.iter_blocks()])
    (warning,) = song.warnings()
    assert warning.startswith("my song.flac is cut short")


def playlist(tmp_path):
    soundfile.write(tmp_path / "secret.wav", np.zeros(RATE), RATE)
    return f"#EXTM3U\n#EXTINF:1,a\n{tmp_path}/secret.wav\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.m3u8", playlist),
        ("a.sdp", lambda _: "v=0\nc=IN IP4 127.0.0.1\nm=audio 4000 RTP/AVP 0\n"),
        ("a.txt", lambda folder: f"ffconcat version 1.0\nfile '{folder}/secret.wav'\n"),
        ("a.wav", lambda _: "no sound"),
        ("a.mp3", lambda _: "\x00" * 5000),
    ],
)
def test_what_is_no_sound_is_refused_and_leads_nowhere(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text(tmp_path))
    with pytest.raises(ValueError, match=r"^my song is no sound file that can be decoded"):
        DecodedApart(path, "my song")


def test_a_decoder_that_breaks_is_a_sentence(tmp_path):
    path = write_song(tmp_path / "a", frames=4_000_000, form="wav")
    song = DecodedApart(path, "my song")
    blocks = song.iter_blocks()
    next(blocks)
    song._process.kill()
    with pytest.raises(ValueError, match=r"^my song could not be decoded: the decoder ended"):
        list(blocks)


def test_the_decoder_is_limited(tmp_path):
    song = DecodedApart(write_song(tmp_path / "a", frames=2_000_000, form="wav"), "a")
    # Its first frames have come, and it waits until the next ones are read.
    limits = Path(f"/proc/{song._process.pid}/limits").read_text(encoding="ascii")
    assert re.search(r"Max address space +2147483648 +2147483648", limits)
    assert re.search(r"Max cpu time +1800 +1800", limits)
    assert re.search(r"Max file size +0 +0", limits)
    song.close()


def test_what_lies_in_the_current_folder_is_not_run(tmp_path, monkeypatch):
    (tmp_path / "av.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    song = DecodedApart(write_song(tmp_path / "a"), "a")
    assert sum(map(len, song.iter_blocks())) == 20000
