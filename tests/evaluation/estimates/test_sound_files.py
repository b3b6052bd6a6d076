"""Sound files of every kind, as they are scored: all digits, any frames, and what is damaged."""

import os
import subprocess
import tracemalloc
import unicodedata

import numpy as np
import pytest
import soundfile

from configs.schema import Evaluation
from data_prep.audio.decoding import decode
from data_prep.audio.waveforms import fit_frames
from evaluation.estimates.from_folders import find_tracks, iter_readable
from evaluation.estimates.sound_files import read_format, read_frames, require_whole
from evaluation.scores.table import read_csv
from evaluation.scoring.one_track import score_track_on_disk
from evaluation.scoring.workers import Workers
from evaluation.tasks.separation.folders import evaluate_folders

RATE = 16000
SECS = 1.5
CONFIG = Evaluation(filter_taps=4)


def sound(seed=0, channels=2):
    """A chord that swells, with a little noise: (T, C)."""
    secs = np.arange(int(SECS * RATE)) / RATE
    chord = sum(np.sin(2 * np.pi * (220 + 110 * k + seed) * secs) for k in range(3))
    noise = np.random.default_rng(seed).standard_normal((len(secs), channels))
    return 0.1 * (chord * secs / SECS)[:, None] + 0.01 * noise


def encode(path, waveform, *options):
    """Writes a waveform in the kind that the name of the file says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = path.with_name("plain.wav.tmp")
    soundfile.write(plain, waveform, RATE, subtype="PCM_24", format="WAV")
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(plain), *options, str(path)]
    subprocess.run(command, check=True)
    plain.unlink()
    return path


@pytest.mark.parametrize(
    ("name", "form", "subtype"),
    [
        ("a.wav", "WAV", "DOUBLE"),
        ("a.AIFF", "AIFF", "PCM_32"),
        ("a.w64", "W64", "PCM_24"),
        ("a.caf", "CAF", "FLOAT"),
        ("a.flac", "FLAC", "PCM_24"),
        ("\udce9.au", "AU", "PCM_16"),
    ],
)
def test_a_file_without_loss_gives_all_its_digits(tmp_path, name, form, subtype):
    plain = tmp_path / "plain"
    soundfile.write(plain, sound(), RATE, format=form, subtype=subtype)
    expected = soundfile.read(plain, dtype="float64", always_2d=True)[0]
    path = plain.rename(tmp_path / name)
    require_whole(path)
    num_frames = read_format(path).num_frames
    # A W64 file ends on a multiple of 8 bytes.
    assert 0 <= num_frames - SECS * RATE < 8
    assert np.array_equal(read_frames(path, 0, num_frames), expected)
    assert np.array_equal(read_frames(path, 20_001, 20_007), expected[20_001:20_007])


@pytest.mark.parametrize("name", ["a.mp3", "a.M4A", "a.ogg", "a.mka"])
def test_any_frames_of_a_file_that_has_to_be_decoded(tmp_path, name):
    path = encode(tmp_path / name, sound())
    expected = decode(path)[0]
    assert read_format(path) == (RATE, 2, len(expected))
    for start, stop in (
        (0, len(expected)),
        (0, 1),
        (20_000, 20_100),
        (len(expected), len(expected)),
    ):
        assert np.array_equal(read_frames(path, start, stop), expected[start:stop])
    with pytest.raises(ValueError, match=rf"{name} ends after {len(expected)} frames"):
        read_frames(path, 10, len(expected) + 1)


def test_a_long_file_is_never_whole_in_memory(tmp_path):
    path = tmp_path / "a.ogg"
    num_frames = 40 * RATE
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(num_frames), RATE)
    tracemalloc.start()
    try:
        assert read_format(path).num_frames == num_frames
        read_frames(path, num_frames - 10, num_frames)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < num_frames * np.dtype(np.float32).itemsize / 2


def test_a_wav_whose_size_was_never_filled_in_is_read(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, sound(), RATE, subtype="PCM_16")
    expected = soundfile.read(path)[0]
    data = bytearray(path.read_bytes())
    data[4:8] = bytes(4)
    data[40:44] = bytes(4)
    path.write_bytes(data)
    assert read_format(path) == (RATE, 2, SECS * RATE)
    assert np.array_equal(read_frames(path, 5, 5000), expected[5:5000])


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def punch(path):
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + len(data) // 8] = bytes(len(data) // 8)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "damage", "words"),
    [
        ("a.wav", cut, "is cut short"),
        ("a.mp3", cut, "is cut short"),
        ("a.flac", cut, "is cut short"),
        ("a.flac", punch, "cannot be decoded and are silent"),
        ("a.m4a", punch, "cannot be decoded and are silent"),
    ],
)
def test_a_damaged_file_is_refused_in_the_words_of_the_decoder(tmp_path, name, damage, words):
    path = encode(tmp_path / name, sound())
    damage(path)
    with pytest.raises(ValueError, match=rf"{name}.* {words}.*\. Mend the file, or take its"):
        read_format(path)
        require_whole(path)


@pytest.mark.parametrize(("reference", "estimate"), [("wav", "mp3"), ("m4a", "OGG"), ("caf", "wv")])
def test_tracks_of_any_kinds_are_scored_as_what_they_sound(tmp_path, reference, estimate):
    encode(tmp_path / f"references/One/bass.{reference}", sound())
    encode(tmp_path / f"estimates/One/bass.{estimate}", 0.9 * sound())
    num_frames = len(decode(tmp_path / f"references/One/bass.{reference}")[0])
    plain = tmp_path / "plain"
    for path in sorted(tmp_path.glob("*/One/*")):
        wav = plain / path.relative_to(tmp_path).with_suffix(".wav")
        wav.parent.mkdir(parents=True, exist_ok=True)
        waveform = fit_frames(decode(path)[0], num_frames)
        soundfile.write(wav, waveform, RATE, subtype="FLOAT")
    found, expected = (score(root) for root in (tmp_path, plain))
    assert found == expected
    assert {row.status for row in found if row.system == "model"} == {"solo"}


def score(root):
    found = find_tracks(root / "estimates", root / "references")
    scratch = root / "scratch"
    scratch.mkdir()
    (track,) = iter_readable(found.tracks, scratch)
    return score_track_on_disk(track, CONFIG, False, Workers(1))


def test_all_files_are_tried_before_the_first_track_is_scored(tmp_path):
    for track in ("A", "B"):
        for folder in ("references", "estimates"):
            path = tmp_path / folder / track / "bass.flac"
            path.parent.mkdir(parents=True)
            soundfile.write(path, sound(), RATE)
    cut(tmp_path / "estimates/B/bass.flac")
    found = find_tracks(tmp_path / "estimates", tmp_path / "references")
    with pytest.raises(ValueError, match=r"B/bass\.flac is cut short"):
        next(iter_readable(found.tracks, tmp_path))


@pytest.mark.parametrize("name", [b"Caf\xe9", b"\xc3", b"a\xff\xfe b"])
def test_names_in_bytes_that_are_no_text_are_scored_escaped(tmp_path, name):
    waveform = sound(channels=1)
    for folder in ("references", "estimates"):
        path = tmp_path / folder / os.fsdecode(name) / f"{os.fsdecode(name)}.wav"
        path.parent.mkdir(parents=True)
        with path.open("wb") as file:
            soundfile.write(file, waveform, RATE, format="WAV")
    folders = [str(tmp_path / folder) for folder in ("estimates", "references", "out")]
    evaluate_folders(*folders, ["evaluation.filter_taps=4"], baselines="none")
    escaped = os.fsdecode(name).encode("utf-8", "backslashreplace").decode()
    rows = read_csv(tmp_path / "out/scores.csv")
    assert {(row.track, row.source) for row in rows} == {(escaped, escaped)}


def test_names_of_a_mac_are_those_that_are_typed(tmp_path):
    for form, folder in (("NFC", "references"), ("NFD", "estimates")):
        for track, source in (("Café", "bass"), ("Übung", "Flöte"), ("å/ñ", "ç")):
            path = tmp_path / folder / track / f"{source}.wav"
            path = tmp_path / unicodedata.normalize(form, str(path.relative_to(tmp_path)))
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, sound(), RATE)
    found = find_tracks(tmp_path / "estimates", tmp_path / "references")
    assert [(track.name, *track.vocabulary) for track in found.tracks] == [
        ("Café", "bass"),
        ("Übung", "Flöte"),
        ("å/ñ", "ç"),
    ]
