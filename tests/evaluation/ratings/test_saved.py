"""The table of ratings: what a page saves is read, anything else is a sentence."""

import pytest

from evaluation.ratings.saved import COLUMNS, Rating, read_ratings

PAGE = "0123456789abcdef"
SOUND = "fedcba9876543210"
SESSION = "00112233aabbccdd"
LINE = [PAGE, SOUND, "a track", "vn", "2.0", "film", "73", "Ann", SESSION, "1"]


def write(path, *lines, header=COLUMNS):
    path.write_text("\n".join([",".join(header), *map(",".join, lines), ""]), encoding="utf-8")
    return path


def changed(column, cell):
    return [cell if name == column else old for name, old in zip(COLUMNS, LINE, strict=True)]


def test_what_a_page_saves_is_read(tmp_path):
    quoted = changed("track", '"a, ""b"""')
    first, second = read_ratings(write(tmp_path / "r.csv", LINE, quoted))
    assert first == Rating(PAGE, SOUND, "a track", "vn", 2.0, "film", 73.0, "Ann", SESSION, 1)
    assert second.track == 'a, "b"'


@pytest.mark.parametrize("rating", ["0", "100", "72.5"])
def test_the_scale_has_both_its_ends(tmp_path, rating):
    (found,) = read_ratings(write(tmp_path / "r.csv", changed("rating", rating)))
    assert found.rating == float(rating)


@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        ("rating", "101", "a number from 0 to 100"),
        ("rating", "-1", "a number from 0 to 100"),
        ("rating", "nan", "a number from 0 to 100"),
        ("rating", "", "a number from 0 to 100"),
        ("rating", "good", "a number from 0 to 100"),
        ("page", "x" * 16, "16 digits from 0 to f"),
        ("sound", SOUND[1:], "16 digits from 0 to f"),
        ("session", "", "16 digits from 0 to f"),
        ("start_secs", "-1", "a number of seconds"),
        ("start_secs", "inf", "a number of seconds"),
        ("order_heard", "0", "a count from 1 on"),
        ("order_heard", "1.5", "a count from 1 on"),
        ("listener", "A\0nn", "a text without the character NUL"),
    ],
)
def test_refuses_a_value_that_no_page_saves(tmp_path, column, cell, expected):
    path = write(tmp_path / "r.csv", LINE, changed(column, cell))
    with pytest.raises(ValueError, match=rf"r\.csv, line 3: {column} is .*; expected {expected}\."):
        read_ratings(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "its first line is '', not page,sound,"),
        (
            "system,track\na,b\n",
            "is no file of ratings .*: its first line is 'system,track', not page",
        ),
        (",".join(COLUMNS).replace(",", ";") + "\n", "is no file of ratings"),
        (",".join(COLUMNS) + "\n", "holds no rating; rate sounds on the page"),
        (",".join(COLUMNS) + "\na,b\n", "line 2 has 2 values; expected 10"),
        (",".join(COLUMNS) + "\n\n", "line 2 has 0 values; expected 10"),
        (",".join(COLUMNS) + '\n"a', "is not a CSV file: unexpected end of data"),
    ],
)
def test_refuses_another_file(tmp_path, text, message):
    (tmp_path / "r.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_ratings(tmp_path / "r.csv")


def test_refuses_what_is_no_text(tmp_path):
    (tmp_path / "r.csv").write_bytes(b"\xff\xfe\0\0")
    with pytest.raises(ValueError, match=r"r\.csv is not text in UTF-8"):
        read_ratings(tmp_path / "r.csv")
