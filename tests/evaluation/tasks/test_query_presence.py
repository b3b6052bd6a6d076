"""How right it is what is said to be there, and what is taken of a song, by hand."""

import csv
import io

import numpy as np
import pytest

from evaluation.songs.queries import loudest_first
from evaluation.tasks.query.presence import (
    AskedTrack,
    count_errors,
    count_table,
    decision_table,
    decisions,
    to_csv,
)

NAMES = ("a", "b", "c", "d")
TRACKS = [
    # One right, one missed, one claimed that is not there.
    AskedTrack("x", "by name", NAMES, (0.9, 0.2, 0.8, 0.1), ("a", "b")),
    # Both right, and one too many.
    AskedTrack("y", "by name", NAMES, (0.6, 0.7, 0.5, 0.0), ("a", "b")),
    # The only one is missed.
    AskedTrack("z", "by name", NAMES, (0.1, 0.1, 0.1, 0.4), ("d",)),
]


def test_pairs_are_counted():
    found = decisions(TRACKS, 0.5)
    assert found == (3, 2, 2, 5)
    assert found.precision == pytest.approx(3 / 5)
    assert found.recall == pytest.approx(3 / 5)
    # At the threshold something is claimed, above it is not.
    assert decisions(TRACKS, 0.51).false_alarms == 1


def test_the_error_of_the_count_is_told_by_how_many_there_are():
    assert count_errors(TRACKS, 0.5) == [(1, 1, -1.0, 1.0), (2, 2, 0.5, 0.5)]
    # One too few and one too many are no bias, and an error of one.
    tracks = [TRACKS[2], AskedTrack("w", "by name", NAMES, (0.9, 0.9, 0, 0), ("d",))]
    assert count_errors(tracks, 0.5) == [(1, 2, 0.0, 1.0)]


def test_tables_and_file_say_the_same():
    heard = [
        track._replace(door="by audio", sources=NAMES[:3], presence=(1, 1, 1)) for track in TRACKS
    ]
    table = decision_table([TRACKS, heard], 0.5)
    ((by_name, by_audio),) = table.bodies
    assert [cell.text for cell in by_name.cells] == ["60.0%", "60.0%", "60.0%", "2", "2"]
    # Of the last track nothing that is there was asked for.
    assert by_audio.cells[1].text == "100.0%"
    counts = count_table([TRACKS, heard], 0.5)
    ((one, two),) = counts.bodies[:1]
    assert [cell.text for cell in one.cells[:3]] == ["1", "-1.00", "1.00"]
    assert two.name == "2"
    rows = list(csv.DictReader(io.StringIO(to_csv(TRACKS, 0.5))))
    assert len(rows) == 12
    assert rows[2] == {
        "track": "x",
        "asked": "by name",
        "source": "c",
        "probability": "0.8000",
        "claimed": "1",
        "there": "0",
    }


def test_the_loudest_are_taken_until_little_is_left():
    rng = np.random.default_rng(0)
    sources = rng.standard_normal((4, 1000)) * np.array([[0.1], [1.0], [0.3], [0.01]])
    waveforms = np.stack([sources.sum(axis=0), *sources])
    products = waveforms @ waveforms.T
    # Without the second and the third the rest is 20 dB below the song, without the first 40 dB.
    assert loudest_first("abcd", products) == ["b", "c", "a"]
    many = np.eye(41)
    many[0] = many[:, 0] = 1
    many[0, 0] = 40
    assert loudest_first([str(i) for i in range(40)], many) == [str(i) for i in range(24)]
    assert loudest_first((), np.zeros((1, 1))) == []
