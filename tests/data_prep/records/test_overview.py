"""The figure of a track has all its panels, whatever its length."""

from pathlib import Path

import numpy as np
import pytest

from data_prep.records.full_tracks import FullTrack
from data_prep.records.overview import draw_overview


@pytest.mark.parametrize("num_frames", [1, 100, 80_000])
def test_a_figure_of_any_length(num_frames):
    mixture = np.random.default_rng(0).standard_normal((num_frames, 2)).astype(np.float32)
    track = FullTrack("noise", ("a",), mixture, np.stack([mixture, 0 * mixture]))
    figure = draw_overview(track, 8000, ("a", "b"), slice(0, 1))
    assert [axis.get_ylabel() for axis in figure.axes] == ["mixture", "a", "activity", "hertz"]
    figure.savefig(Path("/dev/null"), format="png")
    active = figure.axes[2].collections[0].get_array().reshape(2, -1)
    assert (active[0] > -20).all()
    assert (active[1] == -80).all()
