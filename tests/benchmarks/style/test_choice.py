"""Layers are chosen without the clips that are held out."""

from collections import Counter

import numpy as np

from benchmarks.style import choice
from benchmarks.style.choice import hold_out_and_choose
from benchmarks.style.experiment import ARTIST, CLIP, Labels, measure
from evaluation.classes.linear import Learner

RNG = np.random.default_rng(0)
# 2 classes of 3 artists of 4 clips
TARGETS = np.repeat([0, 1], 12)
ARTISTS = np.repeat(np.arange(6), 4)
NOISE = RNG.normal(size=(24, 30))
TELLING = 3 * TARGETS[:, None] + RNG.normal(size=(24, 2))


def test_what_tells_classes_of_other_artists_apart_is_chosen(monkeypatch):
    monkeypatch.setattr(choice, "PENALTIES", (10.0, 0.1))
    features = {"noise": NOISE, "telling": TELLING}
    chosen = hold_out_and_choose(Learner("class", 2), features, TARGETS, ARTISTS, 6)
    assert (chosen.said == TARGETS).mean() > 0.9
    assert Counter(name for name, _ in chosen.choices.elements()) == {"telling": 6}


def test_nothing_of_what_is_held_out_plays_a_part_in_its_choice(monkeypatch):
    monkeypatch.setattr(choice, "PENALTIES", (1.0,))
    seen = []
    inner_losses = choice.inner_losses

    def watched(learner, features, targets, groups):
        seen.append(set(groups.tolist()))
        return inner_losses(learner, features, targets, groups)

    monkeypatch.setattr(choice, "inner_losses", watched)
    hold_out_and_choose(Learner("class", 2), {"telling": TELLING}, TARGETS, ARTISTS, 6)
    assert seen == [set(range(6)) - {artist} for artist in range(6)]


def test_artists_that_are_known_look_better(monkeypatch):
    monkeypatch.setattr(choice, "PENALTIES", (1.0,))
    files = [f"{'ab'[style]}/{artist}/{n}.wav" for style, artist in enumerate("xy") for n in (0, 1)]
    assert Labels(files).styles == ["a", "a", "b", "b"]
    assert Labels(files).artists == ["x", "x", "y", "y"]
    names = [
        f"{'ab'[c]}/{a}/{i}.wav" for i, (c, a) in enumerate(zip(TARGETS, ARTISTS, strict=True))
    ]
    # Each artist is recognised, and is of a class by chance alone.
    album = {"album": np.eye(6)[ARTISTS] + 0.01 * NOISE[:, :6]}
    by_artist = measure("album", album, Labels(names), ARTIST)
    by_clip = measure("album", album, Labels(names), CLIP)
    assert by_clip.balanced_accuracy == 1.0
    assert by_artist.balanced_accuracy < 0.7
    assert (by_clip.num_clips, by_clip.num_artists) == (24, 6)
    assert sum(by_clip.choices.values()) == 6
