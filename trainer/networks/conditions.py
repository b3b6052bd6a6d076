"""Says how each condition of a network is cut to one of its windows.

A condition is an array beside the mixture that steers what a network estimates, such as the labels
of a track. Conditions come as a dictionary of arrays by name. Each has a rule by which that of a
track becomes that of a window. Frames and columns count from the beginning of the track; a window
may begin before it and end behind it.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Cut = Callable[[Array, int, int], Array]
"""Takes the condition of a track, the first frame of a window and the window's number of frames."""


def whole(condition: Array, first_frame: int, num_frames: int) -> Array:  # noqa: ARG001
    """Returns a condition that holds for the whole track, whatever the window."""
    return condition


def by_column(frames_per_column: int) -> Cut:
    """Returns the rule of a condition with a row per column of time, (num_columns, ...).

    Column n is centred on frame n times ``frames_per_column``. A window of T frames gets
    ceil(T / frames_per_column) columns, from the one that is nearest to its first frame on; zeros
    stand in for what lies outside the track.
    """

    def cut(condition: Array, first_frame: int, num_frames: int) -> Array:
        first = (2 * first_frame + frames_per_column) // (2 * frames_per_column)
        stop = first + -(-num_frames // frames_per_column)
        inside = condition[max(first, 0) : max(stop, 0)]
        before = min(max(-first, 0), stop - first)
        behind = stop - first - before - len(inside)
        edges = [(0, 0)] * (condition.ndim - 1)
        return np.pad(inside, [(before, behind), *edges])

    return cut


def by_position(num_positions: int) -> Cut:
    """Returns the rule of a condition with a row per event, whose first columns are frames.

    One of them is where the event is; of two or more the first is where it begins, the last the
    frame behind its end, as with notes (onset, offset, pitch, slot). A window gets the rows that
    reach into it, with these columns counted from its own first frame.
    """

    def cut(condition: Array, first_frame: int, num_frames: int) -> Array:
        begins = condition[:, 0]
        ends = begins + 1 if num_positions == 1 else condition[:, num_positions - 1]
        reaches_in = (begins < first_frame + num_frames) & (ends > first_frame)
        # A copy, because it is selected by a mask: the condition of the track stays as it is.
        rows = condition[reaches_in]
        rows[:, :num_positions] -= first_frame
        return rows

    return cut


# Graphs are made anew for every number of events: it goes up in steps.
_EVENT_STEP = 64


def notes(condition: Array, first_frame: int, num_frames: int) -> Array:
    """Returns the notes that reach into a window, (N, 4) float32, and rows of zeros behind them.

    They come as onset, offset, cents, slot, whole numbers; N is a multiple of 64 and above 0.
    """
    inside = by_position(2)(condition, first_frame, num_frames)
    missing = _EVENT_STEP - len(inside) % _EVENT_STEP
    return np.pad(inside, ((0, missing), (0, 0))).astype(np.float32)


# The rule of every condition that a network can take.
CUTS: dict[str, Cut] = {"labels": whole, "notes": notes, "context": whole, "query": whole}


def cut_conditions(
    conditions: Mapping[str, Array], first_frame: int, num_frames: int
) -> dict[str, Array]:
    """Cuts the conditions of a track to a window of ``num_frames`` from ``first_frame`` on.

    Raises:
        ValueError: a condition has no rule.
    """
    for name in conditions:
        if name not in CUTS:
            raise ValueError(
                f"{name} has no rule that cuts it to a window; the conditions are "
                f"{', '.join(CUTS)} (trainer.networks.conditions)."
            )
    return {
        name: CUTS[name](condition, first_frame, num_frames)
        for name, condition in conditions.items()
    }


def require_taken(given: Collection[str], taken: Collection[str]) -> None:
    """Refuses other conditions than those that a network takes.

    Raises:
        ValueError: one is not taken, or one is missing.
    """
    if set(given) != set(taken):
        expected = ", ".join(taken) or "none"
        raise ValueError(
            f"the conditions are {', '.join(given) or 'none'}; this network takes {expected}."
        )
