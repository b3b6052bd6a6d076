"""Files of every kind against libsndfile, and damaged ones against the same file undamaged."""

import subprocess
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data_prep.audio.decoding import DecodedFile, decode, is_sound_name, whole

RATE = 48000
CODECS = {
    "flac": [],
    "ogg": ["-c:a", "libvorbis"],
    "opus": ["-c:a", "libopus"],
    "mka": ["-c:a", "libvorbis"],
    "mp3": ["-b:a", "128k"],
    "m4a": ["-c:a", "aac"],
}


def noise(secs, channels=2, rate=RATE):
    shape = (round(secs * rate), channels)
    return (0.2 * np.random.default_rng(0).standard_normal(shape)).astype(np.float32)


def encode(folder, name, waveform, options, rate=RATE):
    """Writes a sound with FFmpeg's program."""
    soundfile.write(folder / "source.wav", waveform, rate)
    path = folder / name
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(folder / "source.wav"), *options, str(path)]
    subprocess.run(command, check=True)
    return path


@pytest.mark.parametrize("channels", [1, 2, 8, 10])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_wav_is_what_libsndfile_reads(tmp_path, subtype, channels):
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(0.5, channels), RATE, subtype=subtype)
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)
    waveform, rate, warnings = decode(path)
    assert (rate, warnings) == (RATE, [])
    np.testing.assert_array_equal(waveform, expected)


@pytest.mark.parametrize("channels", [1, 2, 8])
def test_flac_is_what_libsndfile_reads(tmp_path, channels):
    path = tmp_path / "a.flac"
    soundfile.write(path, noise(0.5, channels), RATE, subtype="PCM_24")
    np.testing.assert_array_equal(
        decode(path)[0], soundfile.read(path, dtype="float32", always_2d=True)[0]
    )


@pytest.mark.parametrize("codec", ["m4a", "opus", "ogg"])
def test_eight_channels_of_codecs_that_keep_them_apart(tmp_path, codec):
    options = [*CODECS[codec], "-b:a", "1M"]
    if codec == "opus":
        options += ["-mapping_family", "1"]
    tones = np.sin(np.outer(np.arange(RATE), 2 * np.pi * np.arange(200, 1000, 100) / RATE))
    waveform, _, warnings = decode(encode(tmp_path, f"a.{codec}", 0.3 * tones, options))
    assert (waveform.shape[1], warnings) == (8, [])
    spectra = np.abs(np.fft.rfft(waveform, RATE, axis=0))
    # The fourth channel of 7.1 is for what is below 120 Hz: codecs filter it.
    found = {int(loudest) for loudest in spectra.argmax(axis=0)}
    assert len(found & {200, 300, 400, 600, 700, 800, 900}) == 7


@pytest.mark.parametrize("fill", ["zeros", "noise"])
@pytest.mark.parametrize("codec", CODECS)
def test_what_follows_a_hole_stays_at_its_time(tmp_path, codec, fill):
    path = encode(tmp_path, f"a.{codec}", noise(8), CODECS[codec])
    whole, rate, warnings = decode(path)
    assert warnings == []
    content = bytearray(path.read_bytes())
    start = len(content) // 2
    size = len(content) // 10
    content[start : start + size] = {
        "zeros": bytes(size),
        "noise": np.random.default_rng(1).bytes(size),
    }[fill]
    path.write_bytes(content)
    waveform, _, (warning,) = decode(path)
    assert f"{path}: " in warning
    assert " s on cannot be decoded and are silent." in warning
    assert abs(len(waveform) - len(whole)) < 0.03 * rate
    # Behind what a codec needs to be itself again.
    behind = slice(int(6.5 * rate), int(7.5 * rate))
    np.testing.assert_allclose(waveform[behind], whole[behind], atol=1e-3)


@pytest.mark.parametrize("codec", ["wav", "flac", "ogg", "opus", "mp3"])
def test_a_file_that_is_cut_says_so(tmp_path, codec):
    path = encode(tmp_path, f"a.{codec}", noise(4), CODECS.get(codec, []))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    waveform, rate, warnings = decode(path)
    # Ogg comes in pages of a second.
    assert 0.9 * rate < len(waveform) < 2.5 * rate
    ended = f"{path} is cut short: it ends at {len(waveform) / rate:.2f} s, before it says it does."
    assert ended in warnings


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_wav_whose_writer_never_filled_in_the_sizes_is_whole(tmp_path, size):
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(1), RATE)
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = size.to_bytes(4, "little")
    path.write_bytes(content)
    waveform, _, warnings = decode(path)
    assert (len(waveform), warnings) == (RATE, [])


def mp3(folder, rate, channels):
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(3 * rate) / rate)
    options = ["-b:a", "128k", "-write_xing", "0", "-id3v2_version", "0"]
    path = encode(folder, "part.mp3", np.repeat(tone[:, None], channels, 1), options, rate)
    return path.read_bytes()


@pytest.mark.parametrize(
    "forms",
    [[(44100, 1), (48000, 1)], [(44100, 1), (44100, 2)], [(44100, 2), (22050, 1), (48000, 2)]],
)
def test_a_stream_that_changes_its_form_plays_on_at_its_speed(tmp_path, forms):
    path = tmp_path / "radio.mp3"
    path.write_bytes(b"".join(mp3(tmp_path, *form) for form in forms))
    waveform, rate, warnings = decode(path)
    assert (rate, waveform.shape[1], warnings) == (*forms[0], [])
    assert abs(len(waveform) / rate - 3 * len(forms)) < 0.2
    last_second = waveform[-int(1.5 * rate) : -int(0.5 * rate), 0]
    assert np.abs(np.fft.rfft(last_second)).argmax() == 440


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsound.wav\n#EXT-X-ENDLIST\n"),
        ("list.ffconcat", "ffconcat version 1.0\nfile sound.wav\n"),
        ("list.wav", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsound.wav\n#EXT-X-ENDLIST\n"),
    ],
)
def test_a_playlist_leads_nowhere(tmp_path, name, content):
    soundfile.write(tmp_path / "sound.wav", noise(1), RATE)
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=r"is no sound file that can be decoded \("):
        decode(tmp_path / name)


@pytest.mark.parametrize("name", ["10:30.wav", "http:a.wav", "concat:b.wav", "%03d.wav", "-i.wav"])
def test_a_name_is_a_name(tmp_path, name):
    soundfile.write(tmp_path / name, noise(0.1), RATE)
    assert len(decode(tmp_path / name)[0]) == 0.1 * RATE


def test_surround_sound_is_mixed_down_as_ffmpeg_does(tmp_path):
    path = encode(tmp_path, "a.wav", noise(0.5, 6), ["-c:a", "pcm_f32le"])
    expected = encode(tmp_path, "b.wav", noise(0.5, 6), ["-ac", "2", "-c:a", "pcm_f32le"])
    file = DecodedFile(path, downmix=True)
    assert file.audio_format == (RATE, 2)
    np.testing.assert_allclose(whole(file), decode(expected)[0], atol=1e-4)
    # Two channels stay as they are.
    stereo = DecodedFile(expected, downmix=True)
    np.testing.assert_array_equal(whole(stereo), decode(expected)[0])


def test_a_value_that_is_no_number_is_refused(tmp_path):
    waveform = noise(1)
    waveform[30000, 1] = np.inf
    soundfile.write(tmp_path / "a.wav", waveform, RATE, subtype="FLOAT")
    with pytest.raises(ValueError, match="holds values that are not finite numbers"):
        decode(tmp_path / "a.wav")


def test_a_codec_that_nobody_knows_is_refused(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(0.1), RATE, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    content[20:22] = b"\x34\x12"  # the tag of the codec
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is of a codec that is not known; expected wav, flac"):
        decode(path)


def test_a_file_is_never_in_memory_twice(tmp_path):
    path = encode(tmp_path, "a.flac", noise(30), [])
    tracemalloc.start()
    waveform, _, _ = decode(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.2 * waveform.nbytes
    tracemalloc.start()
    for _ in DecodedFile(path).iter_blocks():
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.2 * waveform.nbytes


def test_names_of_sound_files():
    names = ["a.WAV", "a.Flac", "a.mp3", "._a.wav", "a.txt", "wav", "a.m4a.part"]
    assert [name for name in names if is_sound_name(Path(name))] == ["a.WAV", "a.Flac", "a.mp3"]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.aac", ["-c:a", "aac"]),
        ("a.mp3", ["-q:a", "4", "-write_xing", "0"]),
        ("a.mp2", ["-c:a", "mp2"]),
        ("a.ogg", ["-c:a", "libvorbis"]),
        ("a.wma", ["-c:a", "wmav2"]),
    ],
)
def test_whole_files_of_loud_and_silent_parts_are_not_called_cut_or_damaged(
    tmp_path, name, options
):
    """FFmpeg guesses the length of bare frames from the first of them, and the clock of Vorbis is off
    by a part of a block where long and short ones meet."""
    loud = noise(1.0, rate=44100)
    waveform = np.concatenate([loud, np.zeros((2 * 44100, 2), np.float32), loud])
    decoded, rate, warnings = decode(encode(tmp_path, name, waveform, options, rate=44100))
    assert warnings == []
    assert len(decoded) / rate == pytest.approx(4.0, abs=0.06)


@pytest.mark.parametrize("name", ["a.w64", "a.caf", "a.au", "a.aiff", "a.ogg", "a.tta", "a.wv"])
def test_files_cut_at_any_place_say_so(tmp_path, name):
    options = CODECS.get(name.partition(".")[2], [])
    content = encode(tmp_path, name, noise(2.5), options).read_bytes()
    for num_bytes in (len(content) // 2, len(content) * 9 // 10):
        (tmp_path / name).write_bytes(content[:num_bytes])
        _, _, warnings = decode(tmp_path / name)
        assert any("cut short" in warning for warning in warnings)


def test_an_ogg_file_cut_within_its_last_page_says_so(tmp_path):
    content = encode(tmp_path, "a.ogg", noise(1.0), CODECS["ogg"]).read_bytes()
    (tmp_path / "a.ogg").write_bytes(content[:-40])
    assert "cut short" in decode(tmp_path / "a.ogg")[2][-1]
