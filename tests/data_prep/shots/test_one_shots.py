"""The folder of one-shots as a whole: what is in it, and what becomes of it as records."""

import json
import os
import re
import shutil
import subprocess

import numpy as np
import pytest
import soundfile

import configs
from configs.splits import load_splits
from data_prep import write
from data_prep.corpora import list_tracks
from data_prep.one_shots import from_folder, from_records
from data_prep.records.full_tracks import iter_full_tracks
from data_prep.records.manifest import load_manifest
from data_prep.shots.prepared import ShotSettings, load_one_shots
from data_prep.storage.files import in_the_making
from tests.data_prep.shots.sounds import RATE, drum, write_kits
from tests.data_prep.shots.sounds import write as write_sound
from tests.support.commands import run_command

SETTINGS = ShotSettings(sample_rate=RATE, num_frames=1024)
# A hit is heard for 0.2 s, and half a second later comes the next.
NUM_HITS = 30


@pytest.fixture(scope="module")
def kits(tmp_path_factory):
    """Five kits of fifteen sounds: E is D again, but for its level and one sound."""
    root = tmp_path_factory.mktemp("kits") / "kits"
    write_kits(root, "ABCD")
    shutil.copytree(root / "D", root / "E")
    sound, _ = soundfile.read(root / "D" / "Kick" / "0.wav", dtype="float32")
    write_sound(root / "E" / "Kick" / "0.wav", 0.3 * sound)
    write_sound(root / "E" / "Kick" / "1.wav", drum(77))
    return root


@pytest.fixture(scope="module")
def prepared(kits, tmp_path_factory):
    out = tmp_path_factory.mktemp("shots") / "drums"
    from_folder(kits, out, SETTINGS)
    return out


@pytest.fixture
def shots(prepared, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(prepared, tmp_path / "drums")


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_doubles_are_left_out_and_a_split_parts_no_kit(kits, prepared):
    said = load_one_shots(prepared)
    assert (len(said.sounds), len(said.doubles)) == (61, 14)
    assert {(double.kit, double.of_kit) for double in said.doubles} == {("E", "D")}
    assert sum(double.is_exact for double in said.doubles) == 13
    splits = {}
    for sound in said.sounds:
        splits.setdefault(sound.kit, set()).add(sound.split)
    assert {len(each) for each in splits.values()} == {1}
    assert splits["D"] == splits["E"]
    assert {split for each in splits.values() for split in each} == {"train", "valid", "test"}
    assert {sound.class_name for sound in said.sounds} == {"kick", "snare", "hat"}
    files = {path.relative_to(prepared).as_posix() for path in prepared.rglob("*.wav")}
    assert files == {sound.file for sound in said.sounds}
    for sound in said.sounds:
        waveform, rate = soundfile.read(prepared / sound.file, dtype="float32")
        before, _ = soundfile.read(kits / sound.source, dtype="float32")
        assert (waveform.shape, rate) == ((SETTINGS.num_frames,), RATE)
        assert np.abs(waveform).argmax() == SETTINGS.attack_frame
        assert np.abs(waveform).max() == 1
        assert sound.num_frames_before == len(before)
        assert sound.peak_frame_before == np.abs(before).argmax()


def test_the_same_sounds_give_the_same_bytes_and_are_kept(kits, prepared, tmp_path, capsys):
    before = contents(prepared)
    (tmp_path / "again").mkdir()
    from_folder(kits, tmp_path / "again", SETTINGS)
    assert contents(tmp_path / "again") == before
    assert sorted(tmp_path.iterdir()) == [tmp_path / "again"]
    capsys.readouterr()
    assert from_folder(kits, prepared, SETTINGS) == load_one_shots(prepared)
    assert capsys.readouterr().out == f"{prepared} is there already.\n"
    assert contents(prepared) == before


def test_another_folder_is_not_written_over(kits, shots, tmp_path):
    with pytest.raises(ValueError, match="of other settings; give another folder"):
        from_folder(kits, shots, ShotSettings(RATE, 512))
    fewer = shutil.copytree(kits, tmp_path / "fewer")
    (fewer / "A" / "Kick" / "0.wav").unlink()
    with pytest.raises(ValueError, match="of other sounds or splits; give another folder"):
        from_folder(fewer, shots, SETTINGS)
    (shots / "one_shots.json").unlink()
    with pytest.raises(ValueError, match="holds files that were not written here"):
        from_folder(kits, shots, SETTINGS)
    with pytest.raises(ValueError, match="is a file; expected a folder"):
        from_folder(kits, shots / "before_after.html", SETTINGS)


def test_what_a_killed_command_left_is_deleted(kits, tmp_path):
    with subprocess.Popen(["true"]) as gone:
        pass
    own = in_the_making(tmp_path / "out").name
    left = tmp_path / own.replace(f"-{os.getpid()}-", f"-{gone.pid}-")
    write_sound(left / "sounds" / "A" / "kick" / "old.wav", drum(0))
    from_folder(kits, tmp_path / "out", SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert not list((tmp_path / "out").rglob("old.wav"))


def test_records_hold_the_samples(prepared, tmp_path, capsys):
    config = configs.load("smoke_ordering", [f"audio.sample_rate={RATE}", "data.encoding=float32"])
    write.write(config, "one_shots", prepared, tmp_path / "records")
    printed = capsys.readouterr().out
    assert "no errors" in printed
    assert "warnings" not in printed
    manifest = load_manifest(str(tmp_path / "records"))
    said = load_one_shots(prepared)
    for split in ("train", "valid", "test"):
        tracks = {
            track.name: track.mixture
            for track in iter_full_tracks(manifest, str(tmp_path / "records"), split)
        }
        sounds = [sound for sound in said.sounds if sound.split == split]
        assert set(tracks) == {sound.name for sound in sounds}
        for sound in sounds:
            waveform, _ = soundfile.read(prepared / sound.file, dtype="float32", always_2d=True)
            np.testing.assert_array_equal(tracks[sound.name], waveform)
        assert {track.tags for track in manifest.tracks(split)} == {
            (sound.class_name,) for sound in sounds
        }


def test_the_reader_refuses_what_changed(shots, tmp_path):
    path = shots / load_one_shots(shots).sounds[3].file
    data = path.read_bytes()
    path.write_bytes(data[:-1] + b"x")
    with pytest.raises(ValueError, match="changed since it was prepared"):
        list_tracks("one_shots", shots, "official")
    path.unlink()
    with pytest.raises(ValueError, match=r"is missing, which one_shots\.json names"):
        list_tracks("one_shots", shots, "official")
    path.write_bytes(data)
    assert len(list_tracks("one_shots", shots, "official").tracks) == 61
    said = json.loads((shots / "one_shots.json").read_text())
    said["sounds"][0]["class_name"] = "gong"
    (shots / "one_shots.json").write_text(json.dumps(said))
    with pytest.raises(ValueError, match="its checksum is another"):
        list_tracks("one_shots", shots, "official")
    (shots / "one_shots.json").write_text('{"version": 9}')
    with pytest.raises(ValueError, match="has version 9, this code reads 1"):
        list_tracks("one_shots", shots, "official")
    with pytest.raises(ValueError, match=r"data_prep\.one_shots has not finished there"):
        list_tracks("one_shots", tmp_path, "official")


def test_a_split_file_splits_kits_and_leaves_doubles_out_of_training(kits, tmp_path):
    (tmp_path / "mine.json").write_text(
        json.dumps({"rule": "by hand", "train": ["D", "A"], "valid": ["B"], "test": ["E", "C"]})
    )
    said = from_folder(kits, tmp_path / "out", SETTINGS, load_splits(str(tmp_path / "mine.json")))
    assert {sound.kit: sound.split for sound in said.sounds} == {
        "A": "train",
        "B": "valid",
        "C": "test",
        "D": "train",
        "E": "test",
    }
    assert {(double.kit, double.of_kit) for double in said.doubles} == {("D", "E")}
    assert [sound.name for sound in said.sounds if sound.kit == "D"] == ["D/kick/1"]
    (tmp_path / "mine.json").write_text(
        json.dumps({"rule": "by hand", "train": ["A", "B"], "valid": ["C"], "excluded": ["D"]})
    )
    with pytest.raises(ValueError, match=r"45 sounds are left, of 45 .*; expected 50 or more"):
        from_folder(kits, tmp_path / "few", SETTINGS, load_splits(str(tmp_path / "mine.json")))


def test_files_that_are_no_sounds_are_named(kits, tmp_path, capsys):
    root = shutil.copytree(kits, tmp_path / "kits")
    (root / "A" / "Kick" / "garbage.wav").write_bytes(b"no sound at all" * 99)
    (root / "A" / "Kick" / "empty.wav").write_bytes(b"")
    write_sound(root / "A" / "Kick" / "silent.wav", np.zeros(999, np.float32))
    write_sound(root / "A" / "Kick" / "short.wav", np.ones(3, np.float32))
    write_sound(root / "A" / "Kick" / "nan.wav", np.full(999, np.nan, np.float32))
    names = ["empty", "garbage", "nan", "short", "silent"]
    with pytest.raises(ValueError, match=r"5 files cannot be used, .* --skip_bad"):
        from_folder(root, tmp_path / "out", SETTINGS)
    printed = capsys.readouterr().out
    said = from_folder(root, tmp_path / "out", SETTINGS, skip_bad=True)
    assert [each.source for each in said.left_out] == [f"A/Kick/{name}.wav" for name in names]
    assert all(f"left out: A/Kick/{name}.wav: it " in printed for name in names)
    assert len(said.sounds) == 61


def test_the_page_shows_sounds_of_all_classes_and_asks_for_nothing(prepared):
    page = (prepared / "before_after.html").read_text(encoding="utf-8")
    said = load_one_shots(prepared)
    assert page.count("<audio ") == 120
    assert page.count("<path ") == 120
    assert set(re.findall(r'\b(?:src|href)="([^"]{15})', page)) == {"data:audio/wav;"}
    assert not re.search(r"https?:|<script|<link|<img|url\(|@import", page)
    shown = re.findall(r"<h3>(\S+) <small>(\w+),", page)
    assert {class_name for _, class_name in shown} == {"kick", "snare", "hat"}
    assert {name.partition("/")[0] for name, _ in shown} == {sound.kit for sound in said.sounds}
    assert "E is D again: 14 of its 15 sounds (13 to the last sample)." in page


def test_stems_of_records_are_cut(tmp_path):
    """Hits of their own, half a second apart, and a last pair that spoils its first."""
    for k, name in enumerate(["a song", "b song", "c:song", "c?song"]):
        hits = np.zeros(round((NUM_HITS * 0.5 + 1) * RATE), np.float32)
        for i in range(NUM_HITS):
            start = round((0.1 + 0.5 * i) * RATE)
            hits[start : start + RATE // 5] = drum([k, i])
        late = round((0.16 + 0.5 * (NUM_HITS - 1)) * RATE)
        hits[late : late + RATE // 5] += drum([k, NUM_HITS])
        write_sound(tmp_path / "songs" / name / "drums.wav", hits)
        write_sound(tmp_path / "songs" / name / "vocals.wav", 0.1 * hits[::-1])
    (tmp_path / "mine.json").write_text(
        json.dumps({"rule": "x", "train": ["a *"], "valid": ["b *"], "test": ["c*"]})
    )
    config = configs.load("smoke_musdb", [f"data.splits={tmp_path / 'mine.json'}"])
    config = configs.override(config, [f"audio.sample_rate={RATE}", "data.encoding=float32"])
    records = str(tmp_path / "records")
    manifest = write.write(config, "folder", tmp_path / "songs", records)
    said = from_records(manifest, records, "drums", tmp_path / "out", SETTINGS)
    assert said.source.stem == "drums"
    kits = {sound.kit: sound.split for sound in said.sounds}
    assert kits == {"a song": "train", "b song": "valid", "c_song": "test", "c_song-2": "test"}
    assert len(said.sounds) == 4 * NUM_HITS
    assert {sound.class_name for sound in said.sounds} == {"drums"}
    secs = [float(sound.source.split(" at ")[1].removesuffix(" s")) for sound in said.sounds[:30]]
    expected = [0.1 + 0.5 * i for i in range(NUM_HITS - 1)] + [0.16 + 0.5 * (NUM_HITS - 1)]
    np.testing.assert_allclose(secs, expected, atol=0.005)
    assert from_records(manifest, records, "drums", tmp_path / "out", SETTINGS) == said
    with pytest.raises(ValueError, match="no stem 'piano'; expected one of"):
        from_records(manifest, records, "piano", tmp_path / "other", SETTINGS)
    with pytest.raises(ValueError, match=r"no track .* has the stem 'bass'"):
        from_records(manifest, records, "bass", tmp_path / "other", SETTINGS)


def test_the_command_says_what_it_made(kits, tmp_path):
    flags = [f"--root={kits}", f"--sample_rate={RATE}", "--num_frames=1024"]
    done = run_command("data_prep.one_shots", *flags, f"--out={tmp_path / 'out'}")
    assert done.returncode == 0, done.stderr
    assert f"The 61 one-shots in {tmp_path / 'out'} are complete:" in done.stdout
    assert "E is D again: 14 of its 15 sounds" in done.stdout
    done = run_command("data_prep.one_shots", *flags, "--attack_secs=1", f"--out={tmp_path}")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "--attack_secs is 1.0; expected" in done.stderr
