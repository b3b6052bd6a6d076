"""Tests what benchmarks that train networks share."""

import numpy as np
import pytest
import soundfile

from benchmarks.trained.labels_in_time import TimingResult
from benchmarks.trained.labels_in_time import print_table as print_table_of_notes
from benchmarks.trained.ordering import split_tracks
from benchmarks.trained.panning import middle_and_sides, write_panning
from benchmarks.trained.results import ALL, Result, majority, results_of
from benchmarks.trained.trainings import Network, Trainings
from evaluation.scores.table import Row


def tone(hz, secs=2.0, rate=8000):
    return np.sin(2 * np.pi * hz / rate * np.arange(round(secs * rate)))


def test_panning_parts_what_is_in_the_middle_from_what_is_at_both_sides():
    middle = np.stack([tone(440), tone(440)], axis=1)
    sides = np.stack([tone(1500), -tone(1500)], axis=1)
    parts = middle_and_sides(middle + sides)
    for part, truth in zip(parts, (middle, sides), strict=True):
        error = np.square(part - truth).sum() / np.square(truth).sum()
        assert 10 * np.log10(error) < -40


def test_panning_takes_the_better_of_both_orders(tmp_path):
    folder = tmp_path / "references" / "song"
    folder.mkdir(parents=True)
    middle = np.stack([tone(440), tone(440)], axis=1)
    sides = np.stack([tone(1500), -tone(1500)], axis=1)
    sounds = {"mixture": middle + sides, "guitar": sides, "rest": middle}
    for name, waveform in sounds.items():
        soundfile.write(folder / f"{name}.wav", waveform / 3, 8000, subtype="FLOAT")
    write_panning(tmp_path / "references", ("guitar", "rest"), tmp_path / "estimates")
    guitar, rate = soundfile.read(tmp_path / "estimates" / "song" / "guitar.wav")
    assert rate == 8000
    # Its beginning and its end are steps, of every frequency.
    np.testing.assert_allclose(guitar[2000:-2000], sides[2000:-2000] / 3, atol=0.01)


def rows_of(system, source, snrs, bins):
    return [
        Row(system, "song", float(i), source, "scored", 2, snr=snr, bins=share)
        for i, (snr, share) in enumerate(zip(snrs, bins, strict=True))
    ]


def test_results_are_medians_over_segments_of_a_track_and_a_source():
    rows = rows_of("mixture", "guitar", [0.0, 1.0, 2.0], [0.5, 0.5, 0.5])
    rows += rows_of("mixture", "rest", [5.0, 5.0, 5.0], [0.5, 0.5, 0.5])
    rows += rows_of("model", "guitar", [4.0, 3.0, 9.0], [0.9, 0.8, 0.7])
    rows += rows_of("model", "rest", [6.0, 6.0, 6.0], [0.6, 0.6, 0.6])
    results = results_of(rows, "model", "ours", "songs", 3, 10.0)
    found = {(result.track, result.source): result for result in results}
    assert len(found) == 6
    guitar = found["song", "guitar"]
    assert (guitar.improvement, guitar.num_segments) == (4.0, 3)
    assert guitar.bins == pytest.approx(0.8)
    # 4, 2, 7 and 1, 1, 1
    assert found[ALL, ALL].improvement == 1.5
    assert {(result.system, result.split, result.seed) for result in results} == {
        ("ours", "songs", 3)
    }


def test_the_majority_is_the_better_constant_answer_of_each_source():
    rows = rows_of("mixture", "guitar", [0.0], [0.1]) + rows_of("mixture", "rest", [0.0], [0.7])
    rows += rows_of("silence", "guitar", [0.0], [0.9]) + rows_of("silence", "rest", [0.0], [0.3])
    results = results_of(rows, "silence", "silence", "songs", 0, 0.0)
    assert majority(results) == pytest.approx(0.8)


def test_kept_rows_are_known_of_their_split_alone(tmp_path):
    network = Network("masks", "smoke_mask", (), 10)
    trainings = Trainings(tmp_path, "songs", tmp_path, "valid", (), (network,))
    result = Result("songs", "masks", 1, ALL, ALL, 3.0, 2, 0.5, 9.0)
    trainings.keep([result, result])
    assert trainings.rows() == [result, result]
    assert trainings.knows("masks", 1)
    assert not trainings.knows("masks", 2)
    other = Trainings(tmp_path, "without-band", tmp_path, "valid", (), (network,))
    assert not other.knows("masks", 1)


def test_tracks_of_music_are_split_by_their_places():
    names = [f"{i:02d}" for i in range(61)]
    splits = split_tracks(names[::-1])
    assert splits["test"] == names[3::4]
    assert splits["valid"] == names[1::16]
    assert sorted([*splits["train"], *splits["valid"], *splits["test"]]) == names


def test_what_notes_bring_is_told_piece_by_piece(capsys):
    rows = []
    gains = {("labels", "true"): 0.0, ("labels", "gated"): 0.1, ("notes", "true"): 1.5}
    for (network, told), gain in gains.items():
        for seed in (0, 1):
            for piece in range(6):
                improvement = piece + gain + (0.5 if seed else -0.5)
                leakage = -10.0 - 90 * (told == "gated")
                figures = (improvement, 100, leakage, 20)
                rows.append(TimingResult(network, told, seed, f"p{piece}", *figures, 1e-6, 60.0))
    print_table_of_notes(rows)
    lines = capsys.readouterr().out.splitlines()
    (gate,) = [line for line in lines if line.startswith("the gate alone")]
    assert "+0.10 (+0.10 to +0.10) dB; leakage -90.00 (-90.00 to -90.00) dB" in gate
    (notes,) = [line for line in lines if line.startswith("notes, over labels")]
    assert "+1.50 (+1.50 to +1.50) dB" in notes
    # What was not measured is not made up.
    assert any(line.startswith("activity, over labels:") and "- dB" in line for line in lines)
    assert lines[-1] == "another window changes 1.0e-06 at most"
