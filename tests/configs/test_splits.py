"""The shipped splits of URMP are those of their rules, which no assignment meets better; split
files are checked.
"""

import itertools
import json

import numpy as np
import pytest

from configs import instruments
from configs.splits import load_splits, shipped_splits
from data_prep.splitting.problem import (
    deviation,
    free_problem,
    names_by_split,
    played,
    problem_with_test,
)
from data_prep.splitting.solutions import best_splits, most_instruments_in_valid
from tests.data_prep.corpora.test_readers import URMP_PIECES

VIMSS_TEST, MT3_TEST = "01 09 13 16 18 24 28 31 35 42 44", "01 02 12 13 24 25 31 38 39"


def problem_of(name):
    splits = load_splits(name)
    pieces = [piece for piece in URMP_PIECES if splits.split_of(piece) is not None]
    return (
        free_problem(pieces)
        if name == "grouped"
        else problem_with_test(pieces, set(splits.patterns["test"]))
    )


@pytest.mark.parametrize("name", ["grouped", "vimss", "mt3"])
def test_the_solver_finds_the_shipped_splits(name):
    problem, splits = problem_of(name), load_splits(name)
    chosen = best_splits(problem, most_instruments_in_valid(problem))
    assert names_by_split(problem, chosen) == {
        s: sorted(splits.patterns[s]) for s in ("train", "valid", "test")
    }
    assert deviation(
        problem, best_splits(problem, most_instruments_in_valid(problem), chosen)
    ) >= deviation(problem, chosen)


@pytest.mark.parametrize("name", ["grouped", "vimss", "mt3"])
@pytest.mark.slow
def test_no_exchange_of_two_blocks_is_better(name):
    """Without the solver: every legal assignment that differs in one or two blocks."""
    problem, splits = problem_of(name), load_splits(name)
    split_of = {
        piece: ("train", "valid", "test").index(splits.split_of(piece))
        for piece in splits_pieces(splits)
    }
    chosen = np.array([split_of[block[0]] for block in problem.blocks])
    best, covered, tried = deviation(problem, chosen), coverage(problem, chosen), 0
    for one, other in itertools.combinations(range(len(chosen)), 2):
        for new in itertools.product(range(3), repeat=2):
            changed = chosen.copy()
            changed[[one, other]] = new
            sizes = [problem.sizes[changed == split].sum() for split in range(3)]
            legal = (
                all(problem.legal[b, split] for b, split in enumerate(changed))
                and 6 <= sizes[1] <= 8
            )
            legal &= name != "grouped" or (26 <= sizes[0] <= 31 and 8 <= sizes[2] <= 10)
            if legal and coverage(problem, changed) >= covered:
                tried += 1
                assert deviation(problem, changed) > best - 1e-9
    assert tried > 10


def splits_pieces(splits):
    return [piece for split in ("train", "valid", "test") for piece in splits.patterns[split]]


def coverage(problem, chosen):
    """Instruments in train, in valid and in test; train and valid count."""
    found = problem.counts.T @ np.eye(3)[chosen] > 0
    return found[:, 0].sum(), found[:, 2].sum(), found[:, 1].sum()


def test_an_instrument_of_two_tunes_cannot_be_in_three_splits():
    problem = problem_of("grouped")
    tunes = dict(zip(instruments.URMP, (problem.counts > 0).sum(axis=0), strict=True))
    assert {name for name, count in tunes.items() if count < 3} == {"bn", "db"}
    assert set(instruments.URMP) - set(most_instruments_in_valid(problem)) == {"bn", "db"}


@pytest.mark.parametrize(
    ("name", "test", "excluded"), [("vimss", VIMSS_TEST, 4), ("mt3", MT3_TEST, 0)]
)
def test_published_splits(name, test, excluded):
    splits = load_splits(name)
    by_split = {
        split: [p for p in URMP_PIECES if splits.split_of(p) == split]
        for split in ("train", "valid", "test")
    }
    assert [piece[:2] for piece in by_split["test"]] == test.split()
    assert sum(map(len, by_split.values())) == 44 - excluded
    assert set().union(*map(played, by_split["train"])) == set(instruments.URMP)
    for piece in by_split["valid"]:
        assert all(
            load_splits(name).split_of(p) == "valid"
            for p in URMP_PIECES
            if p.split("_")[1] == piece[3:].split("_")[0]
        )


def test_known_leaks_are_across_splits():
    assert load_splits("vimss").knows_leak("25_Pirates_vn_vn_va_sax", "24_Pirates_vn_vn_va_vc")
    assert not load_splits("vimss").knows_leak("25_Pirates_vn_vn_va_sax", "26_King_vn_vn_va_vc")
    for name in shipped_splits():
        for leak in load_splits(name).known_leaks:
            assert len({load_splits(name).split_of(track) for track in leak["tracks"]} - {None}) > 1


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("rule", None, "the field 'rule', a sentence"),
        ("trian", [], "unknown field 'trian'"),
        ("train", "a", "'train' of the split file .* must be a list of track names"),
        (
            "known_leaks",
            [["a", "b"]],
            "must be a list of objects with 'tracks', a list of names, and 'reason'",
        ),
        ("known_leaks", [{"tracks": ["a", 1], "reason": "x"}], "must be a list of objects"),
        ("vocabulary", "vn", "'vocabulary' of the split file .* must be a list of labels"),
        (
            "names",
            {"a": 1},
            "'names' of the split file .* must be a map from file names to labels or null",
        ),
        ("official", "yes", "'official' of the split file .* must be true or false"),
    ],
)
def test_split_files_are_checked(tmp_path, field, value, message):
    (tmp_path / "mine.json").write_text(json.dumps({"rule": "mine", field: value}))
    with pytest.raises(ValueError, match=message):
        load_splits(str(tmp_path / "mine.json"))


def test_names_may_hold_the_characters_of_patterns(tmp_path):
    (tmp_path / "mine.json").write_text(
        json.dumps({"rule": "mine", "train": ["a [live]"], "test": ["b*"]})
    )
    splits = load_splits(str(tmp_path / "mine.json"))
    assert (splits.split_of("a [live]"), splits.split_of("b [live]")) == ("train", "test")


def test_an_official_split_file_has_no_lists(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"rule": "Theirs.", "official": True, "names": {"a*": "b"}}))
    splits = load_splits(str(path))
    assert splits.official
    # A source may be called what no file is.
    assert splits.label_of_name("a: C/D. E") == "b"
    path.write_text(json.dumps({"rule": "Theirs.", "official": True, "test": ["a"]}))
    with pytest.raises(ValueError, match="is official and has the list 'test'; expected lists, or"):
        load_splits(str(path))


@pytest.mark.parametrize("name", [name for name in shipped_splits() if load_splits(name).official])
def test_shipped_names_lead_into_the_shipped_vocabulary(name):
    splits = load_splits(name)
    assert set(splits.names.values()) == set(splits.vocabulary)
    assert len(set(splits.vocabulary)) == len(splits.vocabulary)
