from dataclasses import replace

import numpy as np
import pytest

import configs
from configs import instruments, typed
from data_prep.records.full_tracks import FullTrack
from evaluation.audit import table
from evaluation.scores.conditions import OF_LABELS, Condition
from evaluation.scoring.label_measures import audit_track, leakage, summarise, swap
from evaluation.scoring.one_segment import score_track

CONFIG = configs.load("smoke", ["audio.sample_rate=2000", "evaluation.filter_taps=8"])
FORGETFUL = configs.load("smoke", ["audio.sample_rate=2000", "augmentation.label_dropout=0.1"])


class Obedient:
    """Shares the mixture among the slots that it is told of, among all of them where it is not
    told.
    """

    def told(self, _):
        return self

    def estimate(self, mixture, labels):
        named = np.array([labels is None or source in labels for source in instruments.URMP])
        return named[:, None, None] * mixture / max(named.sum(), 1)


def make_track(labels, num_frames=20_000, seed=0):
    references = np.zeros((len(instruments.URMP), num_frames, 1), np.float32)
    slots = [instruments.URMP.index(label) for label in labels]
    references[slots] = 0.1 * np.random.default_rng(seed).standard_normal(
        (len(slots), num_frames, 1)
    )
    return FullTrack("piece", labels, references.sum(axis=0), references)


def audit_tracks(tracks, config):
    return summarise([audit_track(Obedient(), track, config) for track in tracks])


def test_what_each_condition_is_worth_to_a_network_that_obeys():
    found = audit_tracks([make_track(("fl", "vn")), make_track(("bn", "vn"), seed=1)], FORGETFUL)
    assert [each.labels for each in found] == [each for each in OF_LABELS if each != "recognised"]
    by_name = {each.labels: each for each in found}
    # Of two sources alike (s1 + s2) / 2 is 3 dB nearer to s1 than s1 + s2; silence is as near as
    # that.
    gains = {"true": 3.0, "unknown": 0.6, "empty": 0.0, "full": 0.6, "swapped": 0.0}
    thirteenth = -20 * np.log10(13)
    leaked = {
        "true": -100,
        "unknown": thirteenth,
        "empty": -100,
        "full": thirteenth,
        "swapped": -100,
    }
    for name, each in by_name.items():
        assert each.improvement_db == pytest.approx(gains[name], abs=0.1), name
        assert each.leakage_db == pytest.approx(leaked[name], abs=1e-3), name
        assert (each.num_improvements, each.num_leakages, each.num_tracks) == (
            40,
            220,
            2,
        )  # segments times slots
    assert by_name["swapped"].misnamed_db == pytest.approx(-20 * np.log10(2), abs=1e-3)
    assert [each.num_misnamed for each in found] == [0, 0, 0, 0, 40]


def test_energy_in_a_wrong_slot_counts_where_the_right_source_sounds():
    track = make_track(("fl", "vn"))
    track.references[instruments.URMP.index("fl"), 10_000:] = 0
    swapped = audit_tracks([track._replace(mixture=track.references.sum(axis=0))], CONFIG)[-1]
    assert (swapped.labels, swapped.num_misnamed) == ("swapped", 5 + 10)


def test_leakage_is_that_of_the_scores():
    track = make_track(("fl", "vn"), num_frames=9_500)
    track.mixture[4000:6000] = 0  # nothing is scored there
    track.references[:, 6000:7000] = 0
    scales = np.geomspace(1, 1e-9, len(instruments.URMP))[:, None, None]
    estimates = (scales * np.random.default_rng(2).standard_normal((len(scales), 9_500, 1))).astype(
        np.float32
    )
    sounding, levels = leakage(track, estimates, CONFIG)
    rows = score_track(
        *("t", track.mixture, track.references, {"model": estimates}, instruments.URMP, 2000),
        CONFIG.evaluation,
    )
    expected = [row.leakage for row in rows if row.system == "model" and row.status == "absent"]
    np.testing.assert_allclose(levels[~sounding], expected, atol=1e-9)
    assert min(expected) == -100


def test_swapped_labels_name_none_that_plays():
    assert swap(("fl", "vn"), instruments.URMP) == {"fl": "hn", "vn": "bn"}
    assert swap(("tba", "tbn"), instruments.URMP) == {"tba": "tpt", "tbn": "va"}
    assert swap(("drums", "bass"), instruments.MUSDB) == {"drums": "other", "bass": "vocals"}
    assert swap(instruments.MUSDB[:3], instruments.MUSDB) == {}
    for number in range(1, 7):
        swaps = swap(instruments.URMP[:number], instruments.URMP)
        assert tuple(swaps) == instruments.URMP[:number]
        assert len(set(swaps.values()) - set(swaps)) == number


def test_what_cannot_be_measured_is_said():
    track = make_track(instruments.URMP[:8])
    found = {each.labels: each for each in audit_tracks([track], CONFIG)}
    assert "never trained without labels" in found["unknown"].not_measured
    assert "more instruments play than do not" in found["swapped"].not_measured
    told_nothing = replace(
        CONFIG,
        model=replace(CONFIG.model, conditioning="none", conditioned_at="none", gate_heads=False),
    )
    with pytest.raises(ValueError, match="this network is not told the instruments"):
        audit_tracks([track], told_nothing)


def test_the_table_has_a_line_per_condition():
    lines = table(
        [
            Condition("true", 4.25, 1200, -42.5, 900, num_tracks=2),
            Condition("unknown", not_measured="it cannot"),
            Condition("swapped", None, 0, -8.0, 900, -6.5, 500, 2),
        ]
    )
    assert lines[1].split() == ["true", "+4.2", "dB", "1200", "-42.5", "dB", "900", "2"]
    assert lines[2].split() == ["unknown", "not", "measured:", "it", "cannot"]
    assert lines[3].split()[:3] == ["swapped", "-", "0"]
    assert (
        lines[4] == "swapped: the slots named wrongly get -6.5 dB relative to the mixture (n 500)."
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"labels": "nobody"}, "labels is 'nobody'; expected one of true, recognised, unknown"),
        ({"labels": "true", "improvement_db": "4 dB"}, "expected a finite number or none"),
        ({"labels": "true", "num_tracks": None}, "expected a whole number"),
        ({"labels": ["true"]}, "expected text"),
        ({"improvement_db": 4}, "needs the field 'labels'"),
        (["true"], "expected an object with named fields"),
    ],
)
def test_a_condition_that_the_audit_does_not_write_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        typed.build(Condition, values, "a condition")
