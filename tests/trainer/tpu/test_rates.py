"""What was measured: its file, its table, its figure."""

from xml.etree import ElementTree

import pytest

from trainer.tpu.chips import CHIPS, chip_of_kind
from trainer.tpu.rates import Measurement, Series, draw, load, ratio_lines, row_line, save

CONFIG = {"name": "smoke", "sources": ("cl", "fl")}
SERIES = [
    Series(
        backend="tensorflow",
        device="1 x CPU (2 cores)",
        packages={"keras": "3.15.1"},
        rows=[
            Measurement("float32", 4, [90.0, 100.0, 120.0]),
            Measurement("float32", 8, []),
            Measurement("bfloat16", 4, [50.0]),
        ],
    ),
    Series(
        backend="jax",
        device="1 x CPU (2 cores)",
        packages={},
        rows=[Measurement("float32", 4, [200.0], 0.25), Measurement("bfloat16", 8, [40.0])],
    ),
]


def test_what_is_saved_is_loaded_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "new" / "rates.json"
    save(path, CONFIG, SERIES, {"4 x v5e, bfloat16": 1000.0})
    assert load(path, CONFIG) == SERIES
    assert [each.name for each in path.parent.iterdir()] == ["rates.json"]


@pytest.mark.parametrize(
    ("text", "config", "sentence"),
    [
        ("{}", CONFIG, "is not what trainer.benchmark writes, of version 1"),
        ('{"version": 1, "config": {}}', CONFIG, "was measured of another config"),
        ('{"version": 1, "config": {}}', {}, r"is not what trainer.benchmark writes \(.series"),
    ],
)
def test_a_file_of_something_else_is_refused(text, config, sentence, tmp_path):
    path = tmp_path / "rates.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=sentence):
        load(path, config)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (SERIES[0].rows[0], "float32 4 100.00 90.00-120.00 40.0 ms unknown"),
        (SERIES[0].rows[1], "float32 8 does not fit the memory"),
        (SERIES[1].rows[0], "float32 4 200.00 200.00-200.00 20.0 ms 25.0%"),
    ],
)
def test_a_line_of_the_table_says_what_was_measured_or_why_not(row, words):
    assert " ".join(row_line(row).split()) == words


def test_steps_are_compared_where_both_backends_took_them():
    (line,) = ratio_lines(SERIES)
    assert " ".join(line.split()) == (
        "float32 4 a step of jax takes 0.50 times that of tensorflow (20.0 and 40.0 ms)"
    )


def test_the_figure_has_a_line_per_backend_and_dtype(tmp_path):
    path = tmp_path / "rates.svg"
    draw(SERIES, {"4 x v5e, bfloat16": 1000.0}, "smoke", path)
    root = ElementTree.parse(path).getroot()
    texts = {"".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")}
    lines = {f"{each.backend}, {dtype}" for each in SERIES for dtype in ("float32", "bfloat16")}
    assert lines | {"smoke on 1 x CPU (2 cores)", "4", "8"} <= texts
    assert "1,000 at most" in texts


def test_chips_are_known_by_what_jax_calls_them():
    assert chip_of_kind("TPU v5 lite") is CHIPS["v5e"]
    assert chip_of_kind("cpu") is None
