"""What an interrupted command has left of a shard is taken up whole, or made again."""

import json
from dataclasses import asdict

import pytest

from data_prep.records.entries import ShardEntry, TrackEntry
from data_prep.storage import open_folder
from data_prep.writing import shards
from data_prep.writing.shards import shards_in_place

NAME = "train-00000-of-00001.tfrecord"


@pytest.fixture
def folder(tmp_path):
    folder = open_folder(str(tmp_path))
    folder.write_text(NAME, "records")
    return folder


def describe(folder, text):
    (folder.scratch / f"{NAME}{shards._SIDECAR}").write_text(text)
    return shards_in_place(folder)


def entry_of(folder):
    track = TrackEntry("a", 24000, 3, {"vn": 1}, None)
    return ShardEntry(NAME, *folder.stat(NAME), (track,))


def test_a_shard_in_place_is_known_by_its_checksum(folder):
    entry = entry_of(folder)
    text = json.dumps({"entry": asdict(entry), "keys": ["k"]})
    found = describe(folder, text)
    assert found[NAME].entry == entry
    folder.write_text(NAME, "rec0rds")
    assert describe(folder, text) == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda _: None,
        lambda values: [values],
        lambda _: {"keys": ["k"]},
        lambda values: values | {"keys": 3},
        lambda values: values | {"entry": ["a"]},
        lambda values: values | {"entry": values["entry"] | {"tracks": 2**50}},
        lambda values: values | {"entry": values["entry"] | {"tracks": [{"num_parts": []}]}},
        lambda values: values | {"entry": values["entry"] | {"num_bytes": 2.0**50}},
        lambda values: values | {"entry": values["entry"] | {"name": "../a"}},
    ],
)
def test_what_does_not_describe_a_shard_counts_as_none(folder, change):
    values = {"entry": asdict(entry_of(folder)), "keys": ["k"]}
    assert describe(folder, json.dumps(change(values))) == {}


@pytest.mark.parametrize("text", ["", '{"entry": ', "[" * 50_000])
def test_a_description_that_was_cut_counts_as_none(folder, text):
    assert describe(folder, text) == {}
