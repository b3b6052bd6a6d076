"""The closed form against the published sizes, and against walking through the layers one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.geometry import PatchGeometry

ODD = st.integers(0, 8).map(lambda n: 2 * n + 1)


@pytest.mark.parametrize(
    ("levels", "mixture", "estimate"),
    [(12, 147443, 16389), (12, 163827, 32773), (4, 2547, 2053), (6, 6131, 4101), (8, 24563, 16389)],
)
def test_published_sizes(levels, mixture, estimate):
    geometry = PatchGeometry(levels, 15, 5, "valid", estimate)
    assert geometry.mixture_frames == mixture
    assert geometry.context_frames == (mixture - estimate) // 2


def test_context_of_the_published_network_does_not_depend_on_the_patch():
    sizes = [PatchGeometry(12, 15, 5, "valid", 4096 * x - 20475) for x in (5, 9, 13, 100)]
    assert {geometry.context_frames for geometry in sizes} == {65527}


def walk(frames, levels, down_kernel, up_kernel):
    """A valid network layer by layer: frames that enter each level, of each skip used, and of the
    estimate.

    Every crop must be possible and symmetric.
    """
    entering, skips, used = [], [], []
    for _ in range(levels):
        entering.append(frames)
        frames -= down_kernel - 1
        assert frames % 2 == 1
        skips.append(frames)
        frames = (frames + 1) // 2
    entering.append(frames)
    frames -= down_kernel - 1
    assert frames > 0
    for skip in reversed(skips):
        frames = 2 * frames - 1
        assert skip >= frames
        assert (skip - frames) % 2 == 0
        used.insert(0, frames)
        frames -= up_kernel - 1
        assert frames > 0
    return entering, used, frames


@given(st.integers(1, 9), ODD, ODD, st.integers(1, 5000))
def test_valid_sizes_are_those_of_the_layers(levels, down_kernel, up_kernel, wanted):
    legal = nearest(levels, down_kernel, up_kernel, "valid", wanted)
    for frames in legal:
        geometry = PatchGeometry(levels, down_kernel, up_kernel, "valid", frames)
        entering, skips, estimate_frames = walk(
            geometry.mixture_frames, levels, down_kernel, up_kernel
        )
        assert estimate_frames == frames
        assert [geometry.encoder_frames(level) for level in range(1, levels + 2)] == entering
        assert [geometry.skip_frames(level) for level in range(1, levels + 1)] == skips
        assert geometry.for_mixture(geometry.mixture_frames) == geometry
        assert geometry.mixture_frames == frames + 2 * geometry.context_frames
        assert (geometry.bottleneck_frames >= 1) and frames >= 1


def nearest(levels, down_kernel, up_kernel, padding, wanted):
    """The sizes that a refusal names, or the wanted one where it is legal."""
    try:
        PatchGeometry(levels, down_kernel, up_kernel, padding, wanted)
    except ValueError as error:
        return [int(word) for word in str(error).rstrip(".").split("sizes are ")[1].split(" and ")]
    return [wanted]


@given(st.integers(1, 9), ODD, ODD, st.sampled_from(["valid", "same"]), st.integers(1, 20000))
def test_the_sizes_a_refusal_names_are_the_nearest(levels, down_kernel, up_kernel, padding, wanted):
    legal = nearest(levels, down_kernel, up_kernel, padding, wanted)
    for frames in legal:  # every one is legal
        PatchGeometry(levels, down_kernel, up_kernel, padding, frames)
    if len(legal) == 2:  # and they are neighbours around the wanted one
        assert legal[0] < wanted < legal[1] == legal[0] + 2**levels


@given(st.integers(1, 9), ODD, ODD, st.integers(0, 50_000))
def test_hop_is_the_largest_multiple_of_the_stride_in_an_estimate(
    levels, down_kernel, up_kernel, extra
):
    smallest = PatchGeometry(
        levels,
        down_kernel,
        up_kernel,
        "valid",
        nearest(levels, down_kernel, up_kernel, "valid", 1)[0],
    )
    geometry = smallest.resized(2**levels + extra)
    assert geometry.hop_frames % 2**levels == 0
    assert geometry.hop_frames <= geometry.estimate_frames < geometry.hop_frames + 2**levels


def test_same_padding_keeps_the_middle_of_a_patch():
    geometry = PatchGeometry(4, 15, 5, "same", 2048)
    assert geometry.mixture_frames == 2048
    assert [geometry.encoder_frames(level) for level in range(1, 6)] == [2048, 1024, 512, 256, 128]
    assert [geometry.skip_frames(level) for level in range(1, 5)] == [2048, 1024, 512, 256]
    assert geometry.kept_offset >= geometry.context_frames == 15 * 10 + 16 * 7
    assert geometry.kept_offset + geometry.hop_frames <= 2048 - geometry.context_frames
    with pytest.raises(ValueError, match="has no 16 frames to keep"):
        _ = PatchGeometry(4, 15, 5, "same", 512).hop_frames


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((12, 15, 5, "valid", 16384), "nearest legal sizes are 12293 and 16389"),
        ((12, 15, 5, "same", 16389), "nearest legal sizes are 16384 and 20480"),
        ((0, 15, 5, "valid", 5), "at least 1 level"),
        ((6, 14, 5, "valid", 4101), "down_kernel is 14; kernels are odd"),
        ((6, 15, -1, "valid", 4101), "up_kernel is -1; kernels are odd"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        PatchGeometry(*arguments)
