"""Batches of files through a small network: what is wrong with one is no harm to the others."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import configs
from data_prep.audio.decoding import decode
from data_prep.storage.lock import held
from evaluation.estimates import track_on_disk
from evaluation.separate import find_sounds, separate_files
from trainer.inference import tiling
from trainer.inference.separator import Separator
from trainer.networks import make_network

RATE = 8000
SMALL = [
    f"audio.sample_rate={RATE}",
    "model.num_levels=2",
    "model.num_filters=2",
    "model.estimate_frames=101",
    "data.sources=fl,vn",
]


@pytest.fixture(scope="module")
def separator():
    config = configs.load("smoke", SMALL)
    return Separator(config, make_network(config))


def write_noise(path, frames=900, channels=1, rate=RATE):
    waveform = 0.1 * np.random.default_rng(frames).standard_normal((frames, channels))
    soundfile.write(path, waveform.astype(np.float32), rate, subtype="FLOAT", format="WAV")
    return path


def test_a_bad_file_leaves_the_others_and_ends_with_a_sentence(separator, tmp_path, capsys):
    paths = [write_noise(tmp_path / f"{name}.wav") for name in ("a", "b", "c")]
    paths[1].write_text("no sound")
    out = tmp_path / "out"
    with pytest.raises(ValueError, match=r"^1 of 3 were not separated: .*b\.wav is no sound file"):
        separate_files(separator, paths, ["vn"], out)
    assert sorted(path.name for path in out.rglob("*.wav")) == ["vn.wav", "vn.wav"]
    assert {path.parent.name for path in out.rglob("*.wav")} == {"a", "c"}
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "a.wav",
        "c.wav",
    ]


def test_a_folder_means_the_sounds_in_it(tmp_path):
    for name in ("b.WAV", "a.flac", "._a.wav", "notes.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "empty").mkdir()
    assert [path.name for path in find_sounds([tmp_path])] == ["a.flac", "b.WAV"]
    with pytest.raises(ValueError, match="empty holds no sound files"):
        find_sounds([tmp_path / "empty"])


def test_a_file_that_is_missing_is_told_before_any_is_read(tmp_path):
    write_noise(tmp_path / "a.wav")
    with pytest.raises(ValueError, match=r"there is no file .*/typo\.wav"):
        find_sounds([tmp_path / "a.wav", tmp_path / "typo.wav"])


@pytest.mark.parametrize("name", ["...wav", "..wav", ".wav"])
def test_estimates_of_a_name_of_points_stay_in_their_folder(separator, tmp_path, name):
    path = write_noise(tmp_path / name)
    out = tmp_path / "songs" / "out"
    (written,) = separate_files(separator, [path], ["vn"], out)
    assert written == f"{out}/{name}/vn.wav"
    assert [each.name for each in tmp_path.rglob("vn.wav")] == ["vn.wav"]


def test_what_is_missing_of_a_file_is_told_beside_its_estimates(separator, tmp_path, capsys):
    path = write_noise(tmp_path / "a.wav", frames=4000)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    (written,) = separate_files(separator, [path], ["vn"], tmp_path / "out")
    assert soundfile.info(written).frames == pytest.approx(2000, abs=20)
    assert capsys.readouterr().err == (
        f"warning: {path} is cut short: it ends at 0.25 s, before it says it does.\n"
    )


@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize("rate", [RATE, 11025])
def test_a_stream_is_separated_as_the_whole_is(separator, monkeypatch, channels, rate):
    waveform = 0.1 * np.random.default_rng(0).standard_normal((5000, channels))
    waveform = waveform.astype(np.float32)
    whole = separator.separate(waveform, rate, ["vn"])
    monkeypatch.setattr(tiling, "_LONG_WINDOW_FRAMES", 400)
    blocks = np.split(waveform, [1, 700, 701, 3000])
    parts = list(separator.iter_stream_separated(blocks, rate, ["vn"]))
    assert max(part.shape[1] for part in parts) < 2000
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-6)


def test_a_disk_that_is_full_is_one_sentence_and_leaves_nothing(tmp_path):
    write = (
        "import numpy as np; from pathlib import Path; "
        "from data_prep.runtime import command; "
        "from evaluation.estimates.track_on_disk import write_blocks; "
        f"block = {{'vn': np.zeros((99999, 2), np.float32)}}; path = Path({str(tmp_path)!r}) / 'vn'; "
        "command.run(lambda _: write_blocks({'vn': path}, 8000, 2, [block] * 9))"
    )
    # Files of 100 KiB at most: as a disk that has no more.
    limited = ["bash", "-c", 'ulimit -f 100; exec "$@"', "-", sys.executable, "-c", write]
    done = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"error: {tmp_path}: a sound file cannot be written whole, the disk may be full\n"
    )


def test_a_terminal_that_cannot_show_a_name_gets_it_escaped():
    # A name of Latin-1 bytes reaches Python with a lone surrogate.
    show = r"from data_prep.runtime import command; command.run(lambda _: print('\xfc \udce9'))"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-c", show], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "\\xfc \\udce9\n", "")


def test_a_name_in_bytes_that_are_no_utf8_is_a_name(separator, tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav"))
    write_noise(tmp_path / "plain.wav").rename(path)
    (written,) = separate_files(separator, [path], ["vn"], tmp_path / "out")
    assert Path(written).is_file()
    assert Path(written).parent.name == path.stem


def test_what_the_network_cannot_take_names_the_file(tmp_path):
    config = configs.load("smoke", [*SMALL, "audio.channels=2"])
    path = write_noise(tmp_path / "surround.wav", channels=6)
    with pytest.raises(ValueError, match=r"surround\.wav: the file has 6 channels; a stereo"):
        separate_files(Separator(config, make_network(config)), [path], ["vn"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("most_bytes", "form"), [(2**32, "WAV"), (1000, "RF64")])
def test_what_a_wav_cannot_hold_is_rf64(separator, tmp_path, monkeypatch, most_bytes, form):
    monkeypatch.setattr(track_on_disk, "_MOST_WAV_BYTES", most_bytes)
    path = write_noise(tmp_path / "a.wav")
    (written,) = separate_files(separator, [path], ["vn"], tmp_path / "out")
    found = soundfile.info(written)
    assert (found.format, found.frames) == (form, 900)
    assert len(decode(Path(written))[0]) == 900


def test_a_song_that_another_command_writes_is_left_to_it(separator, tmp_path):
    paths = [write_noise(tmp_path / f"{name}.wav") for name in ("a", "b", "c")]
    out = tmp_path / "out"
    with (
        held(str(out / "b"), "--out"),
        pytest.raises(ValueError, match=r"^1 of 3 were not separated: .*b\.wav: expected no other"),
    ):
        separate_files(separator, paths, ["vn"], out)
    assert sorted(path.name for path in out.rglob("*") if path.is_file()) == ["vn.wav"] * 2
    separate_files(separator, [paths[1]], ["vn"], out)
    assert sorted(path.name for path in out.rglob("*") if path.is_file()) == ["vn.wav"] * 3
