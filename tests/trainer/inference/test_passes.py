"""Passes over a song: which there are, and that what they change is undone in blocks of any size."""

import numpy as np
import pytest

import configs
from trainer.inference.passes import Pass, passes_of

STEREO = ["audio.channels=2"]
FLIPS = ["augmentation.flip_polarity=true"]


def test_the_order_is_fixed():
    """It stands in the lists of finished stems, which another order makes anew."""
    found = passes_of(configs.load("smoke"), 8)
    assert found == [Pass(shift) for shift in (0, 39, 14, 53, 28, 3, 42, 17)]
    assert passes_of(configs.load("musdb"), 3) == [Pass(0), Pass(2531), Pass(966)]
    both = passes_of(configs.load("smoke", [*STEREO, *FLIPS]), 5)
    assert both[:3] == [Pass(0), Pass(39, inverts=True), Pass(14, swaps=True)]
    assert both[3:] == [Pass(53, inverts=True, swaps=True), Pass(28)]


@pytest.mark.parametrize("levels", [1, 2, 3, 4, 6])
@pytest.mark.parametrize(
    ("overrides", "num_ways"),
    [
        ([], 1),
        (FLIPS, 2),
        (STEREO, 2),
        ([*STEREO, *FLIPS], 4),
    ],
)
def test_all_passes_differ_and_no_more_are_taken(levels, overrides, num_ways):
    config = configs.load(
        "smoke", [f"model.num_levels={levels}", "model.estimate_frames=5", *overrides]
    )
    most = min(32, num_ways * 2**levels)
    found = passes_of(config, most)
    assert len(set(found)) == most
    assert found[0] == Pass()
    # None is a multiple of the stride, of which the network would repeat itself.
    assert all(0 <= each.shift_frames < 2**levels for each in found)
    for number in (0, -1, most + 1):
        with pytest.raises(
            ValueError, match=f"expected from 1 to {most} passes of .* got {number}"
        ):
            passes_of(config, number)


@pytest.mark.parametrize("lengths", [(1,), (0, 1), (9, 4), (2, 1, 1, 7)])
@pytest.mark.parametrize(
    "each", [Pass(), Pass(5), Pass(3, inverts=True), Pass(2, swaps=True), Pass(1, True, True)]
)
def test_what_a_pass_changes_is_undone(lengths, each):
    song = np.random.default_rng(0).standard_normal((3, sum(lengths), 2)).astype(np.float32)
    blocks = np.split(song, np.cumsum(lengths)[:-1], axis=1)
    heard = np.concatenate(list(each.iter_heard(blocks)), axis=1)
    late = each.shift_frames
    expected = np.pad(song, ((0, 0), (late, 0), (0, 0)))
    expected = expected[:, :, ::-1] if each.swaps else expected
    np.testing.assert_array_equal(heard, -expected if each.inverts else expected)
    # The estimates of a network that gives back what it hears, in other blocks.
    for cuts in ([], [2], [1, 3]):
        estimates = np.split(heard[:, None], cuts, axis=2)
        found = list(each.iter_estimates(estimates))
        np.testing.assert_array_equal(np.concatenate(found, axis=2)[:, 0], song)
