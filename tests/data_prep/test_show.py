"""What a folder of records holds, as a table, a figure and sound."""

import re

import numpy as np
import pytest
import soundfile

import configs
from data_prep import write
from data_prep.audio.loading import load_track
from data_prep.audio.tracks import AudioFormat
from data_prep.corpora import list_tracks
from data_prep.records.annotation_fields import most_onsets
from data_prep.show import load_records, show_track, table
from data_prep.storage.lock import held
from data_prep.synthetic import write_urmp
from tests.support.commands import run_command

CONFIG = configs.load("smoke", ["audio.sample_rate=8000", "data.excerpt_secs=0.7"])
TRACK = "03_Lantern_bn_vn_vn"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root, out = tmp_path_factory.mktemp("corpus"), tmp_path_factory.mktemp("records")
    write_urmp(root, num_pieces=18, secs=2.0, seed=0)
    originals = {files.name: files for files in list_tracks("urmp", root, "synthetic").tracks}
    return (
        write.write(CONFIG, "urmp", root, out),
        out,
        load_track(originals[TRACK], AudioFormat(8000, 1)),
    )


def test_the_table_adds_up(written):
    manifest, _, _ = written
    lines = list(table(manifest))
    rows = {line.split()[0]: line.split()[1:] for line in lines if line.strip()}
    assert rows["tracks"] == ["13", "2", "3"]
    assert rows["h:mm:ss"] == ["0:00:26", "0:00:04", "0:00:06"]
    assert rows["records"] == ["39", "6", "9"]
    assert rows["shards"] == ["8", "2", "3"]
    assert lines[0].startswith("urmp, 8000 Hz, 1 channel, int16, ")
    for label, name in (("vn", "violin"), ("tpt", "trumpet")):
        playing = [
            sum(label in track.num_parts for track in manifest.tracks(s))
            for s in ("train", "valid", "test")
        ]
        assert [int(number) for number in rows[name][::2]] == playing
    of_splits = [line for line in lines if line.startswith(("train ", "valid ", "test "))]
    counted = [int(number) for line in of_splits for number in re.findall(r"(\d+) with", line)]
    assert sum(counted) == 18
    assert lines[-1] == "of 18 tracks 18 with notes"
    manifest.require_notes("", ("train", "valid", "test"))
    assert [manifest.num_with_notes(split) for split in ("train", "valid", "test")] == [13, 2, 3]
    assert manifest.context_size == 0
    assert any(line.startswith("train") and "with 2 (3)" in line for line in lines)


def test_how_many_notes_begin_within_a_stretch():
    # Of a stretch of 10 frames the last is the ninth after the first.
    onsets = np.array([[30, 31, 0, 0], [5, 9, 0, 0], [0, 99, 0, 0], [10, 11, 0, 0], [9, 10, 0, 0]])
    assert most_onsets(onsets.astype(np.int32), 10) == 3
    assert most_onsets(onsets.astype(np.int32), 11) == 4
    assert most_onsets(np.zeros((0, 4), np.int32), 10) == 0


def test_a_track_as_sound_and_figure(written, tmp_path, capsys):
    manifest, records, original = written
    show_track(manifest, str(records), TRACK, None, tmp_path)
    counts = []
    most = 0
    for start in (0, 5600, 11200):
        first = max(start - CONFIG.data.context_frames, 0)
        last = min(start + 5600, 16000) + CONFIG.data.context_frames
        heard = [note for note in original.said.notes if note.offset > first and note.onset < last]
        onsets = np.array([note.onset for note in heard])
        most = max(most, *(np.sum((onsets >= each) & (onsets < each + 8000)) for each in onsets))
        counts.append(len(heard))
    assert (
        f"notes: {min(counts)} to {max(counts)} in a record with its context, {most} begin within "
        f"a second at most"
    ) in capsys.readouterr().out.splitlines()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "bn.wav",
        "mixture.wav",
        "overview.png",
        "vn.wav",
    ]
    for name, expected in {"mixture": original.mixture, **original.sources}.items():
        waveform, rate = soundfile.read(tmp_path / f"{name}.wav", always_2d=True)
        assert rate == 8000
        np.testing.assert_allclose(waveform, expected, atol=2e-4)
    assert (tmp_path / "overview.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_record_with_its_context(written, tmp_path):
    manifest, records, original = written
    show_track(manifest, str(records), TRACK, 1, tmp_path)
    waveform, _ = soundfile.read(tmp_path / "mixture.wav", always_2d=True)
    context = CONFIG.data.context_frames
    np.testing.assert_allclose(
        waveform, original.mixture[5600 - context : 11200 + context], atol=2e-4
    )
    with pytest.raises(ValueError, match=rf"{TRACK} has the records 0 to 2, not 3\."):
        show_track(manifest, str(records), TRACK, 3, tmp_path)
    with pytest.raises(ValueError, match=r"has no track 'nothing'; it has "):
        load_records(manifest, str(records), "nothing")


def test_a_folder_that_another_command_writes_is_left_alone(written, tmp_path):
    _, records, _ = written
    out = tmp_path / "out"
    with held(str(out), beside=True):
        result = run_command(
            "data_prep.show", f"--records={records}", f"--track={TRACK}", f"--out={out}"
        )
    assert result.returncode == 1
    assert f"expected no other job at work in {out}, " in result.stderr
    assert not out.exists()
