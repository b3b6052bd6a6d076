"""What is asked of which mixtures, and with which recordings."""

from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

import configs
from data_prep.records.full_tracks import iter_full_tracks
from tests.trainer.tasks.query.small import small_config, write_records
from trainer.batches.excerpts import load_excerpts
from trainer.batches.questions import QuestionDrawer, make_questions, tell_of_audio

STORED = ["augmentation.remix=0", "augmentation.min_gain=1", "augmentation.max_gain=1"]


@pytest.fixture(scope="module")
def records(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("queries")
    manifest = write_records(corpus, out)
    return manifest, str(out), load_excerpts(manifest, str(out), "train", "memory")


def asked(excerpts, config):
    """The first step, as arrays."""
    drawer = QuestionDrawer(excerpts, config, config.model.window())
    return tf.nest.map_structure(lambda value: value.numpy(), drawer.ask(tf.constant(0, tf.int64)))


def targets(question):
    """The records that the targets are from, -1 where what is asked for is not there."""
    plan = question.plan
    found = (plan.waveforms == 1 + question.slot[:, None]) & (plan.scales != 0)
    return np.where(found, plan.records, -1).max(axis=1)


@pytest.mark.slow
@pytest.mark.parametrize("overrides", [[], STORED], ids=["remixed", "as stored"])
def test_a_quarter_asks_for_what_is_not_there_and_instruments_come_evenly(records, overrides):
    _, _, excerpts = records
    config = small_config("train.batch_size=2000", *overrides)
    question = asked(excerpts, config)
    there = targets(question) >= 0
    assert 1 - there.mean() == pytest.approx(0.25, abs=0.03)
    assert question.by_audio.mean() == pytest.approx(0.5, abs=0.04)
    # Thirteen instruments: 154 times each, whether two tracks have one or ten; 4 deviations of 12.
    counts = Counter(question.slot.tolist())
    assert len(counts) == 13
    assert min(counts.values()) > 106
    assert max(counts.values()) < 202


def test_the_audio_of_a_query_is_of_another_track_than_the_target(records):
    _, _, excerpts = records
    question = asked(excerpts, small_config("train.batch_size=500"))
    tracks = excerpts.tracks.numpy()
    stored = excerpts.source_scales.numpy() > 0
    assert stored[question.record, question.slot].all()
    found = targets(question)
    there = found >= 0
    assert there.sum() > 300
    assert (tracks[question.record[there]] != tracks[found[there]]).all()
    assert question.has_audio.all()


def test_where_one_track_has_an_instrument_the_audio_is_of_another_excerpt(records, capsys):
    _, _, excerpts = records
    stored = excerpts.source_scales.numpy() > 0
    tracks = excerpts.tracks.numpy()
    # Of the first instrument all tracks but one with two excerpts forget it, of the second all
    # excerpts but one.
    scales = excerpts.source_scales.numpy().copy()
    own = next(t for t in tracks[stored[:, 0]] if (stored[:, 0] & (tracks == t)).sum() >= 2)
    scales[tracks != own, 0] = 0
    scales[np.flatnonzero(stored[:, 1])[1:], 1] = 0
    poorer = excerpts._replace(source_scales=tf.constant(scales))
    question = asked(poorer, small_config("train.batch_size=500", "task.absent=0"))
    found = targets(question)
    assert (found >= 0).all()
    of_one_track = question.slot == 0
    assert of_one_track.sum() > 15
    assert (tracks[question.record[of_one_track]] == own).all()
    assert (question.record != found)[of_one_track].all()
    of_one_excerpt = question.slot == 1
    assert of_one_excerpt.sum() > 15
    assert not question.by_audio[of_one_excerpt].any()
    tell_of_audio(poorer)
    told = capsys.readouterr().out
    sources = configs.load("smoke").data.sources
    assert f"note: {sources[0]}: one track alone has it" in told
    assert f"note: {sources[1]}: one excerpt alone has it" in told
    assert told.count("note") == 2


def test_examples_repeat_from_any_step_and_hold_what_was_asked_for(records):
    manifest, folder, excerpts = records
    config = small_config("train.steps=4", *STORED)
    whole = list(make_questions(excerpts, config, 0).as_numpy_iterator())
    later = list(make_questions(excerpts, config, 3).as_numpy_iterator())
    assert len(whole) == 16
    for ours, theirs in zip(whole[12:], later, strict=True):
        for name, value in ours.items():
            np.testing.assert_array_equal(value, theirs[name], err_msg=name)
    tracks = list(iter_full_tracks(manifest, folder, "train"))
    there = 0
    for example in whole:
        slot = int(example["slot"])
        if np.mean(np.square(example["target"])) > 1e-4:
            assert example["there"][slot] == 1
        if not example["target"].any():
            assert example["there"][slot] == 0
        assert 0 <= example["there"].sum() <= 4
        # A target is a stretch of what that instrument plays somewhere; so is its audio.
        stems = [track.references[slot] for track in tracks]
        for name, frames in (("target", 501), ("audio", 4000)):
            heard = example[name][:, 0]
            assert len(heard) == frames
            if np.abs(heard).max() > 1e-3:
                there += name == "target"
                assert any(_holds(stem[:, 0], heard) for stem in stems), name
    assert there > 5


def _holds(stem, part):
    """Whether a waveform holds what is not silent of another one."""
    first, last = np.flatnonzero(np.abs(part) > 1e-3)[[0, -1]]
    part = part[first : last + 1][:20]
    windows = np.lib.stride_tricks.sliding_window_view(stem, len(part))
    return bool((np.abs(windows - part).max(axis=1) < 1e-6).any())


def test_what_every_record_has_is_left_out_of_sums_and_else_refused(records):
    _, _, excerpts = records
    everywhere = excerpts._replace(
        labels=tf.ones_like(excerpts.labels),
        source_scales=tf.maximum(excerpts.source_scales, 1e-9),
        max_sounding=13,
    )
    with pytest.raises(ValueError, match=r"every training record has .* set task.absent=0"):
        asked(everywhere, small_config(*STORED))
    question = asked(everywhere, small_config("train.batch_size=400", "augmentation.remix=0"))
    there = targets(question) >= 0
    assert 1 - there.mean() == pytest.approx(0.25, abs=0.07)
