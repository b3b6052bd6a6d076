"""Patches: cut where they should be, the same at every restart, and every position possible."""

import dataclasses
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import configs
from data_prep import write
from data_prep.records.full_tracks import iter_full_tracks
from data_prep.runtime import command, memory
from data_prep.runtime.memory import available_memory
from data_prep.synthetic import write_musdb
from trainer.batches import excerpts as excerpts_module
from trainer.batches.drawing import Drawer, count_positions
from trainer.batches.excerpts import load_excerpts
from trainer.batches.patches import make_batches

OVERRIDES = [
    "audio.sample_rate=8000",
    "data.excerpt_secs=0.7",
    "model.num_levels=3",
    "model.estimate_frames=501",
    "data.encoding=float32",
    "augmentation.remix=0",
]


@pytest.fixture(scope="module", params=["data.context_frames=2000", "data.context_frames=119"])
def prepared(request, corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("records")
    config = configs.load("smoke", [*OVERRIDES, request.param])
    manifest = write.write(config, "urmp", corpus, out)
    geometry = config.model.window()
    return (
        config,
        manifest,
        str(out),
        geometry,
        load_excerpts(manifest, str(out), "train", "memory"),
    )


def examples(prepared, start_step=0, **settings):
    config, _, _, _, excerpts = prepared
    values = {"train.batch_size": 4, "train.steps": 20}
    for name, value in settings.items():
        section = "augmentation" if hasattr(config.augmentation, name) else "train"
        values[f"{section}.{name}"] = value
    changed = configs.override(config, [f"{name}={value}" for name, value in values.items()])
    return list(make_batches(excerpts, changed, start_step).as_numpy_iterator())


@pytest.fixture(scope="module")
def undisturbed(prepared):
    """The examples of a whole run."""
    return examples(prepared)


@pytest.fixture(scope="module")
def plain(prepared):
    """The same without gains."""
    return examples(prepared, min_gain=1.0, max_gain=1.0)


def padded_tracks(prepared):
    """Every training track with zeros around it: (mixture, references, labels)."""
    config, manifest, out, geometry, _ = prepared
    pad = ((geometry.context_frames, geometry.mixture_frames), (0, 0))
    for track in iter_full_tracks(manifest, out, "train"):
        labels = np.array([name in track.labels for name in config.data.sources], np.float32)
        yield np.pad(track.mixture, pad), np.pad(track.references, ((0, 0), *pad)), labels


def find(mixture, tracks, context):
    """The one place in the tracks where a patch was cut: (references and labels of its track, its
    first frame).
    """
    found = []
    for padded, references, labels in tracks:
        windows = np.lib.stride_tricks.sliding_window_view(padded[:, 0], len(mixture))
        candidates = np.flatnonzero(np.abs(windows[:, context] - mixture[context, 0]) < 1e-7)
        found += [
            (references, labels, int(i))
            for i in candidates
            if np.array_equal(windows[i], mixture[:, 0])
        ]
    assert len(found) == 1
    return found[0]


def test_a_patch_is_a_stretch_of_its_track_with_its_sources_and_labels(prepared, plain):
    geometry = prepared[3]
    tracks = list(padded_tracks(prepared))
    context, frames = geometry.context_frames, geometry.estimate_frames
    starts = []
    for example in plain:
        if not example["mixture"].any():
            continue  # silence is found everywhere
        references, labels, start = find(example["mixture"], tracks, context)
        np.testing.assert_array_equal(example["labels"], labels)
        np.testing.assert_array_equal(
            example["sources"], references[:, start + context : start + context + frames]
        )
        starts.append(start)
    assert len(set(starts)) > 60  # of 80: positions are drawn, not repeated


def test_with_gains_the_mixture_is_the_sum_of_the_scaled_sources(prepared, plain):
    geometry = prepared[3]
    middle = slice(geometry.context_frames, geometry.context_frames + geometry.estimate_frames)
    scaled = examples(prepared, min_gain=0.5, max_gain=1.2)
    ratios = []
    for before, after in zip(plain, scaled, strict=True):
        np.testing.assert_allclose(
            after["mixture"][middle], after["sources"].sum(axis=0), atol=1e-6
        )
        for source, louder in zip(before["sources"], after["sources"], strict=True):
            if source.any():
                gain = np.vdot(source, louder) / np.vdot(source, source)
                np.testing.assert_allclose(louder, gain * source, atol=1e-6)
                ratios.append(gain)
    assert 0.5 <= min(ratios) < 0.6 < 1.1 < max(ratios) <= 1.2
    assert (
        len({round(float(ratio), 4) for ratio in ratios}) > 50
    )  # each source of each patch has its own


def test_sources_of_other_pitches_and_timbres_add_up_to_the_mixture(prepared, plain):
    geometry = prepared[3]
    middle = slice(geometry.context_frames, geometry.context_frames + geometry.estimate_frames)
    levels = {"min_gain": 1.0, "max_gain": 1.0}
    for change in ({"detune_cents": 50.0}, {"equalise_db": 9.0}):
        changed = examples(prepared, **levels, **change)
        num_changed = 0
        for before, after in zip(plain, changed, strict=True):
            sums = after["sources"].sum(axis=0)
            np.testing.assert_allclose(after["mixture"][middle], sums, atol=1e-6)
            np.testing.assert_array_equal(after["labels"], before["labels"])
            for source, other in zip(before["sources"], after["sources"], strict=True):
                if not source.any():
                    continue
                # It sounds like it was, at about that loudness, and is another waveform.
                loudness = np.linalg.norm(other) / np.linalg.norm(source)
                assert 0.2 < loudness < 5
                num_changed += not np.allclose(source, other, atol=1e-3)
        assert num_changed > 60
        continued = examples(prepared, start_step=13, **levels, **change)
        for expected, example in zip(changed[4 * 13 :], continued, strict=True):
            tf.nest.map_structure(np.testing.assert_array_equal, expected, example)


def test_a_restart_sees_the_same_examples(prepared, undisturbed):
    continued = examples(prepared, start_step=13)
    assert len(continued) == 4 * 7
    for expected, example in zip(undisturbed[4 * 13 :], continued, strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, expected, example)


def test_another_seed_sees_others(prepared, undisturbed):
    others = examples(prepared, seed=1)
    assert not any(
        np.array_equal(a["mixture"], b["mixture"]) for a, b in zip(undisturbed, others, strict=True)
    )


def test_polarity_is_flipped_per_source_and_the_mixture_follows(prepared, plain):
    geometry = prepared[3]
    middle = slice(geometry.context_frames, geometry.context_frames + geometry.estimate_frames)
    signs = []
    for before, after in zip(
        plain, examples(prepared, min_gain=1.0, max_gain=1.0, flip_polarity=True), strict=True
    ):
        np.testing.assert_allclose(
            after["mixture"][middle], after["sources"].sum(axis=0), atol=1e-6
        )
        for source, flipped in zip(before["sources"], after["sources"], strict=True):
            if source.any():
                signs.append(1 if np.array_equal(source, flipped) else -1)
                np.testing.assert_array_equal(flipped, signs[-1] * source)
    assert 0.35 < np.mean(np.array(signs) > 0) < 0.65


def test_remixed_sources_are_stretches_of_any_tracks_and_the_labels_follow(prepared, plain):
    geometry = prepared[3]
    middle = slice(geometry.context_frames, geometry.context_frames + geometry.estimate_frames)
    tracks = [references for _, references, _ in padded_tracks(prepared)]
    label_sets = {tuple(example["labels"]) for example in plain}
    moved = new_sets = 0
    for before, after in zip(
        plain, examples(prepared, min_gain=1.0, max_gain=1.0, remix=0.5), strict=True
    ):
        assert after["labels"].sum() == before["labels"].sum()
        np.testing.assert_allclose(
            after["mixture"][middle], after["sources"].sum(axis=0), atol=1e-6
        )
        assert not after["sources"][after["labels"] == 0].any()
        moved += not np.array_equal(before["sources"], after["sources"])
        new_sets += tuple(after["labels"]) not in label_sets
        loudest = int(np.argmax(np.abs(after["sources"]).max(axis=(1, 2))))
        source = after["sources"][loudest, :, 0]
        if source.any():  # silence is found everywhere
            assert sum(occurrences(references[loudest, :, 0], source) for references in tracks) == 1
    assert 25 < moved < 55  # half of 80
    assert new_sets > 15


def test_one_source_is_silenced_with_its_label_but_never_the_only_one(prepared, plain):
    geometry = prepared[3]
    middle = slice(geometry.context_frames, geometry.context_frames + geometry.estimate_frames)
    fewer = 0
    for before, after in zip(
        plain, examples(prepared, min_gain=1.0, max_gain=1.0, silence=0.5), strict=True
    ):
        lost = before["labels"] - after["labels"]
        assert lost.min() >= 0 and lost.sum() <= 1 <= after["labels"].sum()
        np.testing.assert_array_equal(
            after["sources"], before["sources"] * (1 - lost)[:, None, None]
        )
        np.testing.assert_allclose(
            after["mixture"][middle], after["sources"].sum(axis=0), atol=1e-6
        )
        fewer += int(lost.sum())
    assert 25 < fewer < 55  # half of 80


def occurrences(waveform, stretch):
    """How often a stretch stands in a waveform."""
    peak = int(np.argmax(np.abs(stretch)))
    starts = np.flatnonzero(waveform == stretch[peak]) - peak
    return sum(
        np.array_equal(waveform[start : start + len(stretch)], stretch)
        for start in starts
        if start >= 0
    )


def test_labels_are_dropped_as_a_whole_and_nothing_else_changes(prepared, undisturbed):
    dropping = examples(prepared, label_dropout=0.5)
    unknown = [bool((example["labels"] == -1).all()) for example in dropping]
    assert 20 < sum(unknown) < 60  # of 80
    for before, after, dropped in zip(undisturbed, dropping, unknown, strict=True):
        np.testing.assert_array_equal(after["mixture"], before["mixture"])
        assert dropped or np.array_equal(after["labels"], before["labels"])


@pytest.mark.slow
def test_every_position_is_equally_likely(prepared):
    config, _, _, geometry, excerpts = prepared
    changed = configs.override(config, ["train.batch_size=1", "train.steps=4000"])
    labels = np.stack([e["labels"] for e in make_batches(excerpts, changed, 0).as_numpy_iterator()])
    num_positions = count_positions(excerpts, geometry).numpy()
    expected = num_positions / num_positions.sum() @ excerpts.labels.numpy()
    assert np.abs(labels.mean(axis=0) - expected).max() < 4 * 0.5 / np.sqrt(4000)


def test_balanced_examples_are_of_an_instrument_drawn_evenly(prepared):
    config, _, _, geometry, excerpts = prepared
    changed = configs.override(config, ["train.batch_size=4000", "train.balance=true"])
    plan = Drawer(excerpts, changed, geometry).draw(tf.constant(0))
    num_positions = count_positions(excerpts, geometry).numpy()
    stored = num_positions[:, None] * (excerpts.source_scales.numpy() > 0)
    by_slot = stored[:, stored.any(axis=0)]
    records = (by_slot / by_slot.sum(axis=0)).mean(axis=1)
    expected = records @ excerpts.labels.numpy()
    assert np.abs(plan.labels.numpy().mean(axis=0) - expected).max() < 4 * 0.5 / np.sqrt(4000)


def test_a_record_has_a_position_for_every_first_frame(prepared):
    _, manifest, out, geometry, excerpts = prepared
    owned = [record.owned_frames for record in manifest.iter_records(out, "train")]
    assert count_positions(excerpts, geometry).numpy().tolist() == [
        max(n - geometry.estimate_frames, 0) + 1 for n in owned
    ]


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_a_shard_of_any_split_that_is_another_is_told_before_training(prepared, tmp_path, split):
    manifest, out = prepared[1], prepared[2]
    folder = shutil.copytree(out, tmp_path / "records")
    (shard, *_) = manifest.shards[split]
    os.truncate(folder / shard.name, shard.num_bytes - 1)
    with pytest.raises(ValueError, match=rf"{shard.name} .*; put the original back"):
        load_excerpts(manifest, str(folder), "train")


def test_a_split_without_tracks_is_refused(prepared):
    _, manifest, out, _, _ = prepared
    empty = dataclasses.replace(manifest, shards={**manifest.shards, "train": ()})
    with pytest.raises(ValueError, match="have no train tracks"):
        load_excerpts(empty, out, "train")


EVERYTHING = {
    "remix": 0.3,
    "silence": 0.3,
    "flip_polarity": True,
    "swap_channels": True,
    "label_dropout": 0.3,
}


@pytest.fixture(scope="module", params=["int16", "float32"])
def stereo(request, tmp_path_factory):
    root, out = tmp_path_factory.mktemp("corpus"), tmp_path_factory.mktemp("records")
    write_musdb(root, num_pieces=6, secs=2.0, seed=3)
    config = configs.load(
        "smoke_musdb", [*OVERRIDES, "audio.channels=2", f"data.encoding={request.param}"]
    )
    manifest = write.write(config, "musdb", root, out)
    return (
        config,
        manifest,
        str(out),
        config.model.window(),
        load_excerpts(manifest, str(out), "train", "memory"),
    )


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{"min_gain": 1.0, "max_gain": 1.0}, EVERYTHING])
def test_excerpts_read_from_the_shards_give_the_same_batches(stereo, settings):
    assert len(stereo[1].shards["train"]) > 1
    uncached = load_excerpts(stereo[1], stereo[2], "train", "none")
    cached_batches, uncached_batches = (
        examples(stereo, **settings),
        examples((*stereo[:4], uncached), **settings),
    )
    for expected, example in zip(cached_batches, uncached_batches, strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, expected, example)


def test_channels_trade_places_per_source_and_the_mixture_follows(stereo):
    geometry = stereo[3]
    middle = slice(geometry.context_frames, geometry.context_frames + geometry.estimate_frames)
    plain = examples(stereo, min_gain=1.0, max_gain=1.0, flip_polarity=False)
    swaps = []
    for before, after in zip(
        plain, examples(stereo, min_gain=1.0, max_gain=1.0, swap_channels=True), strict=True
    ):
        np.testing.assert_allclose(
            after["mixture"][middle], after["sources"].sum(axis=0), atol=1e-6
        )
        for source, swapped in zip(before["sources"], after["sources"], strict=True):
            if not np.array_equal(source[:, 0], source[:, 1]):
                swaps.append(not np.array_equal(source, swapped))
                np.testing.assert_array_equal(swapped, source[:, ::-1] if swaps[-1] else source)
    assert 0.35 < np.mean(swaps) < 0.65


def test_excerpts_that_do_not_fit_the_memory_are_left_on_the_disk(stereo, monkeypatch, capsys):
    num_bytes = sum(shard.num_bytes for shard in stereo[1].shards["train"])
    for available, place in (
        (2 * num_bytes + 2, "are kept there"),
        (2 * num_bytes, "are read from the shards"),
    ):
        monkeypatch.setattr(
            excerpts_module, "available_memory", lambda available=available: available
        )
        excerpts = load_excerpts(stereo[1], stereo[2], "train", "auto")
        assert place in capsys.readouterr().out
    shard = Path(stereo[2]) / stereo[1].shards["train"][0].name
    whole = shard.read_bytes()
    shard.write_bytes(whole[:100])
    with pytest.raises(tf.errors.OpError) as caught:
        examples((*stereo[:4], excerpts))
    sentence = command._sentence(caught.value)
    assert sentence.startswith(str(shard))
    assert re.search(r" ends before byte \d+; write the records again\.$", sentence)
    shard.write_bytes(whole)


def test_the_memory_left_is_some_of_the_machine(monkeypatch, tmp_path):
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < available_memory() <= machine
    for name, text in (
        ("memory.max", "5000"),
        ("memory.current", "3000"),
        ("memory.stat", "anon 7\ninactive_file 600\n"),
    ):
        (tmp_path / name).write_text(text)
    group = memory._ControlGroup(tmp_path, "memory.max", "memory.current")
    monkeypatch.setattr(memory, "_control_groups", lambda: [group])
    assert available_memory() == 5000 - 3000 + 600
    (tmp_path / "memory.max").write_text("max")
    assert available_memory() > 5000
