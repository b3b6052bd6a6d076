"""JSON and text of a stranger: a value, or one sentence that names the file."""

import json
import tracemalloc

import pytest

from configs import reading
from configs.reading import parse_json, parse_object, read_object, read_text

NEST = "[" * 40 + "{}" + "]" * 40


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; expected JSON"),
        (" \n", "is empty; expected JSON"),
        ("{'a': 1}", "is not JSON: Expecting property name"),
        ('{"a": 1}}', "is not JSON: Extra data: line 1 column 9"),
        ("\ufeff\ufeff{}", "is not JSON"),
        ('{"a": 1, "b": {"c": 2, "c": 3}}', "the field 'c' twice"),
        ('{"a": NaN}', "NaN is not a finite number"),
        ('{"a": [-Infinity]}', "-Infinity is not a finite number"),
        ('{"a": -1e999}', "-1e999 is not a finite number"),
        ("9" * 5000, "is not JSON: Exceeds the limit"),
        ("[" * 51 + "]" * 51, "more than 50 lists and objects within each other"),
        ('{"a":' * 60 + "1" + "}" * 60, "more than 50 lists and objects within each other"),
        ("[" * 100_000, "more than 50 lists and objects within each other"),
        ('{"a":' * 100_000, "more than 50 lists and objects within each other"),
        ('[{"a":' * 100_000 + "1" + "}]" * 100_000, "more than 50 lists and objects"),
    ],
)
def test_what_is_not_json_is_one_sentence(text, message):
    with pytest.raises(ValueError, match=message) as caught:
        parse_json(text, "given.json")
    said = str(caught.value)
    assert said.startswith("given.json ")
    assert len(said) < 300
    assert "\n" not in said


@pytest.mark.parametrize(
    "text", ["\ufeff[1]", NEST, "-0.0", '"\\udce9"', "[1e308, 18446744073709551617]"]
)
def test_what_is_json_means_what_it_says(text):
    assert parse_json(text, "given.json") == json.loads(text.removeprefix("\ufeff"))


@pytest.mark.parametrize(
    ("text", "found"),
    [("null", r"nothing \(null\)"), ("[{}]", "a list"), ("2.5", "a float"), ('"{}"', "a str")],
)
def test_an_object_is_wanted(text, found):
    with pytest.raises(ValueError, match=f"given.json holds {found}; expected a JSON object"):
        parse_object(text, "given.json")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"a": "\xe9"}', "is not text in UTF-8: byte 7 is 0xe9"),
        (b"\xff\xfe{\0}\0", "is not text in UTF-8: byte 0 is 0xff"),
        (b"\0\0\0", "is not JSON"),
        (b"", "is empty"),
    ],
)
def test_bytes_that_are_no_text_are_one_sentence(tmp_path, data, message):
    path = tmp_path / "given.json"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=message) as caught:
        read_object(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_byte_order_mark_is_left_out(tmp_path, mark):
    path = tmp_path / "given.json"
    path.write_bytes(mark + '{"title": "Für Elise"}'.encode())
    assert read_object(path) == {"title": "Für Elise"}


def test_a_file_of_a_terabyte_is_refused_without_being_read(tmp_path, monkeypatch):
    path = tmp_path / "given.json"
    with path.open("wb") as file:
        file.truncate(2**40)
    monkeypatch.setattr(reading, "LARGEST_TEXT_BYTES", 2**22)
    with pytest.raises(ValueError, match=r"given\.json is larger than 4 MiB"):
        read_text(path)


def test_a_small_file_takes_little_memory(tmp_path):
    path = tmp_path / "given.json"
    path.write_text("{}")
    tracemalloc.start()
    assert read_object(path) == {}
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2**22


def test_json_of_more_than_its_limit_is_refused_before_it_is_parsed(monkeypatch):
    monkeypatch.setattr(reading, "LARGEST_JSON_BYTES", 2**20)
    assert len(parse_json(f"[{'1,' * (2**18)}1]", "given.json")) == 2**18 + 1
    with pytest.raises(ValueError, match=r"given\.json is larger than 1 MiB"):
        parse_json("[" * 2**20 + "]", "given.json")


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_numbers_may_be_anything_where_that_is_said(number):
    text = f'{{"loss": {number}}}'
    assert repr(parse_object(text, "log", with_nan=True)["loss"]) == repr(float(number))
    with pytest.raises(ValueError, match=f"{number} is not a finite number"):
        parse_object(text, "log")
