"""Arrays as text: what is packed is what is read."""

import base64

import numpy as np
import pytest

from evaluation.player.packing import as_packed, num_letters, pack


def unpacked(packed):
    """Reads what was packed, as the script of a page does."""
    size = packed.described["value_bytes"]
    values = np.frombuffer(base64.b64decode(packed.text), f"<f{size}")
    arrays = {}
    for entry in packed.described["arrays"]:
        count = int(np.prod(entry["shape"]))
        arrays[entry["path"]] = values[:count].reshape(entry["shape"]).astype(np.float32)
        values = values[count:]
    assert len(values) == 0
    return arrays


@pytest.mark.parametrize("size", [4, 2])
def test_arrays_come_back_with_their_paths_and_shapes(size):
    rng = np.random.default_rng(0)
    shapes = {"a/kernel": (3, 5), "a/bias": (5,), "none": (0, 4)}
    arrays = {path: rng.standard_normal(shape) for path, shape in shapes.items()}
    rounded = {path: as_packed(array, size, path) for path, array in arrays.items()}
    packed = pack(rounded, size)
    back = unpacked(packed)
    assert list(back) == list(arrays)
    for path, array in arrays.items():
        np.testing.assert_array_equal(back[path], rounded[path])
        np.testing.assert_allclose(back[path], array, rtol=2.0 ** -(23 if size == 4 else 10))
    assert len(packed.text) == num_letters(20, size)


def test_a_network_that_went_astray_is_refused():
    with pytest.raises(ValueError, match="a/bias holds values that are no finite numbers"):
        as_packed(np.array([1, np.nan]), 4, "a/bias")


def test_what_float16_does_not_hold_is_refused():
    assert as_packed(np.array([7e4]), 4, "a")[0] == 7e4
    with pytest.raises(ValueError, match="a/bias has a value of 70000; expected at most 65,504"):
        as_packed(np.array([-7e4]), 2, "a/bias")
