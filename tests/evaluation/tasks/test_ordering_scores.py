"""What stands beside a run that orders clips: the edge rule, dice, controls."""

import numpy as np
import pytest

import configs
from evaluation.tasks.ordering.controls import NUM_PIECES, iter_controls
from evaluation.tasks.ordering.rivals import places_by_edges
from evaluation.tasks.ordering.scores import (
    ALL,
    Row,
    by_chance,
    is_by_dice,
    make_system,
    to_csv,
)

RATE = 8000


def glide(num_frames):
    """A tone that rises all the time: ends meet begins."""
    hertz = np.linspace(300, 2500, num_frames)
    return np.sin(2 * np.pi * np.cumsum(hertz) / RATE)


@pytest.mark.parametrize("num_clips", [2, 5, 9, 12])
def test_the_edge_rule_joins_what_fits_or_its_reverse(num_clips):
    rng = np.random.default_rng(num_clips)
    whole = glide(num_clips * 800)
    true = np.stack([rng.permutation(num_clips) for _ in range(4)])
    pieces = whole.reshape(num_clips, 800)
    gains = rng.uniform(0.2, 3.0, (4, num_clips, 1)) * rng.choice([-1, 1], (4, num_clips, 1))
    clips = (pieces[true] * gains)[..., None].astype(np.float32)
    assert places_by_edges(clips, RATE).tolist() == true.tolist()


def test_the_edge_rule_orders_noise_by_dice():
    clips = np.random.default_rng(0).normal(size=(600, 3, 400, 1)).astype(np.float32)
    places = places_by_edges(clips, RATE)
    rows = Row("edge rule", "noise", 600, *(np.mean(places == [0, 1, 2], axis=1).mean(),), 0, 0, 0)
    assert rows.position == pytest.approx(1 / 3, abs=0.05)


def row(track, value, num_puzzles=100):
    return Row("model", track, num_puzzles, value, value / 2, value, 0.0)


def test_a_system_is_the_mean_of_its_tracks():
    system = make_system("model", [row(f"{i}", 0.1 * i) for i in range(8)])
    assert system.whole.track == ALL
    assert system.whole.num_puzzles == 800
    assert system.whole.position == pytest.approx(0.35)
    assert system.intervals["position"].low < 0.35 < system.intervals["position"].high
    # Of fewer than six tracks there is none.
    assert not make_system("model", [row("a", 0.5), row("b", 0.6)]).intervals
    table = to_csv([*system.tracks, system.whole])
    assert table.splitlines()[0] == (
        "system,track,num_puzzles,position,exact,exact_or_reversed,tau"
    )
    assert len(table.splitlines()) == 10


def test_dice_are_told_from_cheats():
    dice = by_chance(3).whole
    assert (dice.position, dice.exact) == (pytest.approx(1 / 3), pytest.approx(1 / 6))
    rng = np.random.default_rng(2)
    drawn = np.argsort(rng.uniform(size=(10_000, 3)), axis=1)
    right = drawn == [0, 1, 2]
    exact = right.all(axis=1).mean()
    either = exact + (drawn == [2, 1, 0]).all(axis=1).mean()
    assert is_by_dice(Row("noise", "noise", 10_000, right.mean(), exact, either, 0), 3)
    assert not is_by_dice(Row("noise", "noise", 10_000, 1 / 3 + 0.02, exact, either, 0), 3)
    assert not is_by_dice(Row("noise", "noise", 10_000, 1 / 3, 1 / 6, 0.8, 0), 3)
    assert is_by_dice(Row("noise", "noise", 10, 0.4, 0.2, 0.4, 0), 3)


def test_controls_are_what_they_are_called_at_the_rate_of_the_run():
    config = configs.load("smoke_ordering", [f"audio.sample_rate={RATE}", "audio.channels=2"])
    found = dict(iter_controls(config))
    assert list(found) == [
        *("noise", "tone 55", "tone 110", "tone 440", "tone 3520", "coded noise"),
    ]
    for name, pieces in found.items():
        assert len(pieces) == NUM_PIECES
        for piece in pieces:
            assert piece.shape[1] == 2
            assert len(piece) >= 20 * RATE - 2000
            if name.startswith("tone"):
                spectrum = np.abs(np.fft.rfft(piece[:, 0]))
                peak = spectrum.argmax() * RATE / len(piece)
                assert peak == pytest.approx(float(name.split()[1]), abs=0.2)
