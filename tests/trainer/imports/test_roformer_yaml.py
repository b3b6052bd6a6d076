"""The yaml of a RoFormer is read as plain values and tuples, and nothing in it is run."""

import pytest

from trainer.imports.roformer_yaml import read_description


def write(folder, text):
    path = folder / "a.yaml"
    path.write_text(text)
    return path


def test_tuples_are_read(tmp_path):
    text = "model:\n  a: !!python/tuple\n  - 1\n  - 2.5\n  b: [x, y] # so\naudio:\n  c: 7\n"
    described = read_description(write(tmp_path, text))
    assert described.field("model", "a") == (1, 2.5)
    assert described.names("model", "b") == ("x", "y")
    assert described.whole_number("audio", "c") == 7
    assert described.whole_number("audio", "d") is None
    assert described.names("training", "e") == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "model:\n  a: !!python/object/apply:os.system [touch ran]\n",
            r"the tag '.*os\.system' in line 2; of tags !!python/tuple alone is read",
        ),
        ("model: !!python/name:os.system\n", "the tag '.*os.system' in line 1"),
        ("model:\n  a: !mine 3\n", "the tag '!mine' in line 2"),
        ("model:\n  a: !!python/tuple 3\n", "is no yaml: in line 2 expected a sequence node"),
        ("model:\n  a: [1\n", r"is no yaml: in line 3 expected ',' or ']'"),
        ("model:\n\ta: 1\n", "is no yaml: in line 2 found character"),
        ("model:\n  a: !!int b\n", "has a value that is not what its tag says"),
        ("model:\n  a: !!bool b\n", "has a value that is not what its tag says"),
        ("model:\n  a: !!timestamp b\n", "has a value that is not what its tag says"),
        ("model:\n  a: &b !!python/tuple [*b]\n", "is no yaml: in line 2 found unconstructable"),
        ("model:\n  a: " + "[" * 500, "is deeper than such a file is"),
        ("a: " + "b" * 2**18, "is larger than 256 KiB"),
        ("audio:\n  a: 1\n", "has no section model; expected the yaml that belongs to the weights"),
        ("model: 3\n", "has no section model"),
        ("", "has no section model"),
        ("a: 1\n---\nb: 2\n", "is no yaml: in line 2 but found another document"),
    ],
)
def test_anything_else_is_one_sentence(tmp_path, text, sentence, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=sentence) as error:
        read_description(write(tmp_path, text))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]


def test_values_of_a_field_are_what_they_should_be(tmp_path):
    text = "model:\n  a: true\n  b: -1\n  c: [1]\n  d: word\n"
    described = read_description(write(tmp_path, text))
    for name in "abcd":
        with pytest.raises(ValueError, match=rf"model\.{name} .*; expected a whole number above 0"):
            described.whole_number("model", name)
    for name in "abcd":
        with pytest.raises(ValueError, match=rf"model\.{name} .*; expected names"):
            described.names("model", name)
