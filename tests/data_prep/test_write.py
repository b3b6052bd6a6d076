"""Writing a corpus: the same bytes however it came about, nothing in place where something is
wrong.
"""

import dataclasses
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

import configs
from data_prep import write
from data_prep.audio.tracks import TrackFiles
from data_prep.corpora import list_tracks
from data_prep.records.entries import ShardEntry
from data_prep.records.manifest import Manifest, load_manifest
from data_prep.runtime import parallel
from data_prep.storage import open_folder
from data_prep.storage.files import Digest
from data_prep.storage.lock import held
from data_prep.verify import iter_faults
from data_prep.writing import examination
from data_prep.writing.examination import PLAIN, Options
from data_prep.writing.finished import require_finished
from data_prep.writing.prepare import (
    PreparedTrack,
    TrackToPrepare,
    prepare,
    read_contents,
)
from data_prep.writing.scratch import Scratch
from data_prep.writing.shards import plan, put_shards, shards_in_place
from tests.support.commands import run_command, set_flags

OVERRIDES = ["audio.sample_rate=8000", "data.excerpt_secs=0.7"]
CONFIG = configs.load("smoke", OVERRIDES)


@pytest.fixture(scope="module")
def written_folder(corpus, tmp_path_factory):
    """Where an undisturbed job with one worker has written."""
    out = tmp_path_factory.mktemp("records")
    write.write(CONFIG, "urmp", corpus, out)
    return out


@pytest.fixture(scope="module")
def written(written_folder):
    """What it wrote."""
    return bytes_of(written_folder)


@pytest.fixture
def pieces(corpus, tmp_path):
    """A copy to spoil."""
    return Path(shutil.copytree(corpus, tmp_path / "urmp"))


def bytes_of(folder):
    assert [path.name for path in Path(folder).iterdir() if path.is_dir()] == []
    return {
        path.name: without_revision(path.read_bytes()) for path in sorted(Path(folder).iterdir())
    }


def without_revision(content):
    """Who works on the code while the tests run changes its revision."""
    return re.sub(rb'"code_revision": "[^"]*"', b"", content)


def flags_of_command(corpus, out):
    where = ["--corpus=urmp", f"--root={corpus}", f"--out={out}"]
    return ["--config=smoke", *where, *set_flags(OVERRIDES), "--workers=2"]


def command(corpus, out):
    """The command as a process of its own, which can be interrupted."""
    return [sys.executable, "-m", "data_prep.write", *flags_of_command(corpus, out)]


def run(corpus, out):
    return run_command("data_prep.write", *flags_of_command(corpus, out))


def processes_of(marker):
    """The command lines of running processes that name ``marker``, without our own."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(
                (
                    int(path.parent.name),
                    path.read_bytes().replace(b"\0", b" ").decode(errors="replace"),
                )
            )
        except OSError:
            continue
    return [line for pid, line in lines if marker in line and pid != os.getpid()]


# --- the same bytes
# ------------------------------------------------------------------------------


@pytest.mark.slow
def test_workers_change_nothing(corpus, written, tmp_path):
    result = run(corpus, tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert "18/18" in result.stdout
    assert " left)" in result.stdout
    assert bytes_of(tmp_path / "out") == written


def kill_once(corpus, out, num_lines, secs):
    """Starts a job, lets it print so many lines, then kills it a little later; its exit status."""
    process = subprocess.Popen(command(corpus, out), stdout=subprocess.PIPE)
    for _ in range(num_lines):
        process.stdout.readline()
    time.sleep(secs)
    process.kill()
    process.communicate(timeout=60)
    return process.returncode


def disturb(corpus, out, written, kills):
    """Kills a job at random moments, mostly while it reads or puts shards in place; then lets it
    finish.
    """
    moments, done = random.Random(0), 0
    for _ in range(10 * kills):
        if done == kills:
            break
        num_lines = moments.choice(
            [0, moments.randint(1, 17), 19]
        )  # while it starts; reads; puts in place
        secs = moments.uniform(0, (4.0, 0.1)[num_lines > 0])
        status = kill_once(corpus, out, num_lines, secs)
        done += status == -signal.SIGKILL
        staged, placed = (
            len(list(folder.glob("*.tfrecord"))) for folder in (out / ".scratch", out)
        )
        print(
            f"{num_lines} lines and {secs:.2f} s: {status}; {staged} tracks and {placed} shards",
            flush=True,
        )
        if (out / "manifest.json").exists():
            (out / "lock").unlink(missing_ok=True)
            assert (out / ".scratch").exists() or bytes_of(out) == written
            shutil.rmtree(out)
    assert done == kills
    assert run(corpus, out).returncode == 0
    assert bytes_of(out) == written
    time.sleep(1)
    assert processes_of(str(out)) == []


@pytest.mark.slow
def test_three_kills_leave_no_trace(corpus, written, tmp_path):
    disturb(corpus, tmp_path / "out", written, 3)


@pytest.mark.soak
def test_twenty_kills_leave_no_trace(corpus, written, tmp_path):
    disturb(corpus, tmp_path / "out", written, 20)


@pytest.mark.slow
def test_each_moment_of_a_job_can_be_its_last(corpus, written, tmp_path, monkeypatch):
    """In one process, where the moments can be chosen: before, between and after the files that are
    put in place.
    """
    replace, count = Path.replace, 0

    def replace_until_the_machine_stops(self, target):
        nonlocal count
        count += 1
        if count == stop:
            raise KeyboardInterrupt
        return replace(self, target)

    for stop in (
        1,
        3,
        29,
        55,
        56,
        57,
        58,
        80,
        81,
    ):  # 54 files of 18 tracks, 2 for each of 13 shards
        monkeypatch.setattr(Path, "replace", replace_until_the_machine_stops)
        count = 0
        with pytest.raises(KeyboardInterrupt):
            write.write(CONFIG, "urmp", corpus, tmp_path / str(stop))
        monkeypatch.undo()
        assert not (tmp_path / str(stop) / "manifest.json").exists()
        write.write(CONFIG, "urmp", corpus, tmp_path / str(stop))
        assert bytes_of(tmp_path / str(stop)) == written


def test_what_was_prepared_is_kept(corpus, tmp_path, monkeypatch, capsys):
    calls = iter(range(100))

    def prepare_until_the_machine_stops(job):
        if next(calls) == 6:
            raise KeyboardInterrupt
        return prepare(job)

    monkeypatch.setattr(examination, "prepare", prepare_until_the_machine_stops)
    with pytest.raises(KeyboardInterrupt):
        write.write(CONFIG, "urmp", corpus, tmp_path)
    assert list(tmp_path.glob("*")) == [tmp_path / ".scratch"]
    capsys.readouterr()
    write.write(CONFIG, "urmp", corpus, tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert (
        sum(line.endswith(": read before") for line in lines[:6]) == 6
    )  # with no guess at what is left
    assert sum(": read (" in line for line in lines) == 12


def test_damage_to_what_was_prepared_is_found(corpus, tmp_path):
    (track, *_) = list_tracks("urmp", corpus, "synthetic").tracks
    job = TrackToPrepare(track, CONFIG, Scratch(tmp_path))
    first = prepare(job)
    assert (first.is_new, prepare(job).is_new) == (True, False)
    records = tmp_path / f"{first.key}.tfrecord"
    flipped = bytearray(records.read_bytes())
    flipped[1000] ^= 1
    for name, content in (
        (records.name, flipped),
        (f"{first.key}.json", b"{"),
        (f"{first.key}.npz", b""),
        (f"{first.key}.npz", b"PK\x03\x04 not an archive"),
    ):
        (tmp_path / name).write_bytes(content)
        assert prepare(job).is_new
        assert not prepare(job).is_new


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path):
    os.truncate(path, path.stat().st_size - 1)


@pytest.mark.slow
@pytest.mark.parametrize("harm", [flip, cut, Path.unlink])
@pytest.mark.parametrize("which", [0, 1])
def test_records_damaged_before_they_are_put_in_place_are_one_sentence(
    corpus, written, tmp_path, monkeypatch, harm, which
):
    def place_what_was_damaged(shards, folder, scratch, before):
        harm(scratch.records(shards[4].tracks[which].key))
        return put_shards(shards, folder, scratch, before)

    monkeypatch.setattr(write, "put_shards", place_what_was_damaged)
    with pytest.raises(
        ValueError,
        match=r"the records of \w+ in .* damaged.*; the same command prepares them again\.$",
    ):
        write.write(CONFIG, "urmp", corpus, tmp_path)
    placed = {path.name: path.read_bytes() for path in tmp_path.glob("*") if path.is_file()}
    assert placed == {
        name: content
        for name, content in written.items()
        if name < "train-00004" and "train" in name
    }
    monkeypatch.undo()
    write.write(CONFIG, "urmp", corpus, tmp_path)
    assert bytes_of(tmp_path) == written


def test_a_track_that_changes_while_shards_are_put_in_place_is_one_sentence(
    pieces, tmp_path, monkeypatch
):
    out = tmp_path / "out"

    def place_some(*placed):
        for shard, _ in zip(placed[0], put_shards(*placed), strict=True):
            if len(shard.tracks) > 1:
                raise KeyboardInterrupt
        return iter(())

    monkeypatch.setattr(write, "put_shards", place_some)
    with pytest.raises(KeyboardInterrupt):
        write.write(CONFIG, "urmp", pieces, out)
    monkeypatch.undo()
    (shard,) = (
        placed for placed in shards_in_place(open_folder(str(out))).values() if len(placed.keys) > 1
    )
    changed, kept = (track.name for track in shard.entry.tracks)
    (path, *_) = (pieces / changed).glob("AuSep_*.wav")
    flip(path)
    with pytest.raises(ValueError, match=rf"the records of {kept} in .* are gone, or"):
        write.write(CONFIG, "urmp", pieces, out)
    write.write(CONFIG, "urmp", pieces, out)
    assert list(iter_faults(str(out))) == []


def key_of(track, overrides):
    job = TrackToPrepare(track, configs.load("smoke", overrides), None)
    return job.key(read_contents(track))


def test_a_changed_track_is_prepared_again(pieces):
    (track, *_) = list_tracks("urmp", pieces, "synthetic").tracks
    key = key_of(track, OVERRIDES)
    assert key_of(track, [*OVERRIDES, "data.encoding=float32"]) != key
    assert key_of(track, ["audio.sample_rate=16000", OVERRIDES[1]]) != key
    assert key_of(track, [*OVERRIDES, "train.steps=3"]) == key
    os.utime(track.paths[1], ns=(1, 1))
    assert key_of(track, OVERRIDES) == key
    flip(track.paths[1])
    os.utime(track.paths[1], ns=(1, 1))
    assert key_of(track, OVERRIDES) != key


def rename(path):
    path.rename(path.with_name(path.name.replace("AuSep_2", "AuSep_5")))


def relabel(path):
    number, _, title = path.stem.removeprefix("AuSep_").split("_", 2)
    path.rename(path.with_name(f"AuSep_{number}_vn_{title}.wav"))


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (flip, "03_Lantern_cl_hn/AuSep_2_hn_03_Lantern.wav has other bytes;"),
        (cut, "03_Lantern_cl_hn/AuSep_2_hn_03_Lantern.wav has other bytes;"),
        (Path.unlink, "wav is gone, 03_Lantern_cl_hn/Notes_2_hn_03_Lantern.txt is gone;"),
        (relabel, "AuSep_2_hn_03_Lantern.wav is gone, 03_Lantern_cl_hn/AuSep_2_vn_03_Lantern"),
        (rename, "03_Lantern.wav is gone, 03_Lantern_cl_hn/AuSep_5_hn_03_Lantern.wav is new, "),
        (lambda path: shutil.rmtree(path.parent), "the track 03_Lantern_cl_hn is gone;"),
    ],
)
def test_a_corpus_that_changed_is_not_complete(written_folder, pieces, tmp_path, harm, sentence):
    out = shutil.copytree(written_folder, tmp_path / "out")
    (path,) = pieces.glob("03_*/AuSep_2_*.wav")
    status = path.stat()
    harm(path)
    if path.exists():
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    before = bytes_of(out)
    with pytest.raises(
        ValueError, match=rf"^{pieces} has changed since the records in {out} were .*another --out,"
    ) as refusal:
        write.write(CONFIG, "urmp", pieces, out)
    assert sentence in str(refusal.value)
    assert bytes_of(out) == before


def test_a_split_file_that_changed_is_told(written_folder, corpus, tmp_path):
    out = shutil.copytree(written_folder, tmp_path / "out")
    manifest = load_manifest(str(out))
    listing = list_tracks("urmp", corpus, "synthetic")
    tracks = tuple(
        dataclasses.replace(track, split={"train": "test"}.get(track.split, track.split))
        for track in listing.tracks
    )
    with pytest.raises(ValueError, match=r"is for test, not train, .*, and 10 more; choose"):
        require_finished(
            CONFIG, dataclasses.replace(listing, tracks=tracks), open_folder(str(out)), PLAIN
        )
    assert manifest == load_manifest(str(out))


def test_a_copy_of_the_corpus_is_the_corpus(written_folder, pieces):
    for path in pieces.rglob("*.wav"):
        os.utime(path, ns=(7, 7))
    manifest = write.write(CONFIG, "urmp", pieces, written_folder)
    assert manifest.corpus_files["03_Lantern_cl_hn"][0].label == "mixture"
    assert len(manifest.corpus_files) == 18


@pytest.mark.slow
def test_interruption_is_status_75(corpus, tmp_path):
    process = subprocess.Popen(command(corpus, tmp_path / "out"), stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if ": read (" in line:
            break
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 75
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".scratch"]


@pytest.mark.slow
def test_an_interruption_while_workers_start_is_one_sentence(corpus, tmp_path):
    process = subprocess.Popen(
        command(corpus, tmp_path / "out"),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.SIG_DFL
        ),  # where the tests run in the background
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while (
        len(children.read_text().split()) < 2
    ):  # the tracker of resources, then the server of workers
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (75, "interrupted; the same command continues.\n")


def die(_):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker_is_one_sentence():
    with pytest.raises(
        ValueError, match=r"one of 2 worker processes was killed; if memory ran out, use fewer"
    ):
        list(parallel.run(die, [1, 2, 3], 2))


# --- shards
# ------------------------------------------------------------------------------


def prepared(sizes_mib):
    return [
        PreparedTrack(TrackFiles(f"{i:03d}", "train", None), digest=Digest(round(mib * 2**20), ""))
        for i, mib in enumerate(sizes_mib)
    ]


@pytest.mark.parametrize(
    ("sizes", "count"),
    [
        ([1] * 3, 3),
        ([1] * 8, 8),
        ([1] * 100, 8),
        ([10] * 100, 8),
        ([20] * 100, 16),
        ([300] * 13, 8),
        ([300] * 150, 144),
    ],
)
def test_shards_are_balanced_and_a_multiple_of_eight(sizes, count):
    shards = plan("train", prepared(sizes), 128)
    assert len(shards) == count
    loads = [sum(track.digest.num_bytes for track in shard.tracks) for shard in shards]
    assert max(loads) - min(loads) <= max(sizes) * 2**20
    assert sorted(track.files.name for shard in shards for track in shard.tracks) == [
        f"{i:03d}" for i in range(len(sizes))
    ]


def test_the_plan_does_not_depend_on_the_order_of_tracks():
    tracks = prepared(np.random.default_rng(0).uniform(1, 40, 30))
    assert plan("train", tracks[::-1], 16) == plan("train", tracks, 16)


# --- what is wrong with a copy
# ------------------------------------------------------------------------------


def spoil(pieces):
    """Every way to break a file; what the error must say of it, by path."""
    parts = sorted(pieces.glob("*/AuSep_1_*.wav"))
    whole = parts[0].read_bytes()
    sentences = {}

    def write_bytes(path, content, sentence):
        path.write_bytes(content)
        sentences[path] = sentence

    def write_audio(path, waveform, sample_rate, sentence, subtype="PCM_24"):
        soundfile.write(path, waveform, sample_rate, subtype=subtype)
        sentences[path] = sentence

    write_bytes(parts[0], whole[: len(whole) // 2], "is cut short")
    write_bytes(parts[1], b"", "is empty")
    write_bytes(parts[2], b"a diary" * 1000, "is no sound file that can be decoded")
    write_audio(parts[3], np.zeros((0, 1)), 48000, "holds no audio frames")
    write_audio(parts[4], np.full((88200, 1), 0.1), 44100, "has 44100 Hz and 1 channels")
    write_audio(parts[5], np.full((96000, 1), np.nan), 48000, "not finite numbers", "FLOAT")
    (mixture,) = parts[6].parent.glob("AuMix_*.wav")
    write_audio(mixture, np.zeros((96000, 1)), 48000, "is silent")
    kazoo = parts[7].rename(parts[7].with_name("AuSep_1_kazoo_08.wav"))
    sentences[kazoo] = "names the instrument 'kazoo'"
    return sentences


def test_everything_wrong_is_told_at_once_and_nothing_is_written(pieces, capsys):
    sentences = spoil(pieces)
    with pytest.raises(
        ValueError, match=f"^{pieces} has 8 errors, listed above; nothing was put in place.$"
    ):
        write.check(CONFIG, "urmp", pieces)
    printed = capsys.readouterr().out
    lines = printed.partition("errors (8):\n")[2].splitlines()
    for path, sentence in sentences.items():
        assert len([line for line in lines if str(path) in line and sentence in line]) == 1, path
    assert len(lines) == 8
    table = printed.partition("track  ")[2].partition("warnings")[0].splitlines()
    assert len(table) == 1 + 18
    assert sum("cannot be read" in line for line in table) == 8


def test_bad_tracks_are_skipped_where_that_is_wanted(pieces, tmp_path, capsys):
    bad = {path.parent.name for path in spoil(pieces)}
    manifest = write.write(CONFIG, "urmp", pieces, tmp_path / "out", Options(skip_bad=True))
    assert set(manifest.skipped) == bad
    assert load_manifest(str(tmp_path / "out")) == manifest
    assert {split: len(manifest.tracks(split)) for split in manifest.shards} == {
        "train": 5,
        "valid": 2,
        "test": 3,
    }
    printed = capsys.readouterr().out
    assert printed.index("warnings (") < printed.index("skipped (8):\n")
    assert printed.endswith("\nno errors\n")
    again = write.write(CONFIG, "urmp", pieces, tmp_path / "out", Options(skip_bad=True))
    assert again == manifest
    with pytest.raises(
        ValueError, match=rf"lack {sorted(bad)[0]}.*delete that folder to write all"
    ):
        write.write(CONFIG, "urmp", pieces, tmp_path / "out")


def test_a_skipped_track_that_was_mended_is_told(pieces, tmp_path):
    (path,) = pieces.glob("03_*/AuSep_2_*.wav")
    whole = path.read_bytes()
    cut(path)
    out = tmp_path / "out"
    write.write(CONFIG, "urmp", pieces, out, Options(skip_bad=True))
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=rf"^{pieces} has changed .*{path.name} has other bytes;"):
        write.write(CONFIG, "urmp", pieces, out, Options(skip_bad=True))


def test_damage_is_an_error_or_silence_that_is_told_and_remembered(pieces, tmp_path, capsys):
    part, other = sorted(pieces.glob("0[34]_*/AuSep_2_*.wav"))
    for path in (part, other):
        os.truncate(path, path.stat().st_size // 2)
    out = tmp_path / "out"
    with pytest.raises(ValueError, match="has 2 errors"):
        write.write(CONFIG, "urmp", pieces, out)
    told = f"{part} is cut short: it ends at 1.00 s, before it says it does; copy it again"
    assert told in capsys.readouterr().out
    read_on = Options(read_on_over_damage=True)
    manifest = write.write(CONFIG, "urmp", pieces, out, read_on)
    assert f"{part.name} is cut short: it ends at 1.00 s" in capsys.readouterr().out
    damaged = {track.name for track in manifest.tracks("train") if track.is_damaged}
    assert damaged == {part.parent.name, other.parent.name}
    assert list(iter_faults(str(out), against=pieces)) == []
    assert write.write(CONFIG, "urmp", pieces, out, read_on) == manifest
    with pytest.raises(ValueError, match=rf"silent where files of {part.parent.name}, .*--read_on"):
        write.write(CONFIG, "urmp", pieces, out)


def test_all_tracks_bad_is_an_error(pieces, tmp_path):
    for path in pieces.glob("*/AuMix_*.wav"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="has 1 error, listed"):
        write.write(CONFIG, "urmp", pieces, tmp_path / "out", Options(skip_bad=True))


def test_another_number_of_tracks_is_a_warning_or_an_error(corpus, capsys):
    write.check(CONFIG, "urmp", corpus)
    sentence = f"  {corpus} has 18 tracks, 44 were published; is the copy complete?"
    printed = capsys.readouterr().out
    assert sentence in printed.partition("warnings")[2].splitlines()
    assert printed.endswith("\nno errors\n")
    with pytest.raises(ValueError, match="has 1 error, listed"):
        write.check(CONFIG, "urmp", corpus, Options(strict=True))
    assert sentence in capsys.readouterr().out.partition("errors (1):")[2].splitlines()


def test_what_is_odd_is_a_warning(pieces, capsys):
    folders = sorted(path for path in pieces.iterdir() if path.is_dir())
    (first, *_), (second, *_), (third, *_) = (
        sorted(folder.glob("AuSep_*.wav")) for folder in folders[:3]
    )
    soundfile.write(first, np.zeros((96000, 1)), 48000, subtype="PCM_24")
    loud, rate = soundfile.read(second)
    soundfile.write(second, np.clip(40 * loud, -1, 1), rate, subtype="PCM_24")
    short, rate = soundfile.read(third)
    soundfile.write(third, short[:-100], rate, subtype="PCM_24")
    for path in folders[3].glob("Au*.wav"):
        soundfile.write(path, soundfile.read(path)[0], 44100, subtype="PCM_24")
    write.check(configs.override(CONFIG, ["data.splits=synthetic"]), "urmp", pieces)
    printed = capsys.readouterr().out
    warnings = printed.partition("warnings")[2]
    assert f"{folders[0]}: {first.name} is silent." in warnings
    assert f"{folders[1].name}: {second.name} clips: " in warnings
    assert (
        f"{folders[1].name}: AuMix_{folders[1].name}.wav is not the sum of its sources" in warnings
    )
    assert f"{folders[2].name}: {third.name} has 95900 frames, the track 96000: padded." in warnings
    assert f"{folders[3].name}: it has 44100 Hz, the corpus was published at 48000" in warnings
    assert printed.endswith("\nno errors\n")


def test_what_the_splits_name_but_is_not_there_is_a_warning(corpus, tmp_path, capsys):
    (tmp_path / "mine.json").write_text(
        json.dumps({"rule": "x", "train": ["*_*", "Song *"], "excluded": ["99_Lost"]})
    )
    write.check(configs.override(CONFIG, [f"data.splits={tmp_path / 'mine.json'}"]), "urmp", corpus)
    assert "name what is not there: Song *, 99_Lost." in capsys.readouterr().out


@pytest.mark.slow
def test_a_bucket_gets_the_same_bytes(corpus, written, gcs, bucket):
    url = f"gs://{bucket}/records/urmp"
    manifest = write.write(CONFIG, "urmp", corpus, url)
    assert {
        name: without_revision(gcs.get(bucket, f"records/urmp/{name}")) for name in written
    } == written
    assert set(gcs.sizes(bucket)) == {
        "records/urmp/",
        *(f"records/urmp/{name}" for name in written),
    }
    assert list(iter_faults(url)) == []
    assert write.write(CONFIG, "urmp", corpus, url) == manifest


@pytest.mark.slow
def test_a_shard_that_another_writer_replaces_meanwhile_is_one_sentence(
    corpus, gcs, bucket, monkeypatch
):
    url = f"gs://{bucket}/records/urmp"

    def put_and_replace(*placed):
        for number, entry in enumerate(put_shards(*placed)):
            if number == 3:
                gcs.put(bucket, f"records/urmp/{entry.name}", b"another")
            yield entry

    monkeypatch.setattr(write, "put_shards", put_and_replace)
    with pytest.raises(
        ValueError, match=rf"^{url}/train-00003-of-00008.tfrecord was written by another job at"
    ):
        write.write(CONFIG, "urmp", corpus, url)
    assert "records/urmp/manifest.json" not in gcs.sizes(bucket)


@pytest.mark.parametrize("content", [b"another", b"wha", b"", None])
def test_a_manifest_is_not_written_over_the_shards_of_another(gcs, bucket, content):
    folder = open_folder(f"gs://{bucket}/records")
    entries = []
    for name in ("a.tfrecord", "b.tfrecord"):
        folder.write_text(name, "what")
        entries.append(ShardEntry(name, *folder.stat(name), ()))
    manifest = Manifest(CONFIG, "urmp", "", {"train": tuple(entries)})
    write.require_in_place(manifest, folder)
    if content is None:
        folder.delete("b.tfrecord")
    else:
        gcs.put(bucket, "records/b.tfrecord", content)
    with pytest.raises(ValueError, match=r"records/b.tfrecord was written by another job at the"):
        write.require_in_place(manifest, folder)


@pytest.mark.parametrize("state", ["new", "begun", "finished"])
def test_of_two_jobs_in_one_folder_one_is_refused(corpus, written, tmp_path, state, monkeypatch):
    out = tmp_path / "out"
    if state == "begun":
        monkeypatch.setattr(write, "put_shards", lambda *_: iter(()))
        with pytest.raises(KeyError):
            write.write(CONFIG, "urmp", corpus, out)
        monkeypatch.undo()
    elif state == "finished":
        write.write(CONFIG, "urmp", corpus, out)
    with (
        held(str(out)),
        pytest.raises(ValueError, match=rf"^expected no other job at work in {out}, .*--out\.$"),
    ):
        write.write(configs.override(CONFIG, ["data.encoding=float32"]), "urmp", corpus, out)
    write.write(CONFIG, "urmp", corpus, out)
    assert bytes_of(out) == written


def test_an_unknown_source_is_an_error_that_lists_the_vocabulary(corpus, capsys):
    with pytest.raises(ValueError, match="has 18 errors"):
        write.check(configs.override(CONFIG, ["data.sources=kazoo,vn"]), "urmp", corpus)
    assert "which the vocabulary does not name; it names kazoo, vn." in capsys.readouterr().out


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts file systems")
@pytest.mark.parametrize("kib", [300, 1500])
def test_a_full_disk_is_one_sentence_and_no_manifest(corpus, written, tmp_path, kib):
    out = tmp_path / "out"
    out.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "none", out], check=False
    ).returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        with pytest.raises(OSError, match=f"No space left on device: '{out}/"):
            write.write(CONFIG, "urmp", corpus, out)
        assert [path.name for path in out.iterdir()] == [".scratch"]
        subprocess.run(["mount", "-o", "remount,size=50m", out], check=True)
        write.write(CONFIG, "urmp", corpus, out)
        assert bytes_of(out) == written
    finally:
        subprocess.run(["umount", out], check=True)
