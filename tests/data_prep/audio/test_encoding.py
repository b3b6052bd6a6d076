"""Sound files as they are written, read again by others and by our own decoder."""

import json
import re
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from data_prep.audio.decoding import decode
from data_prep.audio.encoding import FORMATS, read_tags, require_writable, writing
from data_prep.audio.tracks import AudioFormat

RATE = 44100
# The frame of the waveform at which one of what is read may lie.
SHIFTS = [2998, 2999, 3000, 3001, 3002]
TAGS = {
    "title": "Ein Lied",
    "artist": "Björk & Co",
    "album": "Größen",
    "date": "2001",
    "genre": "Jazz",
    "track": "3/9",
    "comment": "a = b; c",
}


def music(frames, channels=2):
    """Some tones and a little noise, which codecs with losses keep."""
    times = np.arange(frames)[:, None] / RATE
    tones = 0.2 * np.sin(2 * np.pi * times * np.array([[440.0, 660.0]])[:, :channels])
    noise = 0.02 * np.random.default_rng(0).standard_normal((frames, channels))
    return (tones + noise).astype(np.float32)


def write(path, form, waveform, *, tags=None, rate=RATE):
    given = {} if tags is None else {"tags": tags}
    with writing(path, form, AudioFormat(rate, waveform.shape[1]), **given) as writer:
        for start in range(0, len(waveform), 30000):
            writer.write(waveform[start : start + 30000])
    return path


@pytest.fixture(scope="module")
def tagged(tmp_path_factory):
    """An mp3 file with tags and a cover, written by FFmpeg's program."""
    folder = tmp_path_factory.mktemp("tagged")
    soundfile.write(folder / "sound.wav", music(RATE), RATE)
    picture = ["-f", "lavfi", "-i", "color=red:s=64x48:d=0.04"]
    maps = ["-map", "0", "-map", "1", "-frames:v", "1", "-c:v", "png"]
    tags = [f"-metadata={name}={text}".split("=", 1) for name, text in TAGS.items()]
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(folder / "sound.wav"), *picture]
    command += [*maps, "-disposition:v", "attached_pic", *(word for tag in tags for word in tag)]
    subprocess.run([*command, str(folder / "song.mp3")], check=True, timeout=60)
    return folder / "song.mp3"


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("form", FORMATS)
def test_what_is_written_is_read_at_its_time(tmp_path, form, channels):
    waveform = music(RATE + 777, channels)
    path = write(tmp_path / "sound", form, waveform)
    read, rate, warnings = decode(path)
    assert (rate, warnings) == (RATE, [])
    # The last frame of AAC is as long as the others.
    assert 0 <= len(read) - len(waveform) < (1024 if form == "m4a" else 1)
    if FORMATS[form].bits_per_sec:
        # A codec that adds noise is right where no shift by a frame would be better.
        inner = read[3000:40000]
        errors = [np.square(inner - waveform[at : at + len(inner)]).sum() for at in SHIFTS]
        assert np.argmin(errors) == SHIFTS.index(3000)
        assert errors[SHIFTS.index(3000)] < 0.02 * np.square(inner).sum()
        return
    bound = {"wav": 0, "wav24": 2**-24, "wav16": 2**-16, "flac": 2**-24}[form]
    assert np.abs(read - waveform).max() <= bound * 1.001


@pytest.mark.parametrize("form", ["wav", "wav24", "wav16", "flac"])
@pytest.mark.parametrize("channels", [3, 6, 8])
def test_many_channels_are_kept_apart(tmp_path, form, channels):
    rng = np.random.default_rng(channels)
    waveform = rng.uniform(-0.9, 0.9, (5000, channels)).astype(np.float32)
    path = write(tmp_path / "sound", form, waveform)
    expected, _ = soundfile.read(path, always_2d=True)
    np.testing.assert_allclose(expected, waveform, atol=2**-16)


def test_the_same_sound_gives_the_same_bytes_at_any_time(tmp_path, tagged):
    waveform = music(20000)
    tags = read_tags(tagged)
    files = {form: write(tmp_path / form, form, waveform, tags=tags) for form in FORMATS}
    first = {form: path.read_bytes() for form, path in files.items()}
    # Files that hold a time hold its seconds.
    time.sleep(1.1)
    for form, path in files.items():
        assert write(path, form, waveform, tags=tags).read_bytes() == first[form]
        assert b"Lavf6" not in first[form]
        assert b"Lavc6" not in first[form]


def test_values_beyond_full_scale_are_kept_or_clipped(tmp_path):
    waveform = np.array([[1.5], [-1.5], [0.5]], np.float32)
    for form, expected in (("wav", [1.5, -1.5, 0.5]), ("wav16", [32767 / 32768, -1.0, 0.5])):
        read = decode(write(tmp_path / form, form, waveform))[0][:, 0]
        np.testing.assert_array_equal(read, np.float32(expected))


def probed(path):
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", str(path)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


@pytest.mark.parametrize("form", ["flac", "mp3", "m4a"])
def test_tags_and_cover_are_kept(tmp_path, tagged, form):
    tags = read_tags(tagged)
    path = write(tmp_path / "stem", form, music(20000), tags=tags)
    found = {name.lower(): text for name, text in probed(path)["format"]["tags"].items()}
    assert {name: found.get(name) for name in TAGS} == TAGS
    assert read_tags(path).cover == tags.cover is not None
    pictures = [each for each in probed(path)["streams"] if each["codec_type"] == "video"]
    assert [each["disposition"]["attached_pic"] for each in pictures] == [1]


def test_a_cover_that_is_broken_is_left_out(tmp_path, tagged):
    path = tmp_path / "broken.mp3"
    path.write_bytes(tagged.read_bytes().replace(b"\x89PNG", b"\x00PNG"))
    tags = read_tags(path)
    assert tags.cover is None
    assert tags.texts == read_tags(tagged).texts
    assert read_tags(write(tmp_path / "stem", "m4a", music(2000), tags=tags)).cover is None


def test_what_has_no_tags_gives_none(tmp_path):
    (tmp_path / "text.mp3").write_text("no sound")
    assert read_tags(tmp_path / "text.mp3").texts == {}
    assert read_tags(tmp_path / "missing.mp3").cover is None


@pytest.mark.parametrize(
    ("form", "rate", "channels", "message"),
    [
        ("mp3", 44100, 6, "mp3 holds up to 2 channels"),
        ("mp3", 96000, 2, "mp3 holds sound at 8000, .* Hz, this is at 96000"),
        ("m4a", 12345, 2, "m4a holds sound at"),
        ("flac", 44100, 16, "flac holds up to 8 channels"),
        ("wav", 44100, 9, "sound of 9 channels cannot be written"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(form, rate, channels, message):
    with pytest.raises(ValueError, match=message):
        require_writable(form, AudioFormat(rate, channels))


@pytest.mark.parametrize("form", ["wav", "flac", "m4a"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, form):
    write_much = (
        "import numpy as np; from pathlib import Path; "
        "from data_prep.audio.encoding import writing; "
        "from data_prep.audio.tracks import AudioFormat; "
        "from data_prep.runtime import command; "
        "from data_prep.storage import open_folder; "
        "from data_prep.storage.folder import making\n"
        "noise = np.random.default_rng(0).uniform(-1, 1, (99999, 2)).astype(np.float32)\n"
        "def main(_):\n"
        f"  with making(open_folder({str(tmp_path)!r}), 'vn') as path, "
        f"writing(path, {form!r}, AudioFormat(8000, 2)) as writer:\n"
        "    for _ in range(9): writer.write(noise)\n"
        "command.run(main)"
    )
    # Files of 100 KiB at most: as a disk that has no more.
    limited = ["bash", "-c", 'ulimit -f 100; exec "$@"', "-", sys.executable, "-c", write_much]
    done = subprocess.run(limited, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert re.fullmatch(rf"error: {tmp_path}/\S+: File too large\n", done.stderr), done.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
