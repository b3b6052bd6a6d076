"""Names of files and folders tell kit and class."""

from pathlib import Path

import pytest

from data_prep.synthesis.drums.patch_folder import class_of


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tr808/Kicklong.ds", "kick"),
        ("misc/hot_bass_drum.ds", "kick"),
        ("misc/bouncy809bd.ds", "kick"),
        ("misc/clappy_snare.ds", "snare"),
        ("amen_sn_1.ds", "snare"),
        ("tr808/RimShot.ds", "snare"),
        ("linn/linn_tom3.ds", "tom"),
        ("default_hi-hat.ds", "hat"),
        ("hats/pedal_hh.ds", "hat"),
        ("hats/loose_end.ds", "hat"),
        ("hats/sandy_ride.ds", "cymbal"),
        ("claps/old/second.ds", "clap"),
        ("custom/what.ds", "other"),
    ],
)
def test_words_tell_the_class(path: str, expected: str) -> None:
    assert class_of(Path(path)) == expected
