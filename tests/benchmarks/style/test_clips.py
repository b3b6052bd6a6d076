"""Clips of styles: at most twelve of an artist, of stretches that are loud, drawn by a seed."""

from pathlib import Path

import numpy as np

from benchmarks.style.clips import CLIP_SECS, RATE, by_artist, draw_starts, levels_of
from benchmarks.style.features import bandwidth


def test_clips_are_drawn_without_silence_and_never_twice():
    levels = {"a": [-10.0] * 9 + [-90.0], "b": [-90.0, -20.0]}
    drawn = draw_starts(levels, 12, 0)
    assert drawn == [("a", number) for number in range(9)] + [("b", 1)]
    few = draw_starts(levels, 4, 0)
    assert len(set(few)) == 4
    assert few == draw_starts(levels, 4, 0)
    assert few == sorted(few)
    assert any(draw_starts(levels, 4, seed) != few for seed in range(1, 5))


def test_levels_are_of_whole_stretches():
    frames = CLIP_SECS * RATE
    signal = np.concatenate([np.full(frames, 0.1), np.zeros(frames), np.ones(frames - 1)])
    np.testing.assert_allclose(levels_of(signal.astype(np.float32)), [-20.0, -180.0], atol=1e-4)


def test_files_belong_to_the_artist_of_their_tag_and_are_counted_without_one():
    paths = [Path(f"{number}.ogg") for number in range(5)]
    tags = ["elysis", "www.elysis.de", None, "A/B", "Gerd (elysis) Raudenbusch"]
    artists, num_untagged = by_artist({"electronic": list(zip(paths, tags, strict=True))})
    assert num_untagged == 1
    assert [(artist.name, artist.sounds) for artist in artists] == [
        ("A B", [[paths[3]]]),
        ("elysis", [[paths[0]], [paths[1]], [paths[4]]]),
    ]


def test_a_bandwidth_lies_between_the_edges_of_what_is_heard():
    time = np.arange(RATE) / RATE
    two = np.sin(2 * np.pi * 500 * time) + 0.1 * np.sin(2 * np.pi * 3000 * time)
    quieter = 0.001 * np.sin(2 * np.pi * 6000 * time)
    low, high = bandwidth((two + quieter).astype(np.float32), RATE)
    # Bins are 16 Hz wide, and a window spreads a tone over some.
    assert abs(low - 500) < 50
    assert abs(high - 3000) < 50
