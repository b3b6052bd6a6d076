"""The same recording in two tracks is found by its content, and nothing else is taken for it."""

import json

import numpy as np
import pytest
import soundfile

import configs
from data_prep import write
from data_prep.fingerprints.candidates import find_candidates
from data_prep.fingerprints.leaks import best_lag, self_similarity
from data_prep.fingerprints.sketches import hop_secs, make_sketch
from data_prep.synthesis import timbres
from data_prep.synthesis.composition import make_harmony, melody
from data_prep.synthesis.timbres import Note, play

RATE = 22050
CONFIG = configs.load("smoke", ["audio.sample_rate=22050", "data.excerpt_secs=30"])
SCORE_SECS = 16.0


def score(seed, instrument="vn"):
    rng, timbre = np.random.default_rng(seed), timbres.URMP[instrument]
    return melody(make_harmony(rng), timbre.low, timbre.high, SCORE_SECS, rng)


def perform(notes, player, instrument="vn", tempo=1.0, noise=0.0):
    """A take (T, 1): every player has a timbre and random phases of their own."""
    rng, frames = np.random.default_rng([77, player]), round(SCORE_SECS * tempo * RATE)
    notes = [Note(note.start_secs * tempo, note.secs * tempo, note.pitch) for note in notes]
    take = 0.2 * play(notes, timbres.URMP[instrument].varied(rng), RATE, frames, rng)
    return (take + noise * rng.standard_normal(frames)).astype(np.float32)[:, None]


def write_corpus(root, tracks):
    """``tracks``: name -> (split, {source: take}); the split file is root.json."""
    splits = {
        "rule": "as the test wants it",
        "names": {"mixture": "mixture", "*": "vn"},
        "vocabulary": ["vn", "vc"],
    }
    for name, (split, takes) in tracks.items():
        splits.setdefault(split, []).append(name)
        (root / name).mkdir(parents=True)
        for source, take in takes.items():
            soundfile.write(root / name / f"{source}.wav", take, RATE, subtype="PCM_24")
    root.with_suffix(".json").write_text(json.dumps(splits))
    return splits


def check(root, capsys, **changes):
    """What ``--check`` prints of a corpus; an error raises."""
    path = root.with_suffix(".json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    config = configs.override(CONFIG, [f"data.splits={path}"])
    try:
        write.check(config, "folder", root)
    finally:
        printed = capsys.readouterr().out
    return printed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "stop", "gain", "noise"),
    [
        (0, 352800, 1.0, 0.0),
        (30001, 301234, 0.1, 0.0),
        (0, 180003, -0.5, 0.0),
        (100_000, 352_800, 0.3, 0.002),
    ],
    ids=[
        "whole",
        "trimmed and attenuated",
        "its beginning upside down",
        "its end, with noise 21 dB below",
    ],
)
def test_the_same_take_in_two_splits_is_a_leak(tmp_path, capsys, start, stop, gain, noise):
    take = perform(score(1), 1)
    copy = gain * take[start:stop] + noise * np.random.default_rng(3).standard_normal(
        (stop - start, 1)
    )
    others = {f"other{i}": ("train", {"vn": perform(score(10 + i), i)}) for i in range(3)}
    write_corpus(
        tmp_path / "c", {**others, "a": ("train", {"vn": take}), "b": ("test", {"vn": copy})}
    )
    with pytest.raises(ValueError, match="has 1 error,"):
        check(tmp_path / "c", capsys)
    config = configs.override(CONFIG, [f"data.splits={tmp_path / 'c.json'}"])
    with pytest.raises(ValueError, match="nothing was put in place"):
        write.write(config, "folder", tmp_path / "c", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".scratch"]
    printed = capsys.readouterr().out
    assert "leak: " in printed
    assert "of a (train) and " in printed
    assert (
        f"(shifted by {start / RATE:.2f} s, correlation {1 if noise == 0 else 0.99:.2f}"[:-1]
        in printed
    )
    known = [{"tracks": ["b", "a"], "reason": "one take"}]
    printed = check(tmp_path / "c", capsys, known_leaks=known)
    assert "known leak between splits: b, a: one take." in printed
    assert "known leak, found: " in printed
    printed = check(tmp_path / "c", capsys, train=["other*", "a", "b"], test=[])
    assert "duplicate: " in printed


def test_a_part_that_two_tracks_share_is_a_leak(tmp_path, capsys):
    shared = perform(score(1), 1)
    tracks = {
        "a": ("train", {"vn": shared, "vc": perform(score(2, "vc"), 2, "vc")}),
        "b": ("test", {"vn": 0.5 * shared, "vc": perform(score(3, "vc"), 3, "vc")}),
    }
    write_corpus(tmp_path / "c", tracks)
    with pytest.raises(ValueError, match="has 1 error,"):
        check(tmp_path / "c", capsys, names={"vn": "vn", "vc": "vc"})


def test_performances_of_one_score_are_no_leak(tmp_path, capsys):
    notes = score(1)
    tracks = {
        "original": ("train", {"vn": perform(notes, 1)}),
        "noisy": ("train", {"vn": perform(notes, 2, noise=0.01)}),
        "slower": ("test", {"vn": perform(notes, 3, tempo=1.05, noise=0.001)}),
        "oboe": ("test", {"vn": perform(notes, 4, "ob")}),
        "again": ("test", {"vn": perform(notes, 5)}),
        "arrangement": (
            "valid",
            {"vn": perform(notes, 6, "fl") + perform(score(1, "vc"), 7, "vc")},
        ),
    }
    write_corpus(tmp_path / "c", tracks)
    printed = check(tmp_path / "c", capsys)
    assert "leak" not in printed
    assert "duplicate" not in printed


def test_performances_that_sketches_suspect_are_cleared_by_the_samples():
    """The test above would mean nothing if no performance had ever come before the last judge."""
    notes = score(1)
    takes = [perform(notes, 1), perform(notes, 5)]
    (candidate,) = find_candidates([make_sketch(take, RATE) for take in takes], [0, 1])
    assert candidate[:2] == (0, 1)
    assert abs(candidate.offset_hops * hop_secs(RATE)) < 0.15
    assert best_lag(takes[0][:, 0], takes[1][:, 0], 3000)[1] < 0.5


def test_every_two_tracks_are_compared_once_and_none_with_itself():
    hop = round(hop_secs(RATE) * RATE)
    one, other = (perform(score(i), i) for i in (1, 2))
    takes = {"a": (one, one), "b": (other, one[40 * hop :]), "c": (other[10 * hop :],)}
    sketches = [make_sketch(take, RATE) for track in takes.values() for take in track]
    found = find_candidates(sketches, [0, 0, 1, 1, 2])
    assert found == [(0, 3, 40), (1, 3, 40), (2, 4, 10)]


def test_the_pattern_of_a_machine_in_two_songs_is_a_warning(tmp_path, capsys):
    """One bar, the same to the sample, over and over; in one of the songs a stroke is missing."""
    rng, bar = np.random.default_rng(5), RATE * 2
    strokes = [rng.standard_normal(4000) * np.exp(-np.arange(4000) / 800) for _ in range(4)]
    one_bar = np.zeros(bar)
    for i in range(8):
        one_bar[i * bar // 8 :][:4000] += strokes[i % 4]
    drums = 0.1 * np.tile(one_bar, 8)[:, None].astype(np.float32)
    fewer = drums.copy()
    fewer[3 * bar // 8 :][:4000] = 0
    tracks = {
        "a": ("train", {"vn": perform(score(1), 1), "vc": drums}),
        "b": ("test", {"vn": perform(score(2), 2), "vc": 0.5 * fewer}),
    }
    write_corpus(tmp_path / "c", tracks)
    printed = check(tmp_path / "c", capsys, names={"vn": "vn", "vc": "vc"})
    assert "alike: vc of a (train) and vc of b (test) are one loop or machine's pattern" in printed
    assert "leak" not in printed


def test_only_what_repeats_is_like_itself():
    assert self_similarity(perform(score(1), 1)[:, 0], RATE // 2) < 0.5
    assert self_similarity(np.tile(perform(score(1), 1)[:RATE, 0], 5), RATE // 2) > 0.99
    assert self_similarity(np.zeros(10, np.float32), 20) == 0


@pytest.mark.parametrize("shift", [0, 1, 997])
def test_best_lag_is_exact(shift):
    noise = np.random.default_rng(0).standard_normal(20_000).astype(np.float32)
    left, right = noise[: 20_000 - shift], -0.3 * noise[shift:]
    for one, other, lag in ((left, right, shift), (right, left, -shift)):
        found, correlation = best_lag(one, other, 1000)
        assert (found, round(correlation, 5)) == (lag, 1)
    assert best_lag(np.zeros(100, np.float32), noise[:100], 10)[1] == 0


def test_sketches_of_nothing():
    for waveform in (np.zeros((0, 1)), np.zeros((100, 2)), np.zeros((RATE, 1))):
        assert len(make_sketch(waveform.astype(np.float32), RATE)) == 0
    assert find_candidates([], []) == []
    assert find_candidates([make_sketch(np.zeros((RATE, 1), np.float32), RATE)] * 2, [0, 1]) == []
