"""Draws how far probabilities can be believed, and what was heard of each track over time.

Axes: K instruments, J columns, N columns of all tracks.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from configs import instruments
from data_prep.runtime.quantities import pluralized
from evaluation.document import svg
from evaluation.document.parts import Panel
from evaluation.tasks.tagging.answers import Answers
from trainer.tasks.tagging.listening import HeardTrack

# In CSS pixels.
_CALIBRATION_SIZE = (360, 240)
_CALIBRATION_MARGINS = svg.Margins(left=48, right=16, top=8, bottom=40)
_STRIP_WIDTH = 720
_ROW_HEIGHT = 22
_STRIP_MARGINS = svg.Margins(left=110, right=12, top=6, bottom=34)
# Of probabilities, from 0 to 1.
_CALIBRATION_BINS = 10
# Of a strip; more would be bytes that no eye tells apart.
_MOST_POINTS = 240


def calibration_panel(answers: Answers) -> Panel:
    """Draws how often an instrument sounds where it is heard with a probability."""
    activity = answers.activity.ravel()
    truth = answers.truth.ravel()
    bins = np.minimum((activity * _CALIBRATION_BINS).astype(int), _CALIBRATION_BINS - 1)
    counts = np.bincount(bins, minlength=_CALIBRATION_BINS)
    known = counts > 0
    said = np.bincount(bins, activity, _CALIBRATION_BINS)[known] / counts[known]
    is_so = np.bincount(bins, truth, _CALIBRATION_BINS)[known] / counts[known]
    # Naeini, Cooper, Hauskrecht, AAAI 2015.
    error = float(np.sum(counts[known] * np.abs(said - is_so)) / counts.sum())
    with svg.drawing(*_CALIBRATION_SIZE, _CALIBRATION_MARGINS) as (figure, axes):
        axes.plot([0, 1], [0, 1], color=svg.MIXTURE, linestyle=":")
        axes.plot(said, is_so, color=svg.MODEL, marker="o", markersize=4)
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel("probability that it says")
        axes.set_ylabel("share in which it sounds")
        drawn = svg.make_svg(figure, "calibration")
    pairs = ", ".join(f"{a:.0%}: {b:.0%}" for a, b in zip(said, is_so, strict=True))
    return Panel(
        "calibration",
        "Said, and so",
        drawn,
        f"Where it says so much, it sounds in so many columns: {pairs}.",
        f"Expected calibration error {error:.1%}. Dotted: as it should be.",
    )


def track_panel(answers: Answers, number: int, secs_a_column: float) -> Panel:
    """Draws the truth over the probability of every instrument of a track that plays or is heard.

    Args:
        answers: of the model.
        number: of the track.
        secs_a_column: the distance of two columns.
    """
    track = answers.tracks[number]
    shown = np.flatnonzero(answers.labels[number] | answers.heard_labels[number])
    key = f"track-{number}"
    title = f"{track.name}"
    num_columns = track.activity.shape[1]
    secs = num_columns * secs_a_column
    if not len(shown):
        return Panel(key, title, None, "Nothing plays, and nothing is heard.", "Nothing is heard.")
    names = [instruments.name_of(answers.sources[slot]) for slot in shown]
    limits = list(answers.thresholds.values())
    height = len(shown) * _ROW_HEIGHT + _STRIP_MARGINS.top + _STRIP_MARGINS.bottom
    with svg.drawing(_STRIP_WIDTH, height, _STRIP_MARGINS) as (figure, axes):
        for row, slot in enumerate(shown):
            base = len(shown) - 1 - row
            times, loudest = _thinned(track.activity[slot], secs)
            axes.fill_between(times, base, base + 0.66 * loudest, color=svg.MODEL, linewidth=0)
            limit = base + 0.66 * limits[slot]
            axes.plot([0, secs], [limit, limit], color=svg.MIXTURE, linewidth=0.5)
            for start, stop in _spans(track.truth[slot]):
                x = [start * secs_a_column, stop * secs_a_column]
                axes.plot(x, [base + 0.8] * 2, color=svg.INK, linewidth=3, solid_capstyle="butt")
        axes.set_xlim(0, secs)
        axes.set_ylim(-0.1, len(shown))
        axes.set_yticks([len(shown) - 1 - row + 0.4 for row in range(len(shown))], names)
        axes.set_xlabel("seconds")
        drawn = svg.make_svg(figure, key)
    return Panel(key, title, drawn, _in_words(track, shown, names), "")


def _thinned(
    values: NDArray[np.float32], secs: float
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Returns times and the largest value around each, few enough to be drawn."""
    num_points = min(len(values), _MOST_POINTS)
    starts = np.arange(num_points) * len(values) // num_points
    return np.linspace(0, secs, num_points), np.maximum.reduceat(values, starts)


def _spans(truth: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Returns where it begins to sound and where it ends, in columns."""
    edges = np.flatnonzero(np.diff(truth.astype(np.int8), prepend=0, append=0))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _in_words(track: HeardTrack, shown: NDArray[np.intp], names: Sequence[str]) -> str:
    parts = []
    for slot, name in zip(shown, names, strict=True):
        truth = track.truth[slot]
        said = track.activity[slot]
        within = f"mean probability {said[truth].mean():.0%} where it sounds" if truth.any() else ""
        outside = f"{said[~truth].mean():.0%} elsewhere" if not truth.all() else ""
        words = ", ".join(word for word in (within, outside) if word)
        parts.append(f"{name} sounds in {pluralized(int(truth.sum()), 'column')}: {words}")
    return "; ".join(parts) + "."
