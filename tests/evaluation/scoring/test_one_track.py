"""Scoring from files in several processes: the same rows as in memory, kept track by track,
interrupted, refused.
"""

import os
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from configs.schema import Evaluation
from data_prep.storage import LocalFolder
from evaluation.estimates.sound_files import read_frames
from evaluation.estimates.track_on_disk import TrackOnDisk, write_blocks
from evaluation.scores.results import Parts, Results, publish
from evaluation.scores.table import CONSTANT_GAIN, METRICS, SHARES, to_csv
from evaluation.scoring import segment_groups, workers
from evaluation.scoring.all_tracks import score_all
from evaluation.scoring.one_segment import score_track
from evaluation.scoring.one_track import score_track_on_disk
from evaluation.scoring.workers import Workers
from tests.support.oracles import oracle_estimates

pytestmark = pytest.mark.slow

RATE = 1000
VOCABULARY = ("va", "vc", "vn")
CONFIG = Evaluation(filter_taps=16)


def make_track(folder, name="01_Tune", secs=7.3, channels=1, seed=0):
    """Two sources, one of which rests, a slot that leaks, in files; and the same in memory."""
    rng = np.random.default_rng(seed)
    num_frames = round(secs * RATE)
    references = np.zeros((3, num_frames, channels), np.float32)
    references[:2] = 0.1 * rng.standard_normal((2, num_frames, channels))
    references[1, RATE : 3 * RATE] = 0
    estimates = references + 0.02 * rng.standard_normal(references.shape).astype(np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    mixture = references.sum(axis=0)
    files = {name: folder / f"reference-{name}.wav" for name in VOCABULARY[:2]}
    estimate_files = {name: folder / f"estimate-{name}.wav" for name in VOCABULARY}
    write_blocks({"": folder / "mixture.wav"}, RATE, channels, [{"": mixture}])
    write_blocks(files, RATE, channels, [dict(zip(VOCABULARY, references, strict=True))])
    write_blocks(estimate_files, RATE, channels, [dict(zip(VOCABULARY, estimates, strict=True))])
    stored = TrackOnDisk(
        *(name, VOCABULARY, RATE, channels, num_frames, folder / "mixture.wav", files),
        {"model": estimate_files},
    )
    return stored, (mixture, references, estimates)


def same(found, expected, atol=1e-6):
    assert [
        (row.system, row.start_secs, row.source, row.status, row.polyphony) for row in found
    ] == [(row.system, row.start_secs, row.source, row.status, row.polyphony) for row in expected]
    for row, other in zip(found, expected, strict=True):
        for metric in METRICS:
            ours, theirs = getattr(row, metric), getattr(other, metric)
            assert (
                ours == theirs
                or ours == pytest.approx(theirs, abs=atol)
                or min(abs(ours), abs(theirs)) > 100
            )  # rounding
        for share in SHARES:
            assert getattr(row, share) == pytest.approx(getattr(other, share), abs=1e-3)
    return True


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    "config", [CONFIG, replace(CONFIG, hop_secs=0.4), replace(CONFIG, segment_secs=20.0)]
)
@pytest.mark.parametrize("task_bytes", [1, 2**26])
def test_rows_are_those_of_the_track_in_memory(tmp_path, monkeypatch, channels, config, task_bytes):
    monkeypatch.setattr(segment_groups, "_BYTES", task_bytes)
    stored, (mixture, references, estimates) = make_track(tmp_path, channels=channels)
    systems = {"model": estimates, **oracle_estimates(mixture, references, RATE)}
    expected = score_track(stored.name, mixture, references, systems, VOCABULARY, RATE, config)
    advanced = []
    found = score_track_on_disk(stored, config, True, Workers(1), advanced.append)
    assert same(found, expected)
    assert sum(advanced) == pytest.approx(stored.secs)
    if task_bytes > 1:
        without = score_track_on_disk(replace(stored, mixture=None), config, False, Workers(1))
        assert same(
            without, [row for row in expected if row.system in ("model", "mixture", "silence")]
        )


@pytest.mark.parametrize("channels", [1, 2])
def test_the_constant_gain_is_the_mixture_times_a_number(tmp_path, channels):
    """Also a number below zero; a slot without one is silent."""
    stored, (mixture, references, _) = make_track(tmp_path, channels=channels)
    gains = {"va": 0.5, "vc": -0.25}
    # As the estimates of any other system, whose filters are its own.
    scaled = np.stack([0.5 * mixture, -0.25 * mixture, 0 * mixture])
    rows = score_track(
        stored.name, mixture, references, {"other": scaled}, VOCABULARY, RATE, CONFIG, gains
    )
    found = [row for row in rows if row.system == CONSTANT_GAIN]
    expected = [replace(row, system=CONSTANT_GAIN) for row in rows if row.system == "other"]
    assert same(found, expected)
    statuses = {row.status for row in found if row.source == "vn"}
    assert statuses == {"absent"}
    on_disk = score_track_on_disk(replace(stored, gains=gains), CONFIG, False, Workers(1))
    assert same([row for row in on_disk if row.system == CONSTANT_GAIN], expected)
    without = score_track_on_disk(stored, CONFIG, False, Workers(1))
    assert without == [row for row in on_disk if row.system != CONSTANT_GAIN]


def loaded_modules(_):
    threads = {library["num_threads"] for library in threadpool_info()}
    return {"tensorflow", "keras", "matplotlib"} & set(sys.modules), threads, os.getpid()


def square(number):
    return number**2


def hold_alone(_):
    with workers.memory_lock():
        start = time.monotonic()
        time.sleep(0.05)
        return start, time.monotonic()


def end(_):
    os._exit(3)


def test_processes_load_no_tensorflow_and_have_one_thread():
    # In a process of its own: the fork server of this one may have imported it for another test.
    script = (
        "from tests.evaluation.scoring.test_one_track import Workers, loaded_modules\n"
        "with Workers(2) as pool:\n"
        "    pool.fit(1)\n"
        "    for modules, threads, _ in pool.map(loaded_modules, range(4)):\n"
        "        assert (modules, threads) == (set(), {1}), (modules, threads)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_processes_give_the_same_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(segment_groups, "_BYTES", 1)
    stored, _ = make_track(tmp_path)
    with Workers(2) as pool:
        pool.fit(1)
        assert os.getpid() not in {process for _, _, process in pool.map(loaded_modules, range(4))}
        assert list(pool.map(square, range(20))) == [n**2 for n in range(20)]
        held = sorted(pool.map(hold_alone, range(4)))
        assert all(stop <= start for (_, stop), (start, _) in pairwise(held))
        assert same(
            score_track_on_disk(stored, CONFIG, True, pool),
            score_track_on_disk(stored, CONFIG, True, Workers(1)),
        )
        with pytest.raises(ValueError, match="ended unexpectedly, most likely for want of memory"):
            list(pool.map(end, range(2)))
        assert list(pool.map(square, [3])) == [9]  # a new pool takes its place


def test_there_are_as_many_processes_as_memory_allows(monkeypatch):
    used = 10**9
    monkeypatch.setattr(workers, "peak_memory", lambda: used)
    gram = 8 * (26 * 512) ** 2
    with Workers(8, 4 * 10**9) as pool:
        assert pool.fit(gram) == (4 * 10**9 - used) // (workers._IDLE_BYTES + gram) == 1
        assert pool.fit(8 * (8 * 512) ** 2) == 8
        assert pool.fit(8 * (8 * 512) ** 2, 2 * 10**9) == 3
        assert pool.fit(10**10) == 1
    with Workers(3) as pool:
        assert pool.fit(1) == 3


def test_tracks_are_kept_and_not_scored_again(tmp_path, capsys):
    tracks = [
        make_track(tmp_path / name, name, seed=i)[0] for i, name in enumerate(("a", "b", "c"))
    ]
    secs = {track.name: track.secs for track in tracks}

    def score(folder, wanted, made_from):
        results = Results(folder, list(secs), made_from)
        remaining = [track for track in wanted if track.name not in results.kept]
        rows = score_all(remaining, secs, results, CONFIG, False, Workers(1))
        described = results.describe({"made": made_from})
        publish(folder, {"scores.csv": to_csv(rows)}, described, lambda _: None)
        results.delete_parts()
        return rows

    with closing(LocalFolder(tmp_path / "whole")) as folder:
        expected = score(folder, tracks, {"step": 1})
    assert sorted(path.name for path in (tmp_path / "whole").iterdir()) == [
        "scores.csv",
        "scores.json",
    ]

    def interrupted():
        yield from tracks[:2]
        raise KeyboardInterrupt

    with closing(LocalFolder(tmp_path / "out")) as folder:
        results = Results(folder, list(secs), {"step": 1})
        with pytest.raises(KeyboardInterrupt):
            score_all(interrupted(), secs, results, CONFIG, False, Workers(1))
        assert not (tmp_path / "out" / "scores.csv").exists()
        assert Results(folder, list(secs), {"step": 1}).kept == {"a", "b"}
        capsys.readouterr()
        assert score(folder, tracks, {"step": 1}) == expected
        printed = capsys.readouterr().out.splitlines()
        assert printed[0] == "2 of 3 tracks scored before."
        assert printed[1].startswith("3/3 c scored (0:00:00 left)")
        results.keep("a", expected[:1])
        assert Results(folder, list(secs), {"step": 2}).kept == set()  # of other weights
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
            ".scratch",
            "scores.csv",
            "scores.json",
        ]


def test_what_was_kept_is_checked_before_it_is_believed(tmp_path):
    track, _ = make_track(tmp_path / "a", "a")
    rows = score_track_on_disk(track, CONFIG, False, Workers(1))

    def change(pattern):
        (path,) = (tmp_path / "out").glob(pattern)
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(lines[:-1]))

    with closing(LocalFolder(tmp_path / "out")) as folder:
        Results(folder, ["a"], {"step": 1}).keep("a", rows)
        change("part-*")
        results = Results(folder, ["a"], {"step": 1})
        with pytest.raises(ValueError, match=r"part-\S+, what was found of a, was changed or cut"):
            results.rows()
        results.keep("a", rows)
        assert results.rows() == rows
        publish(folder, {"scores.csv": to_csv(rows)}, results.describe({}), lambda _: None)
        results.delete_parts()
        assert Results(folder, ["a"], {"step": 1}).rows() == rows
        change("scores.csv")
        with pytest.raises(ValueError, match=r"out/scores\.csv was changed since it was written"):
            Results(folder, ["a"], {"step": 1})
        # Scores of other weights are made anew all the same, and so are those that are deleted.
        assert not Results(folder, ["a"], {"step": 2}).are_finished
        (tmp_path / "out" / "scores.csv").unlink()
        assert not Results(folder, ["a"], {"step": 1}).are_finished


def test_what_older_versions_left_of_tracks_is_taken_up(tmp_path):
    with closing(LocalFolder(tmp_path)) as folder:
        parts = Parts(folder, "part", ["a", "b"], [1])
        (tmp_path / f"part-{parts.made_from}-00001").write_text("as ever")
        (tmp_path / "part-0123456789abcdef-00001").write_text("of something else")
        again = Parts(folder, "part", ["a", "b"], [1])
        assert again.kept == {"b"}
        assert again.read("b") == "as ever"
        again.delete()
        assert [path.name for path in tmp_path.glob("part-*")] == []


@pytest.mark.parametrize("broken", ["mixture", "reference-va", "estimate-vn"])
def test_what_is_not_finite_is_named_with_its_place(tmp_path, broken):
    stored, _ = make_track(tmp_path)
    waveform = read_frames(tmp_path / f"{broken}.wav", 0, stored.num_frames)
    waveform[2500] = np.nan
    write_blocks({"": tmp_path / f"{broken}.wav"}, RATE, 1, [{"": waveform.astype(np.float32)}])
    name = {
        "mixture": "the mixture",
        "reference-va": "the reference va",
        "estimate-vn": "vn of the model",
    }[broken]
    with pytest.raises(ValueError, match=rf"track 01_Tune: {name} has values .* between 2 and 3 s"):
        score_track_on_disk(stored, CONFIG, True, Workers(1))


def test_a_file_that_ends_early_or_is_none_is_named(tmp_path):
    stored, _ = make_track(tmp_path)
    with pytest.raises(
        ValueError, match=r"estimate-va\.wav ends after 7300 frames, 7400 were expected"
    ):
        score_track_on_disk(
            replace(stored, num_frames=7400, mixture=None, references={}), CONFIG, False, Workers(1)
        )
    (tmp_path / "mixture.wav").write_text("none")
    with pytest.raises(ValueError, match=r"mixture\.wav is no sound file that"):
        score_track_on_disk(stored, CONFIG, False, Workers(1))
