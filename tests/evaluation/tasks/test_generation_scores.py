"""What a run that makes single sounds is measured by: rivals, resemblance, referee, paths, faults."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from evaluation.tasks.generation import faults, paths, reconstruction, resemblance, sounds
from evaluation.tasks.generation.referee import Referee, features_of, make_referee
from evaluation.tasks.generation.report import numbers_of
from evaluation.tasks.generation.sound_sets import SoundSet, join
from trainer.tasks.generation.distances import FLOOR_DB

RATE = 16_000
NUM_FRAMES = 4096
ATTACK_SECS = 0.02
ATTACK = round(ATTACK_SECS * RATE)


def one_shots(count, seed, highest=0.45):
    """Bursts of noise of different colours that decay at different speeds: (N, T), peak 1."""
    rng = np.random.default_rng(seed)
    times = (np.arange(NUM_FRAMES) - ATTACK) / RATE
    made = []
    for _ in range(count):
        spectrum = np.fft.rfft(rng.standard_normal(NUM_FRAMES))
        shares = np.arange(len(spectrum)) / NUM_FRAMES
        centre = rng.uniform(0.05, highest)
        coloured = np.fft.irfft(spectrum * np.exp(-20 * np.square(shares - centre)))
        envelope = np.where(times < 0, 0, np.exp(-times / rng.uniform(0.01, 0.1)))
        sound = coloured * envelope
        made.append(sound / np.abs(sound).max())
    return np.array(made, np.float32)


def window_levels(sound):
    """The levels of a sound, window by window."""
    window = np.hanning(1025)[:-1]
    levels = []
    for start in range(0, NUM_FRAMES - 1023, 256):
        part = sound[start : start + 1024].astype(np.float64)
        magnitudes = np.abs(np.fft.rfft(part * window)) / window.sum() * 2
        levels.append(20 * np.log10(np.maximum(magnitudes, 1e-4)))
    return levels


def table_of(sounds, others):
    """The log-spectral distances of all pairs."""
    rows = [window_levels(sound) for sound in sounds]
    columns = [window_levels(other) for other in others]
    table = np.zeros((len(rows), len(columns)))
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            pairs = zip(row, column, strict=True)
            table[i, j] = np.mean([np.sqrt(np.mean((a - b) ** 2)) for a, b in pairs])
    return table


@pytest.fixture(scope="module")
def training():
    names = [f"kit{i % 8}/snare/{i}" for i in range(24)]
    return SoundSet(one_shots(24, 0), names, ["snare"] * 24)


@pytest.fixture(scope="module")
def unseen():
    names = [f"other{i % 7}/{'snare' if i % 2 else 'hat'}/{i}" for i in range(14)]
    return SoundSet(one_shots(14, 1), names, [name.split("/")[1] for name in names])


def test_rivals_are_those_that_loops_find(training, unseen):
    back = SoundSet(0.5 * unseen.sounds)
    systems = reconstruction.score_systems(unseen, training, back.levels)
    assert [system.name for system in systems] == [
        *("model", "nearest training sound", "medoid", "silence"),
    ]
    table = table_of(unseen.sounds, training.sounds)
    within = table_of(training.sounds, training.sounds)
    expected = {
        "model": np.diag(table_of(unseen.sounds, back.sounds)),
        "nearest training sound": table.min(axis=1),
        "medoid": table[:, within.sum(axis=1).argmin()],
        "silence": table_of(unseen.sounds, np.zeros((1, NUM_FRAMES)))[:, 0],
    }
    for system in systems:
        np.testing.assert_allclose(system.distances, expected[system.name], rtol=1e-3)
        assert system.mean_db == pytest.approx(np.mean(expected[system.name]), rel=1e-3)
        # Seven kits, of which each has two sounds.
        assert system.interval.low < system.mean_db < system.interval.high
        assert {row.kit for row in system.rows} == {f"other{i}" for i in range(7)}
    np.testing.assert_array_equal(reconstruction.nearest_of(unseen, training), table.argmin(axis=1))
    lines = reconstruction.to_csv(systems).splitlines()
    assert lines[0] == "system,track,kit,tag,lsd_db"
    assert len(lines) == 1 + 4 * 14
    assert lines[2].startswith("model,other1/snare/1,other1,snare,")


def test_verdicts_are_of_differences_within_kits(training, unseen):
    systems = reconstruction.score_systems(unseen, training, 0.5 * unseen.levels + 0.5 * FLOOR_DB)
    for verdict in reconstruction.verdicts_of(systems):
        difference = systems[0].distances - verdict.rival.distances
        assert verdict.difference_db == pytest.approx(difference.mean())
        if (difference > 0).all():
            assert verdict.verb == "loses to"
    perfect = reconstruction.score_systems(unseen, training, unseen.levels)
    assert {verdict.verb for verdict in reconstruction.verdicts_of(perfect)} == {"wins against"}
    worse = reconstruction.score_systems(unseen, training, unseen.levels + 60)
    assert {verdict.verb for verdict in reconstruction.verdicts_of(worse)} == {"loses to"}
    # Half of the kits are won, half lost.
    nearest = perfect[1].distances
    shifts = np.where(np.arange(14) % 7 < 3.5, 0.5, 1.5) * nearest
    mixed = reconstruction.score_systems(unseen, training, unseen.levels + shifts[:, None, None])
    assert reconstruction.verdicts_of(mixed)[0].verb == "cannot be told from"
    # Of one kit there is no interval, and the mean decides.
    alone = SoundSet(unseen.sounds, [f"kit/x/{i}" for i in range(14)], [""] * 14)
    systems = reconstruction.score_systems(alone, training, alone.levels)
    assert systems[0].interval is None
    assert reconstruction.verdicts_of(systems)[0].verb == "wins against"


def test_coverage_is_that_of_loops_and_of_what_is_expected(training, unseen):
    within = table_of(unseen.sounds, unseen.sounds)
    nearest = table_of(unseen.sounds, training.sounds).min(axis=1)
    covered = 0
    for i, distance in enumerate(nearest):
        own = sorted(within[i][j] for j in range(14) if j != i)
        covered += distance < own[4]
    found = resemblance.coverage(unseen.levels, training.levels, 5)
    assert found == pytest.approx(covered / 14)
    assert resemblance.coverage(unseen.levels, unseen.levels, 5) == 1
    # By dice: points on a line in place of sounds, one column of one bin.
    rng = np.random.default_rng(0)
    trials = []
    for _ in range(200):
        points = rng.normal(size=(30, 1, 1)).astype(np.float32)
        trials.append(resemblance.coverage(points[:10], points[10:], 2))
    assert np.mean(trials) == pytest.approx(resemblance.expected_coverage(10, 20, 2), abs=0.03)


def test_resemblance_tells_the_same_kind_from_another(training, unseen):
    alike = resemblance.measure(SoundSet(one_shots(30, 2)), training, unseen)
    assert alike.num_compared == 24
    assert abs(alike.drawn.mmd) < 0.05
    assert alike.drawn.to_training_db == pytest.approx(alike.training.to_training_db, rel=0.3)
    within = table_of(training.sounds, training.sounds)
    nearest = [min(within[i][j] for j in range(24) if j != i) for i in range(24)]
    assert alike.training.to_training_db == pytest.approx(np.median(nearest), rel=1e-3)
    dark = resemblance.measure(SoundSet(one_shots(30, 2, highest=0.06)), training, unseen)
    assert dark.drawn.mmd > alike.drawn.mmd + 0.1
    assert dark.drawn.coverage < alike.drawn.coverage


def test_sounds_without_a_kit_are_kits_of_their_own(unseen):
    names = ["kit/snare/1", "kit/snare/2", "snare/1", "snare/2", "alone"]
    alone = SoundSet(unseen.sounds[:5], names, [""] * 5)
    assert alone.kits == ["kit", "kit", "snare/1", "snare/2", "alone"]


def classes_of_sounds(count, seed, kits):
    """Dark and bright sounds, the class of each being what it is, but for one of ten."""
    dark = one_shots(count, seed, highest=0.1)
    bright = np.flip(one_shots(count, seed + 1), axis=1)
    names = [f"{kits}{i % 7}/x/{i}" for i in range(2 * count)]
    return SoundSet(np.concatenate([dark, bright]), names, ["kick"] * count + ["swell"] * count)


def test_a_referee_is_measured_on_other_kits_and_accepts_its_own():
    learnt = classes_of_sounds(20, 10, "a")
    unseen = classes_of_sounds(20, 20, "b")
    wrong = list(unseen.classes)
    wrong[:4] = ["swell"] * 4
    # Of a class that it does not tell.
    wrong[-1] = "gong"
    unseen = SoundSet(unseen.sounds, unseen.names, wrong)
    referee = Referee(learnt, ["kick"])
    accuracy = referee.measure(unseen)
    said = referee._classifier.predict(features_of(unseen.levels[:-1]))
    expected = balanced_accuracy_score(wrong[:-1], said)
    assert accuracy.balanced == pytest.approx(expected)
    assert 0.8 < accuracy.balanced < 1
    assert (accuracy.num_sounds, accuracy.num_kits) == (39, 7)
    assert accuracy.interval.low < accuracy.balanced < accuracy.interval.high
    kicks = referee.judge(unseen.levels[:20])
    swells = referee.judge(unseen.levels[20:])
    assert kicks.accepted > 0.9
    assert swells.accepted < 0.2
    assert sum(kicks.shares.values()) == pytest.approx(1)
    assert kicks.shares["kick"] > 0.9
    assert referee.measure(SoundSet(unseen.sounds, unseen.names, ["gong"] * 40)) is None


def test_a_referee_needs_classes():
    learnt = classes_of_sounds(4, 10, "a")
    snares = SoundSet(learnt.sounds, learnt.names, ["snare"] * 8)
    assert make_referee(snares, ["snare"], "", join([])) is None
    with pytest.raises(ValueError, match="classes snare; a referee tells two or more"):
        make_referee(snares, ["snare"], "records", join([]))
    with pytest.raises(ValueError, match="of the class snare; --referee=records has kick, swell"):
        make_referee(learnt, ["snare"], "records", join([]))
    with pytest.raises(ValueError, match=r"of the class \(none\)"):
        make_referee(learnt, [""], "records", join([]))
    measured = make_referee(learnt, ["kick"], "records", join([]))
    assert measured.accuracy is None
    assert measured.referee.wanted == ["kick"]


def test_a_referee_hears_the_mean_and_the_deviation_of_bands():
    levels = np.random.default_rng(0).normal(-40, 10, (3, 5, 513)).astype(np.float32)
    features = features_of(levels)
    num_bands = features.shape[1] // 2
    assert 15 < num_bands <= 24
    # The last band ends with the last bin, the first is the bin above 0 Hz.
    np.testing.assert_allclose(features[:, 0], levels[:, :, 1].mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(features[:, num_bands], levels[:, :, 1].std(axis=1), rtol=1e-5)
    last = round(513 ** (23 / 24))
    expected = levels[:, :, last:].mean(axis=2).mean(axis=1)
    np.testing.assert_allclose(features[:, num_bands - 1], expected, rtol=1e-5)


class Faders:
    """Makes sounds of two numbers: the shares of two sounds."""

    def __init__(self, ends, bend):
        self._ends = ends
        self._bend = bend

    def make(self, latents):
        return (self._bend(latents) @ self._ends).astype(np.float32)


def one_or_the_other(shares):
    is_first = shares[:, 0] > 0.45
    return np.stack([is_first, ~is_first], axis=1)


def test_paths_are_as_even_as_loops_say():
    ends = one_shots(2, 5)
    latents = np.array([[1, 0], [0.5, 0.5], [0, 1], [1, 0]], np.float32)
    walks = paths.walk(Faders(ends, lambda shares: shares), latents)
    largest, detours = [], []
    for begin, end in zip(latents[:2], latents[2:], strict=True):
        points = [(1 - i / 10) * begin @ ends + i / 10 * end @ ends for i in range(11)]
        table = table_of(points, points)
        steps = [table[i, i + 1] for i in range(10)]
        largest.append(max(steps) / np.mean(steps))
        detours.append(sum(steps) / table[0, 10])
    assert walks.made.largest_step == pytest.approx(np.mean(largest), rel=1e-3)
    assert walks.made.detour == pytest.approx(np.mean(detours), rel=1e-3)
    # These sounds are cross-fades themselves.
    assert walks.cross_faded.largest_step == pytest.approx(walks.made.largest_step, rel=1e-3)
    jumping = paths.walk(Faders(ends, one_or_the_other), latents[[0, 2]])
    assert jumping.made.largest_step == pytest.approx(10)
    assert jumping.made.detour == pytest.approx(1)
    still = paths.walk(Faders(ends, lambda shares: 0 * shares), latents)
    assert still.made is None


def found_faults(drawn, training, unseen, num_active=16):
    drawn_set = SoundSet(drawn.astype(np.float32))
    alike = resemblance.measure(drawn_set, training, unseen)
    looked = faults.find_faults(drawn_set, training, alike, num_active, RATE, ATTACK_SECS)
    assert [fault.name for fault in looked] == [
        *("collapse", "comb", "click", "silence", "memorising"),
    ]
    return {fault.name for fault in looked if fault.is_found}


def collapsed(sounds):
    return sounds[:1] + 0.001 * sounds


def combed(sounds):
    line = np.sin(2 * np.pi * 2000 * np.arange(NUM_FRAMES) / RATE)
    return sounds + 0.05 * line


def clicking(sounds):
    with_click = sounds.copy()
    with_click[:, 100] = 0.5
    return with_click


def partly_silent(sounds):
    gains = np.where(np.arange(len(sounds)) % 10 == 0, 0.005, 1)
    return sounds * gains[:, None]


def memorised(sounds):
    copies = one_shots(24, 0)
    return copies[np.arange(len(sounds)) % 24] + 0.001 * sounds


def test_sound_that_is_as_it_should_be_has_no_fault(training, unseen):
    assert found_faults(one_shots(40, 2), training, unseen) == set()
    assert found_faults(one_shots(40, 2), training, unseen, None) == set()
    # Real sounds themselves, those of other kits.
    assert found_faults(unseen.sounds, training, unseen) == set()


@pytest.mark.parametrize(
    ("expected", "doctor"),
    [
        ({"collapse"}, collapsed),
        # A line that always rings does so before the attack, too.
        ({"comb", "click"}, combed),
        ({"click"}, clicking),
        ({"silence"}, partly_silent),
        ({"memorising"}, memorised),
    ],
)
def test_each_fault_is_found_in_sound_that_has_it(training, unseen, expected, doctor):
    assert found_faults(doctor(one_shots(24, 2)), training, unseen) == expected


def test_no_active_number_is_a_collapse(training, unseen):
    assert found_faults(one_shots(40, 2), training, unseen, 0) == {"collapse"}


def test_numbers_are_looked_at_where_they_lie():
    latents = np.array([[3, 1, 0], [3, 1, 2], [3.01, 1, 0], [3, 1, 2]], np.float32)
    numbers = numbers_of(latents)
    assert numbers.num_active == 1
    assert numbers.spread == pytest.approx((0.00433 + 0 + 1) / 3, rel=1e-3)
    assert numbers.offset == pytest.approx(np.sqrt((9.015 + 1 + 1) / 3), rel=1e-3)


def test_what_training_sounds_have_is_no_fault(training, unseen):
    """A hum and an early rise that the generator has learnt."""
    for doctor in (combed, clicking):
        real = SoundSet(doctor(training.sounds).astype(np.float32), training.names)
        drawn = doctor(one_shots(40, 2))
        assert found_faults(drawn, real, unseen) == set()


def test_a_line_and_a_click_are_as_high_as_they_were_made(training):
    levels = np.full((2, 3, 513), -60.0)
    levels[:, :, 100] = -35
    levels[:, :, 512] = -50
    heights = faults.line_heights(levels)
    assert heights[100] == pytest.approx(25)
    assert heights[512] == pytest.approx(10)
    assert np.abs(np.delete(heights, [100, 512])).max() == pytest.approx(0)
    assert "at 1,562 Hz" in faults.find_comb(levels, training.levels, RATE).found
    early = np.zeros((3, 1000))
    early[0, [10, 500]] = [0.1, 1]
    early[1, 500] = 1
    decibels = faults.early_levels(early, 240)
    assert decibels[0] == pytest.approx(10 * np.log10(0.01 / 1.01))
    assert (decibels[1:] < -100).all()


def test_heard_are_the_best_the_worst_and_some_between_of_each_class():
    distances = np.array([3.0, 1, 2, 9, 7, 8, 5])
    chosen = sounds.choose(["a", "a", "a", "b", "b", "b", "b"], distances)
    assert chosen == [1, 2, 0, 6, 5, 3]
    assert sounds.choose([""] * 3, distances[:3]) == [1, 2, 0]
    assert len(sounds.choose([""] * 20, np.arange(20.0))) == 6


def test_blind_rows_name_each_sound_and_hold_it_once(unseen):
    drawn = one_shots(9, 4)
    _, clips = sounds.riddle_clips(unseen, drawn, RATE)
    assert len(clips.clips) == 4
    heard = [take.sound for clip in clips.clips for take in clip.judged]
    assert len(set(heard)) == 16
    for clip in clips.clips:
        assert [take.name for take in clip.judged] == ["real 1", "real 2", "drawn 1", "drawn 2"]
        assert not clip.known
