"""Kits that share sounds stay together, and splits have about the sizes that they should."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.splits import Splits
from data_prep.shots.splitting import group_kits, split_by_file, split_groups


def test_kits_that_share_sounds_are_one_group():
    kits = ["a", "a", "b", "c", "d", "e"]
    assert group_kits(kits, []) == [("a",), ("b",), ("c",), ("d",), ("e",)]
    assert group_kits(kits, [(0, 0), (1, 3), (4, 2), (5, 3)]) == [("a", "c", "e"), ("b", "d")]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=3, max_size=60))
def test_with_three_groups_every_split_has_some_and_sizes_are_kept(sizes):
    groups = [(f"kit {i}",) for i in range(len(sizes))]
    counts = {f"kit {i}": size for i, size in enumerate(sizes)}
    splits, rule = split_groups(groups, counts)
    assert set(splits) == set(counts)
    assert set(splits.values()) == {"train", "valid", "test"}
    totals = Counter()
    for kit, split in splits.items():
        totals[split] += counts[kit]
    for split in ("valid", "test"):
        num_kits = sum(each == split for each in splits.values())
        assert totals[split] <= 0.2 * sum(sizes) or num_kits == 1
    assert "SHA-256" in rule
    # neither their order nor that of the kits in them matters
    assert split_groups(groups[::-1], counts)[0] == splits


def test_many_small_kits_fill_valid_and_test_to_fifteen_percent():
    groups = [(f"kit {i}", f"kit {i}b") for i in range(200)]
    splits, _ = split_groups(groups, {kit: 1 for group in groups for kit in group})
    assert all(splits[one] == splits[other] for one, other in groups)
    assert Counter(splits.values()) == {"train": 280, "valid": 60, "test": 60}


def test_two_groups_train():
    splits, rule = split_groups([("a", "b"), ("c",)], {"a": 50, "c": 50})
    assert splits == {"a": "train", "b": "train", "c": "train"}
    assert "takes 3 groups" in rule
    assert rule.endswith("there are 2.")


def test_a_split_file_names_kits_and_the_others_take_no_part():
    patterns = {"train": ("a*",), "valid": ("b",), "test": (), "excluded": ("c",)}
    splits = Splits("mine", "as it is", patterns)
    assert split_by_file(["a1", "b", "c", "d", "a1"], splits) == {"a1": "train", "b": "valid"}
    with pytest.raises(ValueError, match="name no kit, such as 'x'"):
        split_by_file(["x"], splits)
