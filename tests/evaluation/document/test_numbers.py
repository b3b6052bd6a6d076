"""Numbers as a report prints them, each written by hand."""

import math

import pytest

from evaluation.document.numbers import BLANK, decibels, short_number, signed_decibels
from tests.support.page import MINUS


@pytest.mark.parametrize(
    ("value", "level", "difference"),
    [
        (None, BLANK, BLANK),
        (3.25, "3.2", "+3.2"),
        (-3.25, f"{MINUS}3.2", f"{MINUS}3.2"),
        # What rounds to zero has no sign.
        (0.04, "0.0", "0.0"),
        (-0.04, "0.0", "0.0"),
        (20.0, "20.0", "+20.0"),
        # Digits beyond 100 dB are rounding.
        (100.0, "100.0", "+100.0"),
        (300.0, "> 100", "> 100"),
        (-300.0, f"< {MINUS}100", f"< {MINUS}100"),
        (math.inf, "> 100", "> 100"),
    ],
)
def test_levels_and_differences(value, level, difference):
    assert decibels(value) == level
    assert signed_decibels(value) == difference


def test_more_decimals():
    assert signed_decibels(0.04, 2) == "+0.04"
    assert decibels(-0.04, 2) == f"{MINUS}0.04"


def test_short_numbers():
    assert [short_number(value) for value in (1.0, 0.743, -60.0)] == ["1", "0.743", f"{MINUS}60"]
