"""Scores for a synthetic singer: a word a note, the time of notes and of rests."""

import shutil
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks.singing.singer import FESTIVAL, require_singer, score_of, sing
from data_prep.synthesis.timbres import Note


def test_a_score_has_a_word_a_note_and_rests_between():
    notes = [Note(0.0, 0.475, 69), Note(0.5, 0.475, 57), Note(2.0, 0.95, 45)]
    score = ElementTree.fromstring(score_of(notes, ["sun", "moon", "rain"]))
    assert [child.tag for child in score] == ["PITCH", "PITCH", "REST", "PITCH"]
    pitches = score.findall("PITCH")
    assert [float(pitch.get("FREQ")) for pitch in pitches] == [440.0, 220.0, 110.0]
    assert [pitch.find("DURATION").text for pitch in pitches] == ["sun", "moon", "rain"]
    secs = [float(each.get("SECONDS")) for each in score.iter() if each.get("SECONDS")]
    # The gap of 0.025 s before the second note is sung; the whole lasts until the last note ends.
    assert secs == [0.475, 0.5, 1.025, 1.05]


def test_a_missing_singer_is_a_sentence(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(ValueError, match="apt-get install festival"):
        require_singer()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which(FESTIVAL) is None, reason="festival is not installed")
def test_a_song_lasts_as_long_as_its_notes():
    sung = sing(0, 6.0, 16_000)
    assert 5 < len(sung) / 16_000 < 10
    assert np.abs(sung).max() > 0.05
