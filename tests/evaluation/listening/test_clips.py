"""What can be listened to: which stretches, at what level, whole on the disk, and as much as fits
into a page.
"""

import base64
import io
import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from data_prep.audio import activity
from evaluation.document.parts import Clips, Text
from evaluation.listening import clips, sounds
from evaluation.listening.clips import (
    Choice,
    ClipWaveforms,
    choose,
    record,
)
from evaluation.listening.three_spectrograms import draw_before_and_after
from evaluation.report import clip_players
from evaluation.scores.table import Row

RATE = 8000


def rows_of(gains, track="t", polyphony=2):
    """Rows of one-second segments: source -> the improvement in each, None where it does not sound."""
    rows = []
    for source, listed in gains.items():
        for i, gain in enumerate(listed):
            where = (track, float(i), source)
            if gain is None:
                rows += [
                    Row(system, *where, "absent", polyphony, leakage=-50.0)
                    for system in ("model", "mixture")
                ]
            else:
                rows.append(Row("model", *where, "scored", polyphony, sdr=gain, snr=gain))
                rows.append(Row("mixture", *where, "scored", polyphony, sdr=0.0, snr=0.0))
    return rows


def summary(choices, why):
    return [(each.track, each.source, each.segment_secs) for each in choices if each.why == why]


def test_worst_and_best_are_those_of_the_improvement_one_of_each_source_of_a_track():
    rows = rows_of({"va": [5.0, 1.0, 9.0, 0.5], "vc": [3.0, 4.0, 2.0, 8.0]}) + rows_of(
        {"vc": [-7.0, 20.0]}, "u"
    )
    choices = choose(rows, 1.0)
    assert summary(choices, "worst") == [
        ("u", "vc", (0, 1)),
        ("t", "va", (3, 4)),
        ("t", "vc", (2, 3)),
    ]
    assert summary(choices, "best") == [
        ("u", "vc", (1, 2)),
        ("t", "va", (2, 3)),
        ("t", "vc", (3, 4)),
    ]
    worst = next(each for each in choices if each.why == "worst")
    assert (worst.start_secs, worst.stop_secs) == (
        0,
        2,
    )  # with a second around it, as far as there is one
    many = [row for t in range(9) for row in rows_of({"va": [float(t), 10.0 + t]}, f"t{t}")]
    assert [each.track for each in choose(many, 1.0) if each.why == "worst"] == [
        "t0",
        "t1",
        "t2",
        "t3",
    ]
    assert [each.track for each in choose(many, 1.0) if each.why == "best"] == [
        "t8",
        "t7",
        "t6",
        "t5",
    ]


def test_no_segment_is_both_best_and_worst_and_lone_ones_are_neither():
    lone = rows_of({"va": [90.0]}, "u", polyphony=1)
    choices = choose([*rows_of({"va": [1.0, None, 2.0]}), *lone], 1.0)
    assert summary(choices, "worst") == [("t", "va", (0, 1))]
    assert summary(choices, "best") == [("t", "va", (2, 3))]
    assert summary(choose(rows_of({"va": [1.0]}), 1.0), "best") == []
    assert choose(rows_of({"va": [None]}), 1.0) == []


def test_the_common_stretch_follows_from_the_references_alone():
    sounding = {"va": [1.0] * 12, "vc": [None] * 6 + [1.0] * 6, "vn": [None] * 7 + [1.0] * 5}
    rows = rows_of({"va": [1.0, 2.0]}, "first") + rows_of(sounding, "t")
    common = [each for each in choose(rows, 1.0) if each.why == "common"]
    assert [(each.track, each.source, each.start_secs, each.stop_secs) for each in common] == [
        ("t", source, 7.0, 12.0) for source in sounding
    ]
    worse = [replace(row, snr=-5.0) if row.system == "model" and row.snr else row for row in rows]
    assert [each for each in choose(worse, 1.0) if each.why == "common"] == common


def noise(seed, level, secs=1.0, channels=1):
    return level * np.random.default_rng(seed).standard_normal((round(secs * RATE), channels))


def test_levels_are_matched_and_nothing_clips():
    waveforms = {
        "a": noise(0, 0.2),
        "b": noise(1, 0.001),
        "c": np.zeros((RATE, 1)),
        "d": noise(2, 3e-4),
    }
    gains = dict(zip(waveforms, sounds.match_levels(list(waveforms.values())), strict=True))
    level = {name: activity.rms_db(waveforms[name]) + gains[name] for name in "abd"}
    assert level["a"] == pytest.approx(sounds.LEVEL_DBFS)
    assert level["b"] == pytest.approx(sounds.LEVEL_DBFS)
    assert gains["c"] == 0
    assert gains["d"] == sounds.MAX_GAIN_DB
    spiky = noise(3, 1e-3)
    spiky[100] = 2.0
    first, second = sounds.match_levels([waveforms["a"], spiky])
    assert 20 * math.log10(np.max(np.abs(spiky))) + second == pytest.approx(-1)
    assert activity.rms_db(waveforms["a"]) + first == pytest.approx(activity.rms_db(spiky) + second)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_sound_comes_back_as_it_was_but_for_sixteen_bits(channels):
    waveform = noise(0, 0.05, channels=channels)
    sound = sounds.encode(waveform, -7.0, RATE)
    assert sound.flac[:4] == b"fLaC"
    decoded, rate = sounds.decode(sound)
    assert (rate, decoded.shape) == (RATE, waveform.shape)
    np.testing.assert_allclose(decoded, waveform, atol=2**-16 * 10 ** (7 / 20))


def read(choice):
    shape = round((choice.stop_secs - choice.start_secs) * RATE), 1
    mixture, reference = np.random.default_rng(len(choice.track)).uniform(-0.1, 0.1, (2, *shape))
    return ClipWaveforms(mixture, reference, reference * 0.5)


def make_recordings(num=3, secs=2.0):
    choices = [Choice("worst", "t" * (i + 1), "vc", 0.0, secs, (0.5, 1.5)) for i in range(num)]
    return list(record(choices, read, RATE))


def test_the_estimate_and_the_reference_of_a_clip_are_at_one_level():
    (recording,) = make_recordings(1)
    reference, estimate = (
        sounds.decode(recording.sounds[take])[0] for take in ("reference", "estimate")
    )
    np.testing.assert_allclose(estimate, 0.5 * reference, atol=1e-4)
    gain = {take: sound.gain_db for take, sound in recording.sounds.items()}
    assert gain["estimate"] - gain["reference"] == pytest.approx(20 * math.log10(2))


def test_the_sound_of_an_untrained_network_leaves_the_level_of_the_others_as_it_is():
    choice = Choice("common", "t", "vc", 0.0, 2.0)
    spiky = noise(1, 1e-3, 2.0)
    spiky[100] = 3.0
    (plain,) = record([choice], read, RATE)
    (recording,) = record([choice], lambda each: read(each)._replace(untrained=spiky), RATE)
    untrained = recording.sounds["untrained"]
    assert {**plain.sounds, "untrained": untrained} == recording.sounds
    np.testing.assert_allclose(sounds.decode(untrained)[0], spiky, atol=2e-4)


def shades_of(picture):
    """How bright the pixels of a picture are, as a share of its scale."""
    data = base64.b64decode(picture.picture.removeprefix("data:image/png;base64,"))
    image = Image.open(io.BytesIO(data))
    assert image.size == (picture.width, picture.height)
    return np.asarray(image) / 31


def test_what_training_changed_is_drawn_on_one_scale():
    choice = Choice("common", "t", "vc", 0.0, 2.0)

    def quieter(choice):
        waveforms = read(choice)
        return waveforms._replace(
            untrained=0.01 * waveforms.reference, estimate=0.5 * waveforms.reference
        )

    (recording,) = record([choice], quieter, RATE)
    drawn = draw_before_and_after(recording)
    reference, untrained, estimate = drawn.pictures
    # 40 dB and 6 dB of the 70 dB that the scale has.
    loud = shades_of(reference) > 0.7
    assert loud.mean() > 0.5
    for picture, below_db in ((untrained, 40), (estimate, 20 * math.log10(2))):
        off = (shades_of(reference) - shades_of(picture))[loud]
        np.testing.assert_allclose(off, below_db / sounds.RANGE_DB, atol=1 / 31)
    assert shades_of(reference).max() == 1
    assert estimate.caption.endswith(", SNR 6.0 dB")
    assert untrained.caption.endswith(", SNR 0.1 dB")
    assert [name for name, _ in drawn.moments] == ["0 s", "0.4 s", "0.8 s", "1.2 s", "1.6 s", "2 s"]
    assert drawn.moments[1][1] == pytest.approx(0.2)
    assert (drawn.colours[0], drawn.darkest) == ("#000004", "\N{MINUS SIGN}70 dB")
    (plain,) = record([choice], read, RATE)
    assert draw_before_and_after(plain) is None


def test_clips_beyond_the_budget_are_left_out_and_counted():
    heard = [
        clip_players.ClipSounds(
            each.choice,
            RATE,
            {"mixture": each.sounds["mixture"]},
            {"estimate": each.sounds["estimate"]},
        )
        for each in make_recordings(4)
    ]
    everything = clip_players.fit(heard)
    shown = [block for block in everything if isinstance(block, Clips)]
    assert [len(block.clips) for block in shown] == [4]
    size = len(shown[0].clips[0].known[0].sound)
    some = clip_players.fit(heard, budget=5 * size)
    assert 1 <= len(next(block for block in some if isinstance(block, Clips)).clips) < 4
    assert isinstance(some[-1], Text)
    assert "of 4 clips" in some[-1].text
    assert not any("Left out" in block.text for block in everything if isinstance(block, Text))


def test_the_numbers_of_a_clip_are_those_of_its_segment():
    rows = rows_of({"vc": [1.25, 9.0], "va": [3.0, 4.0]})
    choices = [each for each in choose(rows, 1.0) if each.why == "worst"]
    blocks = clip_players.run_clips(list(record(choices, read, RATE)), rows)
    clip = next(block for block in blocks if isinstance(block, Clips)).clips[0]
    assert (clip.title, clip.note) == ("cello", "t, 0 to 1 s")
    assert {name: cell.text for name, cell in clip.numbers} == {
        "Improvement": "+1.2",
        "SNR": "1.2",
        "SDR": "1.2",
        "SIR": "\N{EN DASH}",
        "SAR": "\N{EN DASH}",
        "SI-SDR": "\N{EN DASH}",
        "SI-SAR": "\N{EN DASH}",
    }
    assert clip.mark == (0, 0.5)


def test_a_tone_is_drawn_where_it_sounds():
    time = np.arange(2 * RATE) / RATE
    tone = (0.1 * np.sin(2 * np.pi * 1000 * time) * (time > 1))[:, None]
    power = sounds.spectrogram(tone, RATE)
    rows, columns = power.shape
    frequencies = np.geomspace(sounds.MIN_HZ, RATE / 2, rows)
    assert abs(frequencies[power[:, columns * 3 // 4].argmax()] / 1000 - 1) < 0.03
    assert power[:, columns // 4].max() < 1e-6 * power.max()
    assert abs((power.max(axis=0) > power.max() / 2).argmax() / columns - 0.5) < 0.03
    (tick,) = [share for name, share in sounds.frequency_ticks(RATE) if name == "1 kHz"]
    assert tick == pytest.approx(power[:, -columns // 4].argmax() / rows, abs=0.02)
    # Row 0 of a PNG is its top, and the tone lies in the upper half.
    png = sounds.picture(power, power.max())
    pixels = np.asarray(Image.open(io.BytesIO(png)))
    assert pixels[:, columns * 3 // 4].argmax() == rows - 1 - power[:, columns * 3 // 4].argmax()


@pytest.mark.parametrize("secs", [1 / RATE, 0.01, 0.3])
def test_short_sounds_have_pictures_too(secs):
    power = sounds.spectrogram(noise(0, 0.1, secs), RATE)
    assert np.isfinite(power).all()
    assert sounds.picture(power, 0.0)[:4] == b"\x89PNG"


def test_every_choice_is_named_on_the_page():
    assert set(clip_players.TITLES) == set(clips.Why.__args__)
