"""Rows of a long benchmark: what a kill cut is taken out, and all else is there again."""

import pytest

from benchmarks.rows import append_row, load_rows


def test_a_cut_line_is_taken_out_and_the_file_goes_on(tmp_path):
    path = tmp_path / "rows.jsonl"
    assert load_rows(path) == []
    append_row(path, {"track": "a", "value": 1.5})
    with path.open("a") as file:
        file.write('{"track": "b", "va')
    assert load_rows(path) == [{"track": "a", "value": 1.5}]
    append_row(path, {"track": "b", "value": None})
    assert [row["track"] for row in load_rows(path)] == ["a", "b"]


def test_a_line_that_is_no_row_is_refused(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("nonsense\n")
    with pytest.raises(ValueError, match=r"rows\.jsonl"):
        load_rows(path)
