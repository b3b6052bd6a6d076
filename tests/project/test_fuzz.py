"""What a stranger may hand us: whatever the bytes, an error of one sentence or a value, and nothing
else.

Mutations of real inputs, seeded: 500 of each kind in the ordinary tests, 10,000 in the soak tests.
"""

import base64
import builtins
import json
import random
import signal
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import configs
from configs.splits import SPLITS
from data_prep.audio.annotations import Annotations, Note
from data_prep.records.entries import ShardEntry, TrackEntry
from data_prep.records.excerpts import Excerpt
from data_prep.records.format import encode, parse
from data_prep.records.manifest import Manifest, layout_of, manifest_from_json
from data_prep.records.shard_files import iter_records
from data_prep.storage.files import plain_name
from evaluation.listening import clips
from evaluation.listening.archive import read_clips, write_clips
from evaluation.scores.improvement import improvement
from evaluation.scores.table import Row, from_csv, to_csv
from tests.support import replicas

NUMBERS = [500, pytest.param(10_000, marks=pytest.mark.soak)]
LONGEST_SECS = 5
CONFIG = configs.load("smoke", replicas.OVERRIDES)
STRANGE = [
    "../../x",
    "/etc/passwd",
    "",
    "\0",
    "-1",
    "NaN",
    "Infinity",
    "1e999",
    "9" * 25,
    "[" * 3000,
    "{}",
    "null",
    "é\ud7ff",
]


def mutate_bytes(content, dice):
    """A few flips, cuts, repetitions, insertions."""
    content = bytearray(content)
    for _ in range(dice.choice([1, 1, 2, 4, 16])):
        start = dice.randrange(len(content) + 1)
        stop = min(len(content), start + dice.choice([1, 1, 2, 4, 8, 64, len(content)]))
        action = dice.randrange(5)
        if action == 0 and start < len(content):
            content[start] ^= 1 << dice.randrange(8)
        elif action == 1 and start < len(content):
            content[start] = dice.choice([0, 1, 127, 128, 255])
        elif action == 2:
            del content[start:stop]
        elif action == 3:
            content[start:start] = content[start:stop]
        else:
            content[start:start] = dice.choice(
                [dice.randbytes(dice.randrange(1, 9)), dice.choice(STRANGE).encode()]
            )
    return bytes(content)


def mutate_tree(tree, dice):
    """Another value at one place of a tree of plain values, or one place less or more."""
    place = tree
    while isinstance(place, dict | list) and place:
        key = dice.choice(sorted(place)) if isinstance(place, dict) else dice.randrange(len(place))
        if not isinstance(place[key], dict | list) or not place[key] or dice.random() < 0.15:
            break
        place = place[key]
    values = [
        None,
        True,
        -1,
        0,
        1,
        2**31,
        2**63,
        10**30,
        0.5,
        1e308,
        -0.0,
        float("nan"),
        float("inf"),
        [],
        {},
        [[]],
    ]
    values += [*STRANGE, ["a"], {"a": 1}, [1.5] * 20]
    if not place:
        return dice.choice(values)
    action = dice.randrange(4)
    if action == 0:
        del place[key]
    elif action == 1 and isinstance(place, dict):
        place[dice.choice(STRANGE) or "more"] = dice.choice(values)
    else:
        place[key] = dice.choice(values)
    return tree


def mutate_json(text, dice):
    if dice.random() < 0.3:
        return mutate_bytes(text.encode(), dice).decode("utf-8", "replace")
    tree = json.loads(text)
    for _ in range(dice.choice([1, 1, 1, 2, 5])):
        tree = mutate_tree(tree, dice) if isinstance(tree, dict | list) else tree
    return json.dumps(tree)


@contextmanager
def within_seconds():
    def end(*_):
        raise TimeoutError(f"took more than {LONGEST_SECS} s")

    previous = signal.signal(signal.SIGALRM, end)
    signal.alarm(LONGEST_SECS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


@pytest.fixture
def survive(monkeypatch):
    """Runs a function on inputs; how many it took for good ones and how many it refused, each in
    one sentence.
    """

    def no_file(path, mode="r", *_, **__):
        raise AssertionError(f"opened {path} ({mode})")

    def run(function, inputs):
        outcomes = {"taken": 0, "refused": 0}
        for given in inputs:
            try:
                with within_seconds(), monkeypatch.context() as patch:
                    patch.setattr(builtins, "open", no_file)
                    patch.setattr(Path, "open", no_file)
                    function(given)
                outcomes["taken"] += 1
            except ValueError as error:
                assert str(error)
                outcomes["refused"] += 1
        return outcomes

    return run


def make_record(encoding):
    config = configs.override(CONFIG, [f"data.encoding={encoding}"])
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (3, 40, 1)).astype(np.float32)
    notes = (Note(3, 20, 6900, "vn"), Note(10, 40, 5712, "vc"))
    context = {"vc": (0.5, -1.0), "vn": (2.0, 0.0)}
    said = Annotations(("vc", "vn"), None, ("calm", "strings"), notes, context)
    excerpt = Excerpt(
        "01_A_vn_vc", 8000, 0, 30, 4, said, noise[0], {"vc": noise[1], "vn": noise[2]}
    )
    return config, excerpt


@pytest.fixture(params=["int16", "float32"])
def record(request):
    config, excerpt = make_record(request.param)
    layout = layout_of(config)
    return layout, encode(excerpt, layout)


@pytest.mark.parametrize("number", NUMBERS)
def test_records(record, survive, number):
    layout, serialized = record
    parse(serialized, layout)
    dice = random.Random(1)

    def use(given):
        found = parse(given, layout)
        assert found.sources.shape == (len(found.slots), *found.mixture.shape)
        assert len(found.addresses) == 1 + len(found.slots)
        assert max(found.addresses) + found.mixture.nbytes <= len(given)
        assert np.isin(found.labels, (-1, 0, 1)).all()
        assert found.notes.shape[1] == 4
        assert np.isfinite(found.context).all()
        assert np.isfinite(found.scales).all()
        assert len(set(found.slots.tolist())) == len(found.slots)

    outcomes = survive(use, (mutate_bytes(serialized, dice) for _ in range(number // 2)))
    assert outcomes["refused"] > number // 8


@pytest.mark.parametrize("number", NUMBERS)
def test_shards(record, tmp_path, number):
    layout, serialized = record
    path, dice = tmp_path / "a.tfrecord", random.Random(2)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for _ in range(3):
            writer.write(serialized)
    content, refused = path.read_bytes(), 0
    for _ in range(number // 10):
        path.write_bytes(mutate_bytes(content, dice))
        try:
            with within_seconds():
                list(iter_records(str(path), layout))
        except ValueError as error:
            assert str(path) in str(error)
            refused += 1
    assert refused > number // 40
    assert [each.name for each in tmp_path.iterdir()] == ["a.tfrecord"]


def make_manifest():
    checksum = base64.b64encode(b"\0" * 4).decode()
    tracks = tuple(
        TrackEntry(f"{i:02}_A_vn", 24000, 3, {"vn": 1}, -60.5 if i else None, ("w",))
        for i in range(3)
    )
    shards = {
        split: (ShardEntry(f"{split}-00000-of-00001.tfrecord", 999, checksum, tracks),)
        for split in SPLITS
    }
    return Manifest(
        CONFIG, "urmp", "abc", shards, ({"tracks": ["a", "b"], "reason": "shared"},), ("bad",)
    ).to_json()


@pytest.mark.parametrize("number", NUMBERS)
def test_manifests(survive, number):
    # Without its checksum, which lets no change pass.
    text = json.dumps({**json.loads(make_manifest()), "checksum": None})
    dice = random.Random(3)

    def use(given):
        manifest = manifest_from_json(given, "manifest.json")
        assert manifest_from_json(manifest.to_json(), "again") == manifest
        for split in SPLITS:
            assert sum(track.num_frames for track in manifest.tracks(split)) >= 0
            assert all(
                isinstance(name, str)
                for track in manifest.tracks(split)
                for name in track.num_parts
            )
            for shard in manifest.shards.get(split, ()):
                assert plain_name(shard.name) and shard.num_bytes >= 0
        manifest.require(manifest.config, "folder")

    outcomes = survive(use, (mutate_json(text, dice) for _ in range(number)))
    assert min(outcomes.values()) > number // 20


@pytest.mark.parametrize("number", NUMBERS)
def test_configs(survive, number):
    text, dice = configs.to_json(CONFIG), random.Random(4)

    def use(given):
        config = configs.from_json(given)
        assert configs.from_json(configs.to_json(config)) == config
        assert config.model.window().mixture_frames > 0
        for source in config.data.sources:
            plain_name(f"{source}.wav")  # what evaluation.separate writes

    outcomes = survive(use, (mutate_json(text, dice) for _ in range(number)))
    assert min(outcomes.values()) > number // 20


@pytest.mark.parametrize("number", NUMBERS)
def test_overrides(survive, number):
    dice = random.Random(5)
    tree = json.loads(configs.to_json(CONFIG))
    names = [
        f"{section}.{field}"
        for section, fields in tree.items()
        if isinstance(fields, dict)
        for field in fields
    ]

    def make():
        text = f"{dice.choice(names)}={dice.choice([*STRANGE, '0', '1', '1e9', 'true', 'vn,vc', 'none', '16', 'film'])}"
        return (
            text
            if dice.random() < 0.7
            else mutate_bytes(text.encode(), dice).decode("utf-8", "replace")
        )

    outcomes = survive(
        lambda text: configs.override(CONFIG, [text]), (make() for _ in range(number))
    )
    assert min(outcomes.values()) > number // 20


@pytest.mark.parametrize("number", NUMBERS)
def test_scores(survive, number):
    rows = [
        Row(
            system,
            f"track {t}",
            float(s),
            source,
            "scored",
            2,
            sdr=1.5,
            sir=2.0,
            sar=-3.25,
            si_sdr=0.0,
            snr=0.5,
        )
        for system in ("model", "mixture", "silence")
        for t in range(2)
        for s in range(2)
        for source in ("vn", "vc")
    ]
    text, dice = to_csv(rows), random.Random(6)

    def use(given):
        found = from_csv(given, "scores.csv")
        assert to_csv(from_csv(to_csv(found), "again")) == to_csv(found)
        improvement(found)

    inputs = (mutate_bytes(text.encode(), dice).decode("utf-8", "replace") for _ in range(number))
    outcomes = survive(use, inputs)
    assert min(outcomes.values()) > number // 20


@pytest.mark.parametrize("number", NUMBERS)
def test_clips(tmp_path, number):
    choices = [
        clips.Choice("worst", "t", "vc", 0.0, 0.2, (0.05, 0.15)),
        clips.Choice("common", "t", "vc", 0, 1),
    ]
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, (4, 800, 1))
    path, dice = tmp_path / "clips.zip", random.Random(7)
    write_clips(path, list(clips.record(choices, lambda _: clips.ClipWaveforms(*noise), 8000)))
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    refused = 0
    for i in range(number):
        if i % 2:
            path.write_bytes(mutate_bytes(content, dice))
        else:
            text = mutate_json(files["clips.json"].decode(), dice)
            with zipfile.ZipFile(path, "w") as archive:
                for name, data in (files | {"clips.json": text.encode(errors="replace")}).items():
                    archive.writestr(name, data)
        try:
            with within_seconds():
                read_clips(path)
        except ValueError as error:
            assert str(path) in str(error)
            refused += 1
    assert refused > number // 4
