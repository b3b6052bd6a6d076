"""Notes: told where they sound, to the frame, whatever the window; and a gate that follows them."""

from functools import cache

import numpy as np
import pytest

import configs
from trainer.inference.tiling import make_block_estimator
from trainer.networks import make_network
from trainer.networks.notes import UNKNOWN_NOTE, NoteModulation, gate_by_time, sounding

SMALL = [
    "audio.sample_rate=1000",
    "model.num_levels=4",
    "model.num_filters=4",
    "data.sources=fl,vc,vn",
    "model.gate_release_secs=0.02",
]
VALID = [*SMALL, "model.estimate_frames=37"]
SAME = [*SMALL, "model.padding=same", "model.estimate_frames=64"]
TOLD = ["model.timing=notes", "model.gate_timing=true"]


def draw_notes(rng, num_notes, num_frames, num_slots=3):
    """Notes (N, 4) of random slots, some of them at the same time, some outside of the frames."""
    onsets = rng.integers(-200, num_frames + 200, num_notes)
    lasts = rng.integers(1, 300, num_notes)
    cents = rng.integers(3000, 9000, num_notes)
    return np.stack([onsets, onsets + lasts, cents, rng.integers(0, num_slots, num_notes)], axis=1)


@cache
def estimator_of(config, longest):
    network = make_network(config)
    with_weights(network.notes.modulations)
    return make_block_estimator(network, longest)


def with_weights(layers, seed=7):
    """Gives layers random weights: those that modulate begin as zeros."""
    rng = np.random.default_rng(seed)
    for weight in (weight for layer in layers for weight in layer.weights):
        weight.assign(0.1 * rng.standard_normal(weight.shape))


def estimate(config, mixture, notes, longest):
    conditions = {"labels": np.array([1, 1, 1], np.float32), "notes": notes}
    estimates = estimator_of(config, longest)([mixture[None]], conditions)
    return np.concatenate(list(estimates), axis=2)[0]


@pytest.mark.slow
@pytest.mark.parametrize("overrides", [VALID, SAME])
@pytest.mark.parametrize("timing", ["activity", "notes"])
def test_the_length_of_the_patch_changes_nothing(overrides, timing):
    config = configs.load("smoke", [*overrides, *TOLD, f"model.timing={timing}"])
    rng = np.random.default_rng(0)
    mixture = rng.standard_normal((1000, 1)).astype(np.float32)
    notes = draw_notes(rng, 12, 1000)
    short = estimate(config, mixture, notes, 40)
    long = estimate(config, mixture, notes, 2**17)
    np.testing.assert_allclose(short, long, atol=2e-6)
    other = estimate(config, mixture, notes[:6], 2**17)
    assert np.abs(long - other).max() > 1e-3


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_features_of_a_level_are_centred_where_the_geometry_says(padding):
    frames = 37 if padding == "valid" else 64
    overrides = [*SMALL, f"model.padding={padding}", f"model.estimate_frames={frames}"]
    model = configs.load("smoke", overrides).model
    window = model.window()

    def convolved(places, kernel):
        if padding == "same":
            return places
        return places[kernel // 2 : len(places) - kernel // 2]

    places = np.arange(window.mixture_frames, dtype=float)
    for _ in range(model.num_levels):
        places = convolved(places, model.down_kernel)[::2]
    places = convolved(places, model.down_kernel)
    for level in range(model.num_levels, 0, -1):
        between = (places[:-1] + places[1:]) / 2
        doubled = np.empty(2 * len(places) - 1)
        doubled[::2] = places
        doubled[1::2] = between
        if padding == "same":
            doubled = np.append(doubled, doubled[-1] + 2 ** (level - 1))
        places = convolved(doubled, model.up_kernel)
        expected = window.decoder_offset(level) + 2 ** (level - 1) * np.arange(len(places))
        np.testing.assert_array_equal(places, expected)
        assert len(places) == window.decoder_frames(level)
    assert places[0] == window.margin_frames


def told_of(notes, frames, layer):
    """What a layer is told, by loops over notes and frames."""
    told = np.zeros((len(frames), 2 * 3 + (64 if layer._hears_pitch else 0)))
    for onset, offset, cents, slot in notes:
        if slot < 0 or offset <= onset:
            continue
        for j, frame in enumerate(frames):
            if onset <= frame < offset:
                told[j, slot] = 1
                if layer._hears_pitch:
                    angles = 2 * np.pi * cents / 100 / (2 * 48 ** (np.arange(16) / 15))
                    heard = np.concatenate([np.eye(3)[slot], np.sin(angles), np.cos(angles)])
                    for matrix in (layer.first, layer.second):
                        heard = np.maximum(heard @ np.asarray(matrix), 0)
                    told[j, 6:] += heard
            if onset - 20 <= frame < onset + 20:
                told[j, 3 + slot] = 1
    return told


@pytest.mark.parametrize("hears_pitch", [False, True])
def test_a_frame_is_told_what_sounds_and_begins_there(hears_pitch):
    layer = NoteModulation(3, hears_pitch, onset_frames=20, seeds=iter(range(9)), dtype="float32")
    layer.build((None, None, 5))
    with_weights([layer])
    rng = np.random.default_rng(1)
    notes = draw_notes(rng, 30, 600)
    notes[3] = UNKNOWN_NOTE
    notes[4] = 0
    frames = np.float32(7 + 8 * np.arange(60))
    features = rng.standard_normal((2, 60, 5)).astype(np.float32)
    batch = np.stack([notes, np.zeros_like(notes)]).astype(np.float32)
    told = told_of(notes, frames, layer)
    changed = np.asarray(layer(features, batch, frames))
    expected = features[0] * (1 + told @ np.asarray(layer.scale)) + told @ np.asarray(layer.shift)
    np.testing.assert_allclose(changed[0], expected, rtol=1e-4, atol=1e-5)
    # Where nothing sounds, and of the notes of another example, nothing changes.
    np.testing.assert_array_equal(changed[1], features[1])


def test_the_gate_is_open_around_notes_alone_and_where_nobody_knows_them():
    notes = np.zeros((2, 4, 4), np.float32)
    notes[0, 0] = [100, 200, 6000, 1]
    notes[0, 1] = [150, 180, 6400, 1]
    notes[1, 0] = UNKNOWN_NOTE
    gate = np.asarray(
        gate_by_time(notes, 3, first=40, num_frames=500, step=8, before=16, behind=32)
    )
    assert gate.shape == (2, 3, 500)
    np.testing.assert_array_equal(gate[1], 1)
    np.testing.assert_array_equal(gate[0, [0, 2]], 0)
    frames = 40 + np.arange(500)
    is_open = (frames >= 100 - 16) & (frames < 200 + 32)
    near = np.abs(frames - 84) < 8
    near |= np.abs(frames - 232) < 8
    np.testing.assert_array_equal(gate[0, 1, ~near], is_open[~near])
    # It opens and closes along a line, without a click.
    assert np.abs(np.diff(gate[0, 1])).max() == pytest.approx(1 / 8)


def test_estimates_are_silent_where_an_instrument_rests_and_the_residual_is_not():
    overrides = ["model.output=difference", "model.residual=vn"]
    config = configs.load("smoke", [*VALID, *TOLD, "model.timing=none", *overrides])
    mixture = np.random.default_rng(2).standard_normal((800, 1)).astype(np.float32)
    estimates = estimate(config, mixture, np.array([[300, 400, 6000, 0]]), 2**17)
    rests = np.r_[0:234, 436:800]
    assert np.abs(estimates[0, 310:390]).max() > 1e-3
    np.testing.assert_array_equal(estimates[0, rests], 0)
    np.testing.assert_array_equal(estimates[1], 0)
    np.testing.assert_allclose(estimates[2, rests], mixture[rests], atol=1e-6)


@pytest.mark.parametrize("levels", [2, 4])
@pytest.mark.parametrize("computation", ["plain", "tpu"])
def test_every_form_is_told_the_same(levels, computation):
    overrides = [*VALID, *TOLD, f"model.timing_levels={levels}", "model.context_size=2"]
    rng = np.random.default_rng(3)
    estimates = []
    for form in ("cpu", computation):
        config = configs.load("smoke", [*overrides, f"model.computation={form}"])
        network = make_network(config)
        window = config.model.window()
        if not estimates:
            mixture = rng.standard_normal((2, window.mixture_frames, 1)).astype(np.float32)
            notes = np.stack([draw_notes(rng, 40, window.mixture_frames) for _ in range(2)])
            given = {
                "labels": np.ones((2, 3), np.float32),
                "notes": notes.astype(np.float32),
                "context": rng.standard_normal((2, 3, 2)).astype(np.float32),
            }
            weights = [rng.standard_normal(w.shape).astype("f") / 8 for w in network.weights]
        network.set_weights(weights)
        estimates.append(np.asarray(network(mixture, given)["estimates"]))
    np.testing.assert_allclose(estimates[0], estimates[1], atol=1e-5)


def test_frames_are_told_to_the_frame_far_from_the_beginning():
    notes = np.array([[[2**24 - 8, 2**24 - 2, 6000, 0]]], np.float32)
    frames = np.float32(2**24 - 10 + np.arange(10))
    np.testing.assert_array_equal(
        np.asarray(sounding(notes, frames))[0, :, 0], [0, 0, *[1] * 6, 0, 0]
    )


def test_the_levels_are_those_that_tell_twelve_milliseconds_apart():
    model = configs.load("urmp_labels", ["model.timing=notes"]).model
    # A frame every 2^8 frames of 22,050 a second: 11.6 ms.
    assert model.timed_levels(22050) == [9, 8, 7, 6, 5]
    assert model.timed_levels(44100) == [10, 9, 8, 7, 6]
    assert model.timed_levels(1000) == [4, 3, 2, 1]
    assert configs.load("urmp_labels").model.timed_levels(22050) == []
