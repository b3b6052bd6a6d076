"""Counts, durations and sizes in words."""

import pytest

from data_prep.runtime.quantities import clock, pluralized, scaled


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (pluralized(0, "fault"), "0 faults"),
        (pluralized(1, "fault"), "1 fault"),
        (pluralized(20_000, "step"), "20,000 steps"),
        (clock(0.4), "0:00:00"),
        (clock(59.6), "0:01:00"),
        (clock(36_000 + 61), "10:01:01"),
        (scaled(0, "FLOP"), "0.0 FLOP"),
        (scaled(999, "FLOP"), "999.0 FLOP"),
        (scaled(3.25e6, "FLOP"), "3.2 MFLOP"),
        (scaled(2e18, "FLOP"), "2000.0 PFLOP"),
        (scaled(1023, "B", 1024), "1023.0 B"),
        (scaled(3 * 2**9, "B", 1024), "1.5 KiB"),
        (scaled(2.5 * 2**30, "B", 1024), "2.5 GiB"),
    ],
)
def test_a_quantity(said, expected):
    assert said == expected
