"""Files of safetensors are read as they are meant, and refused where they are damaged."""

import json

import numpy as np
import pytest

from trainer.imports.tensor_file import read_tensors


def write(path, header, numbers):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + numbers)
    return path


def entry(dtype, shape, start, stop):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


def test_every_type_of_weights_is_float32(tmp_path):
    arrays = {
        "F64": np.array([[1.5, -2.0]]),
        "F16": np.array([0.25, 3.0, -1.0], np.float16),
        "I64": np.array(7),
    }
    header = {"__metadata__": {"format": "pt"}}
    numbers = b""
    for dtype, array in arrays.items():
        stop = len(numbers) + array.nbytes
        header[dtype] = entry(dtype, array.shape, len(numbers), stop)
        numbers += array.tobytes()
    # 1 and -2.5 in bfloat16, and a type that is left out.
    start = len(numbers)
    header["BF16"] = entry("BF16", [2], start, start + 4)
    header["BOOL"] = entry("BOOL", [1], start + 4, start + 5)
    numbers += bytes.fromhex("803f20c001")
    found = read_tensors(write(tmp_path / "a", header, numbers))
    assert {each.dtype for each in found.values()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(found.pop("BF16"), [1, -2.5])
    for dtype, array in arrays.items():
        assert found[dtype].shape == array.shape
        np.testing.assert_array_equal(found.pop(dtype), array)
    assert found == {}


GOOD = {"a": entry("F32", [2], 0, 8), "b": entry("F32", [1], 8, 12)}


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ({**GOOD, "b": entry("F32", [1], 4, 8)}, "b begins at byte 4, and what lies before it"),
        ({**GOOD, "b": entry("F32", [1], 9, 13)}, "b begins at byte 9"),
        ({**GOOD, "b": entry("F32", [2], 8, 16)}, "has 12 bytes of numbers; its header says 16"),
        ({"a": GOOD["a"]}, "has 12 bytes of numbers; its header says 8"),
        ({**GOOD, "b": entry("F32", [2], 8, 12)}, "has 4 bytes for b, whose shape needs 8"),
        ({**GOOD, "b": entry("F32", [2**62, 4], 8, 12)}, "whose shape needs"),
        ({**GOOD, "b": entry("F32", [-1], 8, 12)}, "lacks the dtype, shape or data_offsets"),
        ({**GOOD, "b": {"dtype": "F32"}}, "lacks the dtype, shape or data_offsets"),
        ({**GOOD, "b": 1}, "lacks the dtype, shape or data_offsets"),
        (b"[1]", "expected a JSON object"),
        (b"\xff\xff", "is not text in UTF-8"),
    ],
)
def test_damage_is_told_in_a_sentence(tmp_path, header, sentence):
    path = write(tmp_path / "a", header, np.arange(3, dtype=np.float32).tobytes())
    with pytest.raises(ValueError, match=sentence):
        read_tensors(path)


@pytest.mark.parametrize("data", [b"", b"\xff" * 9, b"\x05\0\0\0\0\0\0\0{}"])
def test_a_header_ends_within_the_file(tmp_path, data):
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(ValueError, match="its header would end beyond it"):
        read_tensors(tmp_path / "a")
