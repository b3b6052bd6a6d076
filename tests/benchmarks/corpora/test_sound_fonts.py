"""Which sound fonts are refused, and what of notes reaches the synthesizer."""

import struct

import pytest

from benchmarks.corpora import sound_fonts
from benchmarks.corpora.sound_fonts import require_font
from data_prep.synthesis.timbres import Note


def chunk(name, content):
    return struct.pack("<4sI", name, len(content)) + content


def write_font(path, presets):
    """Writes a sound font that holds nothing but the list of its presets: (bank, program)."""
    entries = [
        struct.pack("<20sHHHIII", b"x", number, bank, 0, 0, 0, 0) for bank, number in presets
    ]
    entries.append(struct.pack("<20sHHHIII", b"EOP", 255, 255, 0, 0, 0, 0))
    parts = [
        chunk(b"LIST", b"INFO" + chunk(b"ifil", b"\2\0\1\0")),
        # Of an odd length, and without padding, as sf3 has it.
        chunk(b"LIST", b"sdta" + chunk(b"smpl", b"1234567")),
        chunk(b"LIST", b"pdta" + chunk(b"phdr", b"".join(entries))),
    ]
    path.write_bytes(chunk(b"RIFF", b"sfbk" + b"".join(parts)))
    return path


def test_a_font_with_every_instrument_is_taken(tmp_path):
    font = write_font(tmp_path / "font.sf2", [(0, 40), (0, 41), (128, 0)])
    require_font(font, [(0, 41), (128, 0)])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no sound font .*apt-get install fluid-soundfont-gm.*, or name another"),
        (b"", "is no sound font; expected a file of the kind sf2 or sf3"),
        (b"RIFF\0\0\0\0WAVE" + b"\0" * 20, "is no sound font"),
        (b"RIFF\0\0\0\0sfbkLIST", "is no sound font"),
    ],
)
def test_what_is_no_font_is_a_sentence(tmp_path, content, message):
    path = tmp_path / "font.sf2"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        require_font(path, [(0, 40)])


def test_a_font_without_the_viola_is_refused_by_its_number(tmp_path):
    font = write_font(tmp_path / "font.sf3", [(0, 40), (8, 41)])
    with pytest.raises(ValueError, match=r"lacks program 41 of bank 0, program 0 of bank 128; "):
        require_font(font, [(0, 40), (0, 41), (128, 0)])


def test_a_program_that_is_not_installed_is_a_sentence(monkeypatch):
    monkeypatch.setattr(sound_fonts, "FLUIDSYNTH", "fluidsynth-that-is-not-there")
    with pytest.raises(ValueError, match="apt-get install fluidsynth fluid-soundfont-gm"):
        sound_fonts.synthesizer_version()


def test_notes_become_the_messages_that_the_standard_says():
    """By hand: program 41, A4 at once for half a second, a second later C5, and E3 meanwhile."""
    notes = [Note(0.0, 0.5, 69), Note(1.5, 0.25, 72), Note(0.0, 1.5, 52)]
    # Each behind the ticks since the one before, of which a second has 960, in groups of 7 bits.
    # What happens at the same time is in the order of the notes.
    messages = ["00 c129", "00 91455a", "00 91345a", "8360 814540", "8740 91485a", "00 813440"]
    messages += ["8170 814840", "00 ff2f00"]
    track = bytes.fromhex(" ".join(messages))
    head = b"MThd" + bytes.fromhex("00000006 0000 0001 01e0")
    whole = head + b"MTrk" + struct.pack(">I", len(track)) + track
    assert sound_fonts._midi_file(notes, 41, 1) == whole
