"""Which formats a flag names, and what is said where packages for them are missing."""

import sys

import pytest

from trainer.exports.formats import FORMATS, parse_formats, require_packages


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("saved_model", ["saved_model"]),
        ("tflite_int8, onnx,onnx", ["tflite_int8", "onnx"]),
        (",".join(FORMATS), list(FORMATS)),
    ],
)
def test_formats_are_named_with_commas_each_once(text, names):
    assert parse_formats(text) == names


@pytest.mark.parametrize("text", ["", "onnx,", "ONNX", "keras", "onnx tflite"])
def test_an_unknown_format_is_refused_and_all_are_named(text):
    with pytest.raises(
        ValueError, match=r"expected some of saved_model, onnx, tflite, tflite_int8"
    ):
        parse_formats(text)


def test_missing_packages_are_named_as_pip_calls_them(monkeypatch):
    # As where they were never installed.
    for module in ("tf2onnx", "ai_edge_litert"):
        monkeypatch.setitem(sys.modules, module, None)
    require_packages(["saved_model"])
    with pytest.raises(ValueError, match=r"--format=tflite needs .*pip install ai-edge-litert\.$"):
        require_packages(["tflite"])
    with pytest.raises(ValueError, match=r"pip install .*tf2onnx ai-edge-litert\.$"):
        require_packages(["saved_model", "onnx", "tflite"])
