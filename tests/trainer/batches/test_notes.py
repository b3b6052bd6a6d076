"""Notes of examples: those of what is in them, whatever is done to it."""

import numpy as np
import pytest
import tensorflow as tf

import configs
from data_prep.records.format import Layout
from trainer.batches.excerpts import Excerpts
from trainer.batches.notes import most_notes
from trainer.batches.patches import make_batches
from trainer.networks.notes import UNKNOWN_NOTE

SOURCES = ("fl", "vc", "vn")
RATE = 1000
NUM_RECORDS = 6
# Two records of each of three tracks.
FRAMES = 2000
OVERRIDES = [
    f"audio.sample_rate={RATE}",
    f"data.sources={','.join(SOURCES)}",
    "model.num_levels=3",
    "model.estimate_frames=101",
    "model.timing=notes",
    "model.context_size=2",
    "train.batch_size=4",
    "train.steps=30",
]
PLAIN = ["augmentation.remix=0", "augmentation.min_gain=1", "augmentation.max_gain=1"]


def draw_notes(rng, record, slot):
    """Notes (M, 3) of a slot, each with a pitch of its own, by which it is known again."""
    onsets = np.sort(rng.integers(-100, FRAMES + 100, 20))
    cents = 1000 * record + 100 * slot + np.arange(20)
    return np.stack([onsets, onsets + rng.integers(1, 200, 20), 3000 + cents], axis=1)


@pytest.fixture(scope="module")
def excerpts():
    """Excerpts whose waveforms are ramps: the value of a frame says which it is."""
    rng = np.random.default_rng(0)
    notes = [
        [draw_notes(rng, record, slot) for slot in range(len(SOURCES))]
        for record in range(NUM_RECORDS)
    ]
    counts = [len(of_slot) for of_record in notes for of_slot in of_record]
    ramp = tf.range(FRAMES, dtype=tf.float32) / FRAMES
    stored = tf.reshape(tf.io.decode_raw(tf.io.serialize_tensor(ramp), tf.uint8), [-1])[
        -4 * FRAMES :
    ]

    def read(addresses, sizes):
        return [
            stored[a : a + n] for a, n in zip(tf.unstack(addresses), tf.unstack(sizes), strict=True)
        ]

    shape = [NUM_RECORDS, len(SOURCES)]
    return Excerpts(
        layout=Layout(RATE, 1, SOURCES, "float32"),
        read=read,
        addresses=tf.zeros([NUM_RECORDS, 1 + len(SOURCES)], tf.int64),
        mixture_scales=tf.ones(NUM_RECORDS),
        source_scales=tf.ones(shape),
        labels=tf.ones(shape),
        grades=tf.ones(shape),
        stored_frames=tf.fill([NUM_RECORDS], tf.constant(FRAMES, tf.int64)),
        context_before=tf.zeros(NUM_RECORDS, tf.int64),
        owned_frames=tf.fill([NUM_RECORDS], tf.constant(FRAMES, tf.int64)),
        tracks=tf.constant(np.arange(NUM_RECORDS) // 2, tf.int64),
        notes=tf.constant(np.concatenate([n for r in notes for n in r]), tf.int32),
        note_splits=tf.constant(np.cumsum([0, *counts]), tf.int64),
        context=tf.reshape(tf.range(NUM_RECORDS * 3 * 2, dtype=tf.float32), [NUM_RECORDS, 3, 2]),
        max_sounding=len(SOURCES),
    )


def examples(excerpts, *overrides):
    config = configs.load("smoke", [*OVERRIDES, *PLAIN, *overrides])
    return config, list(make_batches(excerpts, config, 0).as_numpy_iterator())


def rows_of(example):
    """The notes of an example that are some."""
    notes = example["notes"]
    return notes[notes[:, 1] > notes[:, 0]]


def known_notes(excerpts, record, slot):
    cell = record * len(SOURCES) + slot
    splits = excerpts.note_splits.numpy()
    return excerpts.notes.numpy()[splits[cell] : splits[cell + 1]]


CHANGES = [
    "augmentation.note_dropout=0.4",
    "augmentation.note_jitter_ms=20",
    "augmentation.wrong_notes=0.5",
    "augmentation.context_dropout=0.5",
]


@pytest.fixture(scope="module")
def still(excerpts):
    return examples(excerpts)[1]


@pytest.fixture(scope="module")
def changed(excerpts):
    return examples(excerpts, *CHANGES)[1]


def is_known(example):
    return not (example["notes"][:, 3] == -1).any()


def silent_slots(example):
    return np.flatnonzero(np.abs(example["sources"]).max(axis=(1, 2)) == 0)


def record_of(example):
    """The record of an example that is as it was stored, by its notes."""
    return int(rows_of(example)[0, 2] - 3000) // 1000


def test_an_example_has_the_notes_that_reach_into_its_window(excerpts, still):
    window = configs.load("smoke", OVERRIDES).model.window()
    middle = window.mixture_frames // 2
    for example in still:
        # The ramp says where the window lies.
        first = round(float(example["mixture"][middle, 0]) * FRAMES) - middle
        expected = []
        for slot in range(len(SOURCES)):
            for onset, offset, cents in known_notes(excerpts, record_of(example), slot):
                if onset < first + window.mixture_frames and offset > first:
                    expected.append([onset - first, offset - first, cents, slot])
        np.testing.assert_array_equal(rows_of(example), expected)
        np.testing.assert_array_equal(example["context"], excerpts.context[record_of(example)])


def test_notes_follow_what_is_remixed_silenced_and_detuned(excerpts):
    changes = ["augmentation.remix=1", "augmentation.silence=0.5", "augmentation.detune_cents=1200"]
    config, all_examples = examples(excerpts, *changes)
    margin = config.model.window().margin_frames
    num_silenced = 0
    num_followed = 0
    for example in all_examples:
        rows = rows_of(example)
        sounding = example["labels"] > 0
        np.testing.assert_array_equal(np.flatnonzero(~sounding), silent_slots(example))
        num_silenced += (~sounding).sum()
        assert set(rows[:, 3].astype(int)) <= set(np.flatnonzero(sounding))
        for slot in np.flatnonzero(sounding):
            own = rows[rows[:, 3] == slot]
            waveform = example["sources"][slot, :, 0] * FRAMES
            rises = np.diff(waveform)
            if rises.min() < rises.max() - 1e-2:
                # The record begins or ends here.
                continue
            # A ramp is steeper by as much as it is played faster.
            ratio = float(np.median(rises))
            numbers = np.rint(own[:, 2] - 1200 * np.log2(ratio) - 3000).astype(int)
            middle = len(waveform) // 2
            for number, onset in zip(numbers, own[:, 0], strict=True):
                stored = known_notes(excerpts, number // 1000, slot)[number % 100]
                # The note begins where its waveform does.
                expected = margin + middle + (stored[0] - waveform[middle]) / ratio
                assert onset == pytest.approx(expected, abs=1.5)
                num_followed += 1
    assert num_silenced > 20
    assert num_followed > 100


@pytest.mark.slow
def test_unknown_notes_are_one_that_reaches_everywhere(changed):
    unknown = [example for example in changed if not is_known(example)]
    assert 0.25 < len(unknown) / len(changed) < 0.55
    for example in unknown:
        np.testing.assert_array_equal(example["notes"], [UNKNOWN_NOTE] * len(example["notes"]))
        assert not len(silent_slots(example))


def test_each_note_is_moved_by_itself_and_still_lasts(still, changed):
    shifts = []
    for before, after in zip(still, changed, strict=True):
        np.testing.assert_array_equal(before["mixture"], after["mixture"])
        onsets = {row[2]: row[0] for row in rows_of(before)}
        if is_known(after):
            rows = rows_of(after)
            shifts += [row[0] - onsets[row[2]] for row in rows if row[2] in onsets]
    assert 10 < np.abs(shifts).max() <= 20
    assert np.std(shifts) == pytest.approx(40 / np.sqrt(12), rel=0.1)


def test_wrong_notes_are_those_of_another_track_and_their_target_is_silent(still, changed):
    num_wrong = 0
    num_known = 0
    for before, after in zip(still, changed, strict=True):
        if not is_known(after):
            continue
        num_known += 1
        silent = silent_slots(after)
        num_wrong += len(silent)
        for cents, slot in rows_of(after)[:, 2:]:
            track = int(cents - 3000) // 1000 // 2
            assert (track != record_of(before) // 2) == (slot in silent)
    assert 0.35 < num_wrong / num_known < 0.65


def test_other_modalities_tell_nothing_in_a_share_of_the_examples(still, changed):
    told = [example["context"].any() for example in changed]
    assert 0.35 < np.mean(told) < 0.65
    for before, after, is_told in zip(still, changed, told, strict=True):
        np.testing.assert_array_equal(after["context"], before["context"] * is_told)


@pytest.mark.slow
def test_a_step_is_told_the_same_at_every_start(excerpts, changed):
    config = configs.load("smoke", [*OVERRIDES, *PLAIN, *CHANGES])
    rest = list(make_batches(excerpts, config, 20).as_numpy_iterator())
    assert rest
    for before, after in zip(changed[-len(rest) :], rest, strict=True):
        for name, values in before.items():
            np.testing.assert_array_equal(values, after[name])


def test_the_most_notes_are_those_of_the_fullest_stretch(excerpts):
    begins = np.arange(-300, FRAMES + 300)
    most = []
    for slot in range(len(SOURCES)):
        counts = []
        for record in range(NUM_RECORDS):
            onsets, offsets, _ = known_notes(excerpts, record, slot).T[:, :, None]
            counts.append(((onsets < begins + 200) & (offsets > begins)).sum(axis=0).max())
        most.append(max(counts))
    assert most_notes(excerpts, 200) == sum(most) > 12


def test_records_of_which_the_network_is_not_told_enough_are_refused(excerpts):
    with pytest.raises(ValueError, match=r"model.max_notes is 4; .* set model.max_notes=64"):
        examples(excerpts, "model.max_notes=4")
    no_splits = tf.zeros_like(excerpts.note_splits)
    none = excerpts._replace(notes=excerpts.notes[:0], note_splits=no_splits)
    with pytest.raises(ValueError, match="the training records have none"):
        examples(none)
    with pytest.raises(ValueError, match=r"model.context_size is 3, the vectors of the training"):
        examples(excerpts, "model.context_size=3")
