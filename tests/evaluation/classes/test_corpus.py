"""Which files are meant, where they are from, and what is too little."""

import re

import pytest

from evaluation.classes.folders import find_classes
from evaluation.classes.labelled import Corpus, Labelled, require_enough, warnings_of_doubles
from evaluation.classes.table import read_table


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def table(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "sounds"
    touch(folder, "a/Ann/one/1.wav", "a/Bob/2.MP3", "b/Ann/3.flac", "b/4.ogg", "b/._4.ogg")
    touch(folder, "b/cover.jpg", "readme.txt", "5.wav", ".hidden/c/6.wav")
    return folder


def test_a_folder_is_a_class_and_the_first_one_in_it_a_group(root):
    found = find_classes(root)
    assert [(file.name, file.target, file.group) for file in found.files] == [
        ("a/Ann/one/1.wav", "a", None),
        ("a/Bob/2.MP3", "a", None),
        ("b/4.ogg", "b", None),
        ("b/Ann/3.flac", "b", None),
    ]
    assert found.remarks == (
        f"1 file of no class in {root} left out.",
        f"2 files of {root}/b left out, no sound by name.",
    )
    assert not found.has_groups
    assert found.groups == tuple(file.name for file in found.files)
    (root / "b/4.ogg").rename(root / "b/Ann/4.ogg")
    assert find_classes(root, "folder").groups == ("Ann", "Bob", "Ann", "Ann")


def test_groups_may_stand_in_a_table(root, tmp_path):
    lines = ["file,group", "a/Ann/one/1.wav,x", "a/Bob/2.MP3,y", "b/Ann/3.flac, x", "b/4.ogg,y"]
    groups = table(tmp_path / "groups.csv", *lines)
    assert find_classes(root, str(groups)).groups == ("x", "y", "y", "x")
    table(groups, *lines[:-1])
    with pytest.raises(ValueError, match=r"groups\.csv has no line for b/4\.ogg"):
        find_classes(root, str(groups))


def test_folders_that_are_none_are_refused(root, tmp_path):
    with pytest.raises(ValueError, match="there is no folder"):
        find_classes(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="holds no folders; expected one for each class"):
        find_classes(root / "a/Bob")
    with pytest.raises(ValueError, match=r"b/4\.ogg lies in the folder of its class itself"):
        find_classes(root, "folder")
    (root / "c").mkdir()
    with pytest.raises(ValueError, match="c holds no sound files"):
        find_classes(root)


def test_a_table_says_words_or_numbers(root, tmp_path):
    words = table(root / "w.csv", "\ufefffile,class,group", 'a/Bob/2.MP3,"x, y",Bob', "5.wav,z,Ann")
    found = read_table(words)
    assert found.kind == "class"
    assert found.classes == ("x, y", "z")
    assert found.files[1] == Labelled(root / "5.wav", "5.wav", "z", "Ann")
    numbers = table(tmp_path / "n.csv", "number,file", "-1e3,5.wav", "", "0.5,b/4.ogg")
    found = read_table(numbers, root)
    assert found.kind == "number"
    assert [file.target for file in found.files] == [-1000, 0.5]
    assert not found.has_groups
    assert found.classes == ()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["file,genre", "5.wav,x"], "begins with the columns file, genre; expected file and class"),
        (["file,class,number", "5.wav,x,1"], "begins with the columns file, class, number"),
        (["class,group", "x,Ann"], "begins with the columns class, group"),
        (["file,file,class", "5.wav,5.wav,x"], "begins with the columns file, file, class"),
        ([""], "begins with the columns"),
        (["file,class"], "names no file"),
        (["file,number", "5.wav,loud"], "line 2: number is 'loud'; expected a finite number"),
        (["file,number", "5.wav,nan"], "line 2: number is 'nan'; expected a finite number"),
        (["file,class,group", "5.wav,x,"], "line 2: group is ''; expected a word"),
        (["file,class", "5.wav"], "line 2 has 1 values; expected 2"),
        (["file,class", "5.wav,x", "5.wav,y"], "line 3 names 5.wav, as a line before does"),
        (["file,class", "6.wav,x"], "line 2: there is no file"),
        (["file,class", '"5.wav,x'], "is not a CSV file"),
    ],
)
def test_another_table_is_refused(root, lines, said):
    path = table(root / "t.csv", *lines)
    with pytest.raises(ValueError, match=re.escape(said)) as refused:
        read_table(path)
    assert str(path) in str(refused.value)


def corpus(kind, *known):
    files = [Labelled(f"/{i}", str(i), target, group) for i, (target, group) in enumerate(known)]
    return Corpus(kind, tuple(files))


@pytest.mark.parametrize(
    ("kind", "known", "said"),
    [
        ("class", [("a", "x"), ("a", "y")], "expected two classes, found 'a' alone"),
        ("class", [], "expected two classes, found none"),
        (
            "class",
            [("a", None), ("b", None), ("b", None)],
            "the class 'a' has one file alone (0): how",
        ),
        (
            "class",
            [("a", "x"), ("a", "x"), ("b", "x"), ("b", "y")],
            "the class 'a' has 2 files of one group alone (x)",
        ),
        ("number", [(1.0, "x"), (1.0, "y")], "expected numbers that differ"),
        ("number", [(1.0, "x"), (2.0, "x")], "all files are of one group (x)"),
    ],
)
def test_too_little_is_refused(kind, known, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        require_enough(corpus(kind, *known))


def test_two_files_a_class_or_two_numbers_are_enough():
    require_enough(corpus("class", ("a", None), ("a", None), ("b", None), ("b", None)))
    require_enough(corpus("class", ("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")))
    require_enough(corpus("number", (1.0, None), (2.0, None)))


def test_two_files_of_one_content_are_named_where_that_matters():
    known = [("a", "x"), ("a", "x"), ("a", "y"), ("b", "y"), ("b", "z")]
    files = corpus("class", *known).files
    groups = [group for _, group in known]
    assert warnings_of_doubles(files, groups, ["1", "2", "3", "4", "5"]) == []
    assert warnings_of_doubles(files, groups, ["1", "1", "3", "4", "5"]) == []
    (warning,) = warnings_of_doubles(files, groups, ["1", "2", "1", "4", "5"])
    assert warning.startswith("0 and 2 are the same file in different groups")
    (warning,) = warnings_of_doubles(files, groups, ["1", "2", "3", "3", "5"])
    assert warning.startswith("2 and 3 are the same file, but a is said of one and b of the other")
