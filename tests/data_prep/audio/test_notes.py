import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data_prep.audio.annotations import Note
from data_prep.audio.loading import load_track
from data_prep.audio.notes.contrast import MIN_NOTE_CONTRAST_DB, note_contrast
from data_prep.audio.part_notes import MIN_PART_CONTRAST_DB, part_contrast
from data_prep.audio.tracks import AudioFormat
from data_prep.corpora import urmp
from data_prep.synthesis.composition import make_harmony, melody
from data_prep.synthesis.timbres import URMP, play

RATE = 16000
AUDIO = AudioFormat(RATE, 1)


def piece(seed: int, secs: float = 12.0):
    """Returns the mixture (T, 1) of three players and their notes."""
    rng = np.random.default_rng(seed)
    harmony = make_harmony(rng)
    mixture = np.zeros(round(secs * RATE))
    notes = []
    for player in ("fl", "va", "bn"):
        timbre = URMP[player]
        score = melody(harmony, timbre.low, timbre.high, secs, rng)
        mixture += play(score, timbre, RATE, len(mixture), rng)
        for note in score:
            onset = round(note.start_secs * RATE)
            notes.append(Note(onset, onset + round(note.secs * RATE), note.pitch * 100, player))
    return mixture.astype(np.float32)[:, None], notes


@pytest.fixture(scope="module")
def pieces():
    return [piece(seed) for seed in (0, 1)]


def moved(notes, secs=0.0, cents=0):
    frames = round(secs * RATE)
    return [
        note._replace(
            onset=note.onset + frames, offset=note.offset + frames, cents=note.cents + cents
        )
        for note in notes
        if note.onset + frames >= 0
    ]


def test_notes_of_a_mixture_are_told_from_others(pieces):
    for (mixture, notes), (_, others) in zip(pieces, reversed(pieces), strict=True):
        assert note_contrast(mixture, notes, RATE) > MIN_NOTE_CONTRAST_DB
        wrong = [moved(notes, secs=1), moved(notes, cents=100), moved(notes, cents=-1200), others]
        for strange in wrong:
            assert note_contrast(mixture, strange, RATE) < MIN_NOTE_CONTRAST_DB


def test_a_ratio_of_levels_is_that_of_a_tone():
    # 20 dB louder for a second of three, all six harmonics.
    seconds = np.arange(3 * RATE) / RATE
    harmonics = [np.sin(2 * np.pi * 440 * order * seconds) for order in range(1, 7)]
    amplitude = np.where((seconds >= 1) & (seconds < 2), 0.1, 0.01)
    tone = (amplitude * np.sum(harmonics, axis=0)).astype(np.float32)[:, None]
    note = Note(RATE, 2 * RATE, 6900, "vn")
    assert part_contrast(tone, [note], RATE) == pytest.approx(20, abs=0.01)
    # Windows at the ends of the note hold some of what is around it.
    assert note_contrast(tone, [note], RATE) == pytest.approx(20, abs=1)
    # Each harmonic counts a sixth.
    third = 0.01 * np.sum([*harmonics[:2], *harmonics[3:]], axis=0) + amplitude * harmonics[2]
    contrast = note_contrast(third.astype(np.float32)[:, None], [note], RATE)
    assert contrast == pytest.approx(20 / 6, abs=0.3)


def test_what_cannot_be_told_is_none(pieces):
    waveform = pieces[0][0]
    always = Note(0, len(waveform), 6900, "vn")
    for notes in ([], [always]):
        assert part_contrast(waveform, notes, RATE) is None
        assert note_contrast(waveform, notes, RATE) is None
    assert part_contrast(np.zeros_like(waveform), [Note(0, RATE, 6900, "vn")], RATE) is None


def test_a_block_border_changes_next_to_nothing(pieces, monkeypatch):
    whole = note_contrast(*pieces[0], RATE)
    monkeypatch.setattr("data_prep.audio.notes.contrast._WINDOWS_PER_BLOCK", 16)
    assert note_contrast(*pieces[0], RATE) == pytest.approx(whole, abs=0.5)


def one_part(folder: Path, notes: str, secs: float = 4.0):
    """Writes a piece of one violin that plays an A from second 1 to 2 and returns its files."""
    folder.mkdir()
    seconds = np.arange(round(secs * RATE)) / RATE
    sine = np.where((seconds >= 1) & (seconds < 2), np.sin(2 * np.pi * 440 * seconds), 0)
    for name in ("AuMix_01_A_vn", "AuSep_1_vn_01_A"):
        soundfile.write(folder / f"{name}.wav", 0.5 * sine, RATE)
    (folder / "Notes_1_vn_01_A.txt").write_text(notes, encoding="utf-8")
    (files,) = urmp.find_tracks(folder.parent, None)
    return files


def test_the_right_notes_are_no_fault(tmp_path):
    track = load_track(one_part(tmp_path / "01_A_vn", "1 440 1\n"), AUDIO)
    assert track.warnings == ()
    assert track.said.notes == (Note(RATE, 2 * RATE, 6900, "vn"),)


def test_notes_of_other_music_are_a_warning(tmp_path):
    track = load_track(one_part(tmp_path / "01_A_vn", "3 440 .5\n"), AUDIO)
    (warning,) = track.warnings
    assert re.fullmatch(
        r"AuSep_1_vn_01_A\.wav is -\d+\.\d dB louder within the notes of Notes_1_vn_01_A\.txt than "
        r"outside of them, expected 6 or more: are these notes of this recording\?",
        warning,
    )
    assert float(re.search(r"-\d+\.\d", warning)[0]) < MIN_PART_CONTRAST_DB


def test_the_same_lines_twice_are_a_warning_and_another_order_is_none(tmp_path):
    lines = "1.5 440 .5\n1 440 .505\n"
    assert load_track(one_part(tmp_path / "01_A_vn", lines), AUDIO).warnings == ()
    (tmp_path / "again").mkdir()
    files = one_part(tmp_path / "again" / "01_A_vn", lines + "1 440 .5\n1 880 1\n")
    track = load_track(files, AUDIO)
    assert track.warnings == (
        "Notes_1_vn_01_A.txt has 1 of 4 notes that begin while one of the same pitch still sounds, "
        "the first at 1.000 s; are lines there twice?",
    )


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "4.5 440 1",
            "has a note of MIDI number 69.00 that begins at 4.500 s, behind the end of the piece "
            "at 4.000 s; are these notes of this recording?",
        ),
        ("1 8 1", "has a note at 1.000 s whose MIDI number would be -0.38; expected 0 to 127"),
        ("1 13000 1", "has a note at 1.000 s whose MIDI number would be 127.62; expected 0 to 127"),
    ],
)
def test_notes_out_of_range_are_an_error(tmp_path, line, sentence):
    files = one_part(tmp_path / "01_A_vn", f"1 440 1\n{line}\n")
    with pytest.raises(ValueError, match=re.escape(sentence)) as caught:
        load_track(files, AUDIO)
    assert str(caught.value).startswith(str(tmp_path / "01_A_vn" / "Notes_1_vn_01_A.txt"))
