"""From when to when an instrument is heard."""

import numpy as np
import pytest

from evaluation.taggrams.spans import Span, find_spans


@pytest.mark.parametrize(
    ("columns", "spans"),
    [
        ("", []),
        ("0000", []),
        # The first column begins half a column before the sound, the last ends behind it.
        ("1111", [(0.0, 3.2)]),
        ("1000", [(0.0, 0.5)]),
        ("0110", [(0.5, 2.5)]),
        ("0001", [(2.5, 3.2)]),
        # One column is no pause, two are; and one that is alone is a span.
        ("1011", [(0.0, 3.2)]),
        ("1001", [(0.0, 0.5), (2.5, 3.2)]),
    ],
)
def test_spans_of_columns(columns, spans):
    heard = np.array([[column == "1" for column in columns]], bool)
    found = find_spans(heard, ["vn"], column_secs=1.0, secs=3.2)
    assert found == [Span(start, stop, "vn") for start, stop in spans]


def test_spans_are_in_the_order_of_their_starts():
    heard = np.array([[0, 0, 1, 1, 0, 0, 1], [1, 1, 1, 0, 0, 0, 1]], bool)
    found = find_spans(heard, ["cl", "vn"], column_secs=0.5, secs=3.5)
    assert found == [
        Span(0.0, 1.25, "vn"),
        Span(0.75, 1.75, "cl"),
        Span(2.75, 3.25, "cl"),
        Span(2.75, 3.25, "vn"),
    ]
