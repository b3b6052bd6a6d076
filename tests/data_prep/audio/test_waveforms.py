"""Files of a corpus through the one decoder: the same samples, and damage told or filled with silence."""

import numpy as np
import pytest
import soundfile

from data_prep.audio.loading import load_track
from data_prep.audio.stems import STREAMS, read_stems
from data_prep.audio.tracks import TrackFiles
from data_prep.audio.waveforms import open_sound, read_sound
from data_prep.corpora import list_tracks
from tests.data_prep.audio.test_decoding import CODECS, encode, noise

RATE = 8000
SUBTYPES = {"wav": ["PCM_U8", "PCM_16", "PCM_24", "FLOAT", "DOUBLE"], "flac": ["PCM_16", "PCM_24"]}


def sound(secs=3.0, channels=2, seed=0):
    return 0.1 * np.random.default_rng(seed).standard_normal((round(secs * RATE), channels))


def flip(content):
    content[len(content) // 2] ^= 1


def punch(content):
    start = len(content) // 2
    content[start : start + 900] = np.random.default_rng(0).bytes(900)


def cut(content):
    del content[len(content) // 2 :]


def spoil(path, harm):
    content = bytearray(path.read_bytes())
    harm(content)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("read_on", [False, True])
@pytest.mark.parametrize(
    ("kind", "subtype"), [(kind, subtype) for kind in SUBTYPES for subtype in SUBTYPES[kind]]
)
def test_whole_files_are_the_same_to_the_last_bit(tmp_path, kind, subtype, read_on):
    path = tmp_path / f"a.{kind}"
    soundfile.write(path, sound(secs=9.1), RATE, subtype=subtype)
    expected, _ = soundfile.read(path, dtype="float32")
    opened = open_sound(path, read_on)
    assert (opened.damage, opened.is_lossy, opened.num_frames) == ((), False, len(expected))
    blocks = [block.copy() for block in opened.blocks]
    assert len(blocks) > 1
    assert np.array_equal(np.concatenate(blocks), expected)


@pytest.mark.parametrize("kind", ["flac", "rf64", "aiff", "wav"])
@pytest.mark.parametrize("harm", [flip, punch, cut])
def test_damage_is_refused_with_its_second_or_becomes_silence(tmp_path, kind, harm):
    path = tmp_path / f"a.{kind}"
    soundfile.write(path, sound(), RATE, format=kind.upper())
    expected, _ = soundfile.read(path, dtype="float32")
    spoil(path, harm)
    if kind != "flac" and harm is not cut:
        # Nothing tells of other samples.
        assert len(read_sound(path)[0]) == len(expected)
        return
    words = r"it ends at 1\.\d\d s, before it says it does"
    if harm is not cut:
        words = r"\d\.\d\d s from 1\.\d\d s on cannot be decoded"
    with pytest.raises(ValueError, match=rf"{path}\S* .*{words}; copy it again .*--read_on_over_d"):
        read_sound(path)
    opened = open_sound(path, read_on=True)
    waveform = np.concatenate(list(opened.blocks))
    (told,) = opened.damage
    assert told.startswith(f"a.{kind}")
    behind = slice(round(2.6 * RATE), len(waveform))
    assert np.array_equal(waveform[behind], expected[behind])
    assert np.array_equal(waveform[:RATE], expected[:RATE])


@pytest.mark.parametrize("codec", ["mp3", "ogg", "opus", "m4a", "caf"])
def test_a_folder_takes_what_the_decoder_reads(tmp_path, codec):
    for seed, name in enumerate(("voice", "band")):
        folder = tmp_path / "corpus" / "One"
        folder.mkdir(parents=True, exist_ok=True)
        path = encode(tmp_path, f"{name}.{codec}", noise(1), CODECS.get(codec, []))
        path.rename(folder / path.name.replace(name, f"{name}{seed}"))
    splits = tmp_path / "s.json"
    splits.write_text('{"rule": "x", "train": ["*"], "names": {"voice*": "voice", "*": "band"}}')
    (files,) = list_tracks("folder", tmp_path / "corpus", str(splits)).tracks
    track = load_track(files)
    assert set(track.sources) == {"voice", "band"}
    told = f"coded with loss: band1.{codec}, voice0.{codec}."
    assert (told in track.warnings) == (codec != "caf")


@pytest.mark.parametrize("where", [0.3, 0.5, 0.7])
def test_a_hole_in_a_stem_file_is_refused_or_silent(tmp_path, where):
    import av

    path = tmp_path / "a.stem.mp4"
    with av.open(str(path), "w", format="mp4") as container:
        streams = [container.add_stream("aac", rate=44100, layout="stereo") for _ in STREAMS]
        for start in range(0, 88200, 1024):
            for stream in streams:
                block = 0.1 * np.random.default_rng(start).standard_normal((2, 1024))
                frame = av.AudioFrame.from_ndarray(block.astype(np.float32), "fltp", "stereo")
                frame.sample_rate = 44100
                frame.pts = start
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    whole = read_stems(path)
    content = bytearray(path.read_bytes())
    start = int(where * len(content))
    content[start : start + 6000] = b"\xff" * 6000
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"stem\.mp4: 0\.\d\d s from \d\.\d\d s on cannot be dec"):
        read_stems(path)
    stems = read_stems(path, read_on=True)
    assert any(stem.damage for stem in stems.values())
    for name, stem in stems.items():
        assert abs(len(stem.waveform) - len(whole[name].waveform)) <= 2048
    track = load_track(TrackFiles("a", "train", path, read_on=True))
    assert track.is_damaged
