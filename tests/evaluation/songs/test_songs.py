"""Batches of files through a small network: what is wrong with one is no harm to the others."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import configs
from data_prep.audio.decoding import DecodedFile, decode
from data_prep.audio.encoding import read_tags
from data_prep.storage.lock import held
from evaluation.songs.batch import Destination, separate_songs
from evaluation.songs.choice import parse_stems
from evaluation.songs.stems import OpenSong, Wanted
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


def separate(separator, paths, out, labels=("vn",), write=None, **options):
    """Separates songs; ``options`` are fields of what is wanted and of where it goes."""
    stems = parse_stems(write, labels, separator.config.data.sources)
    chosen = {name: options.pop(name) for name in ("form", "clip", "downmix") if name in options}
    return separate_songs(
        separator, paths, Wanted(labels, stems, **chosen), Destination(str(out), **options)
    )


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_bad_file_leaves_the_others_and_ends_with_a_sentence(separator, tmp_path, capsys):
    paths = [write_noise(tmp_path / f"{name}.wav") for name in ("a", "b", "c")]
    paths[1].write_text("no sound")
    out = tmp_path / "out"
    with pytest.raises(ValueError, match=r"^1 of 3 were not separated: .*b\.wav is no sound file"):
        separate(separator, paths, out)
    assert sorted(path.name for path in out.rglob("*.wav")) == ["vn.wav", "vn.wav"]
    assert {path.parent.name for path in out.rglob("*.wav")} == {"a", "c"}
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "a.wav",
        "c.wav",
    ]


@pytest.mark.parametrize("name", ["...wav", "..wav", ".wav"])
def test_estimates_of_a_name_of_points_stay_in_their_folder(separator, tmp_path, name):
    path = write_noise(tmp_path / name)
    out = tmp_path / "songs" / "out"
    (written,) = separate(separator, [path], out)
    assert written == f"{out}/{name}/vn.wav"
    assert [each.name for each in tmp_path.rglob("vn.wav")] == ["vn.wav"]


def test_what_is_missing_of_a_file_is_told_beside_its_estimates(separator, tmp_path, capsys):
    path = write_noise(tmp_path / "a.wav", frames=4000)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    (written,) = separate(separator, [path], tmp_path / "out")
    assert soundfile.info(written).frames == pytest.approx(2000, abs=20)
    assert capsys.readouterr().err == (
        f"warning: {path} is cut short: it ends at 0.25 s, before it says it does.\n"
    )


@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize("rate", [RATE, 11025])
def test_a_stream_is_separated_as_the_whole_is(separator, channels, rate):
    waveform = 0.1 * np.random.default_rng(0).standard_normal((5000, channels))
    waveform = waveform.astype(np.float32)
    whole = separator.separate(waveform, rate, ["vn"])
    blocks = np.split(waveform, [1, 700, 701, 3000])
    few = Separator(separator.config, separator.network, memory_mb=0.05)
    parts = list(few.iter_stream_separated(blocks, rate, ["vn"]))
    assert max(part.shape[1] for part in parts) < 2000
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-6)


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
    (written,) = separate(separator, [path], tmp_path / "out")
    assert Path(written).is_file()
    assert Path(written).parent.name == path.stem


def test_a_song_that_cannot_be_separated_leaves_no_folder(separator, tmp_path):
    path = tmp_path / "nan.wav"
    soundfile.write(path, np.full((800, 1), np.nan), RATE, subtype="FLOAT")
    with pytest.raises(ValueError, match=r"^.*nan\.wav holds values that are not finite"):
        separate(separator, [path], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_song_that_another_command_writes_is_left_to_it(separator, tmp_path):
    paths = [write_noise(tmp_path / f"{name}.wav") for name in ("a", "b", "c")]
    out = tmp_path / "out"
    with (
        held(str(out / "b"), "--out"),
        pytest.raises(ValueError, match=r"^1 of 3 were not separated: .*b\.wav: expected no other"),
    ):
        separate(separator, paths, out)
    assert files_in(out) == ["separated.json"] * 2 + ["vn.wav"] * 2
    separate(separator, [paths[1]], out)
    assert files_in(out) == ["separated.json"] * 3 + ["vn.wav"] * 3


@pytest.mark.parametrize(("channels", "frames"), [(1, 5000), (2, 5000), (6, 5000), (1, 1)])
@pytest.mark.parametrize("write", ["vn,residual", "all,residual"])
def test_stems_and_residual_are_the_song(separator, tmp_path, write, channels, frames):
    path = write_noise(tmp_path / "a.wav", frames=frames, channels=channels, rate=22050)
    written = separate(separator, [path], tmp_path / "out", write=write)
    assert Path(written[-1]).name == "residual.wav"
    total = sum(soundfile.read(each, always_2d=True)[0] for each in written)
    np.testing.assert_allclose(total, soundfile.read(path, always_2d=True)[0], atol=1e-6)


def test_what_is_there_is_left_as_it_is(separator, tmp_path, capsys):
    paths = [write_noise(tmp_path / f"{name}.wav") for name in ("a", "b")]
    out = tmp_path / "out"
    written = separate(separator, paths, out, write="all")
    times = {each: Path(each).stat().st_mtime_ns for each in written}
    (out / "a" / "fl.wav").unlink()
    capsys.readouterr()
    assert separate(separator, paths, out, write="all") == written
    assert capsys.readouterr().out.splitlines()[1] == "b.wav: there already"
    changed = [each for each in written if Path(each).stat().st_mtime_ns != times[each]]
    assert changed == [str(out / "a" / "fl.wav")]


def spoil(_, stem):
    content = bytearray(stem.read_bytes())
    content[-1] ^= 1
    stem.write_bytes(content)


def replace_song(song, _):
    write_noise(song, frames=901)


def forget(_, stem):
    stem.with_name("separated.json").unlink()


@pytest.mark.parametrize("change", [spoil, replace_song, forget])
def test_what_is_there_and_another_file_is_overwritten_on_demand_alone(separator, tmp_path, change):
    path = write_noise(tmp_path / "a.wav")
    out = tmp_path / "out"
    stem = out / "a" / "vn.wav"
    separate(separator, [path], out)
    change(path, stem)
    before = stem.read_bytes()
    with pytest.raises(ValueError, match=r"a/vn\.wav is there already, and is not what this comm"):
        separate(separator, [path], out)
    assert stem.read_bytes() == before
    separate(separator, [path], out, overwrite=True)
    assert (stem.read_bytes() == before) == (change is forget)
    separate(separator, [path], out)


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 2}', '{"version": 1, "stems": 3}'])
def test_a_damaged_list_is_refused_or_overwritten(separator, tmp_path, text):
    path = write_noise(tmp_path / "a.wav")
    (stem,) = separate(separator, [path], tmp_path / "out")
    Path(stem).with_name("separated.json").write_text(text)
    with pytest.raises(ValueError, match=r"separated\.json is not what evaluation\.separate wrote"):
        separate(separator, [path], tmp_path / "out")
    separate(separator, [path], tmp_path / "out", overwrite=True)
    separate(separator, [path], tmp_path / "out")


def test_another_stem_is_added_to_those_that_are_there(separator, tmp_path):
    path = write_noise(tmp_path / "a.wav")
    for write in ("vn", "fl,vn", "vn,residual"):
        separate(separator, [path], tmp_path / "out", write=write)
    assert files_in(tmp_path / "out") == ["fl.wav", "residual.wav", "separated.json", "vn.wav"]
    # What they leave is another: the residual of more stems, and the level of all of them.
    with pytest.raises(ValueError, match=r"residual\.wav is there already, and is not what this"):
        separate(separator, [path], tmp_path / "out", write="all,residual")
    separate(separator, [path], tmp_path / "flac", write="vn", form="flac")
    with pytest.raises(ValueError, match=r"vn\.flac is there already, and is not what this comm"):
        separate(separator, [path], tmp_path / "flac", write="all", form="flac")


def test_other_labels_make_another_stem(separator, tmp_path):
    path = write_noise(tmp_path / "a.wav")
    separate(separator, [path], tmp_path / "out")
    with pytest.raises(ValueError, match="is there already, and is not what this command makes"):
        separate(separator, [path], tmp_path / "out", labels=("vn", "fl"), write="vn")


@pytest.fixture(scope="module")
def loud():
    """A separator whose estimates are far beyond full scale."""
    config = configs.load("smoke", [*SMALL, "model.head_activation=linear"])
    made = Separator(config, make_network(config))
    made.network.set_weights([7 * each for each in made.network.get_weights()])
    return made


@pytest.mark.parametrize("form", ["wav16", "wav24", "flac", "mp3", "m4a"])
def test_loud_stems_are_turned_down_together(loud, tmp_path, capsys, form):
    path = write_noise(tmp_path / "a.wav", frames=9000)
    in_float = separate(loud, [path], tmp_path / "float", write="vn,residual")
    expected = [soundfile.read(each)[0] for each in in_float]
    peak = max(np.abs(each).max() for each in expected)
    assert peak > 2
    assert f"; peak {peak:.3g} (" in capsys.readouterr().out
    written = separate(loud, [path], tmp_path / "out", write="vn,residual", form=form)
    assert "all stems turned down by" in capsys.readouterr().out
    for each, waveform in zip(written, expected, strict=True):
        found = decode(Path(each))[0][:9000, 0]
        if form in ("mp3", "m4a"):
            assert np.corrcoef(found, waveform)[0, 1] > 0.5
        else:
            np.testing.assert_allclose(found, waveform / peak, atol=2**-15)


def test_loud_stems_are_clipped_or_refused(loud, tmp_path, capsys):
    path = write_noise(tmp_path / "a.wav", frames=900)
    (whole,) = separate(loud, [path], tmp_path / "float")
    (clipped,) = separate(loud, [path], tmp_path / "out", form="wav24", clip="clamp")
    assert "clipped at full scale" in capsys.readouterr().out
    expected = soundfile.read(whole)[0].clip(-1, 1)
    np.testing.assert_allclose(soundfile.read(clipped)[0], expected, atol=2**-22)
    with pytest.raises(
        ValueError, match=r"a\.wav: the stems reach .* dB\), which flac cannot hold"
    ):
        separate(loud, [path], tmp_path / "refused", form="flac", clip="error")
    assert files_in(tmp_path / "refused") == []


def test_a_format_that_cannot_hold_the_song_is_told_before_it_is_separated(separator, tmp_path):
    path = write_noise(tmp_path / "a.wav", channels=6)
    with pytest.raises(ValueError, match=r"a\.wav: mp3 holds up to 2 channels, this has 6"):
        separate(separator, [path], tmp_path / "out", form="mp3")
    assert not (tmp_path / "out").exists()


def test_surround_sound_is_heard_in_pairs_and_singles():
    config = configs.load("smoke", [*SMALL, "audio.channels=2"])
    stereo = Separator(config, make_network(config))
    waveform = 0.1 * np.random.default_rng(0).standard_normal((3000, 6)).astype(np.float32)
    found = stereo.separate(waveform, RATE, ["vn"])
    for group in ([0, 1], [2], [3], [4, 5]):
        alone = stereo.separate(waveform[:, group], RATE, ["vn"])
        np.testing.assert_allclose(found[:, :, group], alone, atol=1e-6)


def test_surround_sound_is_mixed_down_on_demand(separator, tmp_path):
    path = write_noise(tmp_path / "a.wav", channels=6)
    (mixed,) = separate(separator, [path], tmp_path / "out", form="mp3", downmix=True)
    assert decode(Path(mixed))[0].shape == (900, 2)


def test_more_channels_than_a_file_can_have_call_for_the_flag_that_mixes_down(separator, tmp_path):
    path = write_noise(tmp_path / "a.wav", channels=9)
    with pytest.raises(ValueError, match=r"mix it down to two first\. --downmix does so\."):
        separate(separator, [path], tmp_path / "out")


def test_names_of_stems(separator, tmp_path):
    paths = [write_noise(tmp_path / f"{name}.wav") for name in ("a", "b!")]
    separate(separator, paths, tmp_path / "out", name="{track} - {instrument}", write="all")
    assert files_in(tmp_path / "out") == [
        "a - fl.wav",
        "a - vn.wav",
        "b_ - fl.wav",
        "b_ - vn.wav",
        "separated.json",
    ]


@pytest.mark.parametrize("form", ["wav", "mp3"])
def test_progress_ends_with_the_whole_song_also_where_stems_are_encoded_at_the_end(
    separator, tmp_path, form
):
    path = write_noise(tmp_path / "song.wav", frames=200_000)
    wanted = Wanted(("vn",), parse_stems("all", ("vn",), separator.config.data.sources), form)
    song = OpenSong(separator, DecodedFile(path), read_tags(path), wanted)
    told = []
    files = {name: tmp_path / name for name in ("fl", "vn")}
    song.write_stems(files, tmp_path, told.append)
    assert len(told) > 1
    assert sum(told) == pytest.approx(200_000 / RATE)
