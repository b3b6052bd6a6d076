"""Puzzles: what they are made of, that they repeat, and what gaps tell of the phase of a tone."""

import numpy as np
import pytest
import tensorflow as tf

import configs
from data_prep import write
from data_prep.records.manifest import load_manifest
from trainer.batches.excerpts import load_excerpts
from trainer.tasks.ordering.puzzles import Puzzles, RecordPuzzles, TrackPuzzles, gap_law
from trainer.tasks.ordering.task import OrderingTask

RATE = 4000
CLIP = 80
LEAST, MOST = 20, 120


def config_with(*overrides):
    settings = [f"audio.sample_rate={RATE}", "task.clip_secs=0.02", "task.min_gap_secs=0.005"]
    settings += ["task.gap_secs=0.025", "task.overlay=0", "model.body=waveform", "model.depth=2"]
    return configs.load("smoke_ordering", [*settings, *overrides])


def ramp(num_frames):
    """A waveform of which two neighbours say where they are: frame t is 0.5 + t / num_frames."""
    return (0.5 + np.arange(num_frames) / num_frames).astype(np.float32)[:, None]


def frames_of(clip, num_frames):
    """Where a clip of a ramp begins, whatever its gain."""
    slope = np.polyfit(np.arange(len(clip)), clip, 1)
    return round((slope[1] / slope[0]) - 0.5 * num_frames)


def test_clips_are_of_one_stretch_with_gaps_within_their_law():
    config = config_with("task.num_clips=4")
    puzzles = TrackPuzzles(config)
    asked = puzzles.of_track(ramp(2000), 3, 200)
    clips, places = asked.clips.numpy()[..., 0], asked.places.numpy().astype(int)
    assert clips.shape == (200, 4, CLIP)
    gaps, starts = [], []
    for each, own in zip(clips, places, strict=True):
        assert sorted(own) == [0, 1, 2, 3]
        begins = [frames_of(clip, 2000) for clip in each[np.argsort(own)]]
        starts.append(begins[0])
        gaps += list(np.diff(begins) - CLIP)
    assert min(gaps) >= LEAST - 1
    assert max(gaps) <= MOST
    # A Hann window has half of its mass in the middle 0.26 of it.
    inner = [abs(gap - (LEAST + MOST) / 2) < 0.135 * (MOST - LEAST) for gap in gaps]
    assert 0.4 < np.mean(inner) < 0.62
    # Starts are spread over all that leaves room for the longest puzzle.
    room = 2000 - puzzles.longest_frames
    assert puzzles.longest_frames == 4 * CLIP + 3 * MOST
    assert min(starts) < 0.1 * room
    assert max(starts) > 0.9 * room
    # Every order is as likely as any other: of 24 none is a fifth of all.
    orders = [tuple(own) for own in places]
    assert len(set(orders)) > 18


def test_a_puzzle_has_one_level_and_its_clips_gains_and_polarity():
    config = config_with("task.gain_db=6")
    noise = 0.003 * np.random.default_rng(0).standard_normal((4000, 1)).astype(np.float32)
    clips = TrackPuzzles(config).of_track(noise, 0, 300).clips.numpy()
    levels = 20 * np.log10(np.sqrt(np.square(clips).mean(axis=(2, 3))) / 0.1)
    # Of noise of one level: the gains alone, and what 80 frames are off.
    assert np.abs(levels).max() < 6 + 1.5
    assert np.std(levels) == pytest.approx(12 / np.sqrt(12), rel=0.15)
    turned = TrackPuzzles(config).of_track(np.full((4000, 1), 0.1, np.float32), 0, 300)
    signs = np.sign(turned.clips.numpy()[:, :, 0, 0])
    assert abs(signs.mean()) < 0.15
    plain = config_with("task.gain_db=0", "task.flip_polarity=false")
    kept = TrackPuzzles(plain).of_track(np.full((4000, 1), 0.5, np.float32), 0, 5).clips.numpy()
    np.testing.assert_allclose(kept, 0.1, rtol=1e-5)


def test_silent_puzzles_are_drawn_again():
    # A tenth sounds.
    waveform = np.zeros((8000, 1), np.float32)
    waveform[4000:4800] = 0.2
    clips = TrackPuzzles(config_with("task.num_clips=2")).of_track(waveform, 0, 100).clips.numpy()
    sounds = np.square(clips).mean(axis=(2, 3)).min(axis=1) > 1e-9
    assert sounds.mean() > 0.9


def test_puzzles_of_other_tracks_and_numbers_are_others():
    puzzles = TrackPuzzles(config_with())
    waveform = np.random.default_rng(1).standard_normal((4000, 1)).astype(np.float32)
    one, same, other = (puzzles.of_track(waveform, number, 4).clips.numpy() for number in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.01
    assert np.abs(one[0] - one[1]).max() > 0.01


@pytest.mark.parametrize(
    ("law", "expected"),
    [
        # Of 440, 110 and 55 Hz at 16 kHz, over 160, 400, 800 and 1600 frames.
        ("hann", [[0.004, 0, 0, 0], [0.42, 0.012, 0.002, 0], [0.82, 0.24, 0.012, 0.002]]),
        ("uniform", [[0.069, 0, 0, 0], [0.089, 0.082, 0.058, 0], [0.57, 0.21, 0.08, 0.058]]),
    ],
)
def test_what_gaps_leave_of_the_phase_of_a_tone(law, expected):
    """The modulus of the characteristic function of the law at the frequency of the tone."""
    for hertz, row in zip((440, 110, 55), expected, strict=True):
        for num_frames, clue in zip((160, 400, 800, 1600), row, strict=True):
            gaps = np.arange(num_frames)
            turned = np.exp(2j * np.pi * hertz * gaps / 16_000)
            found = abs(np.sum(gap_law(law, num_frames) * turned))
            assert found == pytest.approx(clue, abs=0.006), (hertz, num_frames)
    assert gap_law(law, 400).sum() == pytest.approx(1)
    assert gap_law(law, 0).tolist() == [1.0]


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    """Records of music: noise of which each frame is another, in two tracks of 5 and 2 s."""
    import soundfile

    root = tmp_path_factory.mktemp("music")
    rng = np.random.default_rng(5)
    for name, secs in (("a.wav", 5.3), ("b.wav", 2.0), ("c.wav", 0.03)):
        waveform = rng.uniform(-0.5, 0.5, round(secs * RATE))
        soundfile.write(root / name, waveform, RATE, subtype="PCM_24")
    config = config_with("data.excerpt_secs=1", "data.context_frames=100")
    out = str(root / "records")
    write.write(config, "music", root, out)
    return config, load_manifest(out), out


def test_puzzles_of_records_are_of_the_tracks_and_reach_everywhere(music):
    config, manifest, out = music
    excerpts = load_excerpts(manifest, out, "train")
    puzzles = RecordPuzzles(excerpts, config)
    import soundfile

    waveforms = [soundfile.read(f"{out}/../{name}")[0] for name in ("a.wav", "b.wav")]
    whole = np.concatenate(waveforms)
    numbers = tf.data.Dataset.range(400).map(puzzles.puzzle)
    places = []
    for puzzle in numbers.as_numpy_iterator():
        first = puzzle.clips[puzzle.places.argmin(), :, 0]
        # Where the first clip is in the tracks, by the largest correlation.
        products = np.correlate(whole, first)
        norms = np.sqrt(np.convolve(np.square(whole), np.ones(CLIP), "valid"))
        alike = np.abs(products) / norms / np.linalg.norm(first)
        assert alike.max() > 0.999
        places.append(int(alike.argmax()))
    # Both tracks, as long as they are; what is too short for a puzzle takes no part.
    in_first = np.array(places) < len(waveforms[0])
    assert 0.65 < in_first.mean() < 0.82
    longest = Puzzles(config).longest_frames
    assert max(places) <= len(whole) - longest
    assert np.histogram(places, 8, (0, len(whole)))[0].min() > 20


def test_a_share_of_puzzles_is_cut_of_two_stretches_that_sound_together(music):
    config, manifest, out = music
    excerpts = load_excerpts(manifest, out, "train")
    half = RecordPuzzles(excerpts, configs.override(config, ["task.overlay=0.5"]))
    import soundfile

    whole = np.concatenate([soundfile.read(f"{out}/../{name}")[0] for name in ("a.wav", "b.wav")])
    norms = np.sqrt(np.convolve(np.square(whole), np.ones(CLIP), "valid"))
    best, second = [], []
    for puzzle in tf.data.Dataset.range(200).map(half.puzzle).as_numpy_iterator():
        first = puzzle.clips[0, :, 0]
        alike = np.abs(np.correlate(whole, first)) / norms / np.linalg.norm(first)
        louder, softer = np.sort(alike)[::-1][:2]
        best.append(louder)
        second.append(softer)
    is_single = np.array(best) > 0.999
    assert 0.35 < is_single.mean() < 0.65
    # Of two stretches, as loud or up to 12 dB apart, clips are like both; how loud each happens to
    # be in a clip of 80 frames varies.
    levels = np.hypot(best, second)[~is_single]
    assert np.median(levels) > 0.95
    assert np.min(np.array(best)[~is_single]) > 0.6


def test_examples_go_on_from_any_step_and_no_two_are_alike(music):
    config, manifest, out = music
    small = configs.override(config, ["train.batch_size=4", "train.steps=6"])
    task = OrderingTask(small, manifest, out)
    whole = list(task.make_examples(0).as_numpy_iterator())
    rest = list(task.make_examples(4).as_numpy_iterator())
    assert len(whole) == 24
    for one, other in zip(whole[16:], rest, strict=True):
        np.testing.assert_array_equal(one["clips"], other["clips"])
        np.testing.assert_array_equal(one["places"], other["places"])
    assert np.abs(whole[0]["clips"] - whole[1]["clips"]).max() > 0.01


def test_tracks_that_are_all_too_short_are_refused(music):
    _, manifest, out = music
    longer = config_with("data.excerpt_secs=20", "task.clip_secs=2")
    with pytest.raises(ValueError, match="no training track sounds for 6"):
        RecordPuzzles(load_excerpts(manifest, out, "train"), longer)
