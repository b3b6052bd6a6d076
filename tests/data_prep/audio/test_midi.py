import re
import struct

import mido
import numpy as np
import pytest

from configs import instruments
from data_prep.audio.annotations import Note
from data_prep.audio.notes.general_midi import PROGRAMS
from data_prep.audio.notes.midi import read_midi_notes, read_part
from data_prep.audio.notes.voices import parse_notes_map

RATE = 1000


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack(">L", len(content)) + content


def midi(*tracks: bytes, division: int = 100, kind: int = 1) -> bytes:
    """Returns a file of raw tracks, so that mido does not write what it reads."""
    header = struct.pack(">hhh", kind, len(tracks), division)
    end = b"\x00\xff\x2f\x00"
    return chunk(b"MThd", header) + b"".join(chunk(b"MTrk", track + end) for track in tracks)


def named(name: str) -> bytes:
    return b"\x00\xff\x03" + bytes([len(name.encode())]) + name.encode()


# Delta, status, key, velocity: an A for 100 ticks on channel 1.
A = bytes([0, 0x90, 69, 64, 100, 0x80, 69, 0])


def read(tmp_path, content, names=None, **options):
    path = tmp_path / "a.mid"
    path.write_bytes(content)
    return read_midi_notes(path, names, RATE, **options)


def refused(tmp_path, content, names=None) -> str:
    with pytest.raises(ValueError) as caught:
        read(tmp_path, content, names)
    message = str(caught.value)
    assert str(tmp_path / "a.mid") in message
    assert "\n" not in message
    return message


def test_tempo_running_status_and_velocity_0(tmp_path):
    # 120 quarter notes a minute, then 60 after a quarter: a quarter is 100 ticks.
    tempo = b"\x64\xff\x51\x03" + (1_000_000).to_bytes(3, "big")
    # Two notes with one status byte, ended by velocity 0; the second begins at the new tempo.
    violin = named("Violin I") + bytes([0, 0x90, 69, 64, 50, 69, 0, 50, 81, 64, 0x64, 81, 0])
    assert read(tmp_path, midi(tempo, violin)) == [
        Note(0, 250, 6900, "vn"),
        Note(500, 1500, 8100, "vn"),
    ]


def test_notes_that_overlap_or_never_end(tmp_path):
    # The sustain pedal (controller 64) holds nothing; of two of one key the first ends first.
    notes = bytes([0, 0xB0, 64, 127, 0, 0x90, 60, 64, 100, 60, 64, 100, 60, 0, 100, 60, 0])
    unended = bytes([0, 0x90, 72, 64, 0x64, 0x90, 74, 64])
    assert read(tmp_path, midi(named("vc") + notes, named("Viola") + unended)) == [
        Note(0, 1000, 6000, "vc"),
        Note(0, 1500, 7200, "va"),
        Note(500, 1500, 6000, "vc"),
        Note(500, 1500, 7400, "va"),
    ]


@pytest.mark.parametrize(("frames", "rate"), [(25, 25.0), (30, 30.0), (29, 30 / 1.001)])
def test_smpte(tmp_path, frames, rate):
    # 4 ticks a frame; a tempo means nothing here.
    division = -frames * 256 + 4
    tempo = b"\x00\xff\x51\x03" + (1_000_000).to_bytes(3, "big")
    (note,) = read(tmp_path, midi(named("vn"), tempo + named("vn") + A, division=division))
    assert note == Note(0, round(100 / 4 / rate * RATE), 6900, "vn")


def test_a_tempo_map_is_that_of_mido(tmp_path):
    rng = np.random.default_rng(0)
    file = mido.MidiFile(ticks_per_beat=96)
    tempi = file.add_track()
    for _ in range(20):
        tempo = int(rng.integers(200_000, 900_000))
        tempi.append(mido.MetaMessage("set_tempo", tempo=tempo, time=int(rng.integers(0, 300))))
    track = file.add_track("Oboe")
    for _ in range(50):
        track.append(mido.Message("note_on", note=70, time=int(rng.integers(0, 200))))
        track.append(mido.Message("note_off", note=70, time=int(rng.integers(1, 200))))
    path = tmp_path / "a.mid"
    file.save(path)
    onsets = []
    secs = 0.0
    for message in mido.MidiFile(path):
        secs += message.time
        if message.type == "note_on":
            onsets.append(round(secs * RATE))
    notes = read_midi_notes(path, None, RATE)
    assert np.abs(np.subtract([note.onset for note in notes], onsets)).max() <= 1


def test_a_map_names_tracks_channels_and_programs(tmp_path):
    second = bytes([0, 0x91, 60, 64, 100, 0x81, 60, 0])
    third = bytes([0, 0xC2, 42, 0, 0x92, 48, 64, 100, 0x82, 48, 0])
    content = midi(named("Geige 1") + A, named("Geige 2") + second, named("") + third)
    both = {"geige 1": "vn", "Geige  2": "vn"}
    assert [note[2:] for note in read(tmp_path, content, both)] == [(6000, "vn"), (6900, "vn")]
    for name in ("channel 3", "Cello", "program 43"):
        (note,) = read(tmp_path, content, {name: "vc"})
        assert note == Note(0, 500, 4800, "vc")
    # A channel is more particular than the track.
    chosen = {"Geige 1": "va", "channel 1": "vn"}
    assert [note.instrument for note in read(tmp_path, content, chosen)] == ["vn"]
    message = refused(tmp_path, content, {"Geige 1": "vn", "Bratsche": "va"})
    assert message.startswith("--notes_map names Bratsche, of which ")
    assert "'Geige 1' (channel 1, program 1 Acoustic Grand Piano) with 1 notes" in message
    assert "track 3 (channel 3, program 43 Cello) with 1 notes." in message


@pytest.mark.parametrize(
    ("name", "instrument"),
    [
        ("Violin", "vn"),
        ("VIOLIN II", "vn"),
        ("Vn. 1", "vn"),
        ("double bass", "db"),
        ("Bass", "bass"),
    ],
)
def test_tracks_are_matched_by_name(tmp_path, name, instrument):
    (note,) = read(tmp_path, midi(named(name) + A))
    assert note.instrument == instrument


def test_tracks_are_matched_by_program(tmp_path):
    content = midi(named("Thema") + bytes([0, 0xC0, 73]) + A + bytes([0, 0x99, 36, 64, 9, 36, 0]))
    instruments_ = [note.instrument for note in read(tmp_path, content)]
    assert sorted(instruments_) == ["drums", "fl"]


@pytest.mark.parametrize("track", [named("Pia\nno") + A, named("Viola") + bytes([0, 0xC0, 40]) + A])
def test_what_is_not_clear_is_asked(tmp_path, track):
    message = refused(tmp_path, midi(track, named("Cello") + A))
    assert "does not say which instrument" in message
    assert "'Cello' (channel 1, program" in message
    assert "--notes_map=" in message


def test_a_map_is_parsed():
    text = "Violin I=vn, Violin II = vn,a=b=vc,channel 3=vc"
    assert parse_notes_map(text, instruments.URMP) == {
        "violin i": "vn",
        "violin ii": "vn",
        "a=b": "vc",
        "channel 3": "vc",
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "--notes_map has ''; expected TRACK=INSTRUMENT"),
        ("vn", "--notes_map has 'vn'; expected TRACK=INSTRUMENT"),
        ("a=vn,,b=vc", "--notes_map has ''; expected"),
        ("a=vn,=vc", "--notes_map has '=vc'; expected"),
        ("a=violin", "says 'violin' of 'a'; the legal instruments are bn, cl"),
        ("a=vn,A=vc", "says vn and vc of 'A'; expected one instrument"),
    ],
)
def test_what_is_no_map_is_one_sentence(text, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        parse_notes_map(text, instruments.URMP)


def test_all_programs_have_a_name():
    assert len(set(PROGRAMS)) == 128
    assert [PROGRAMS[number] for number in (0, 40, 56, 60, 73, 127)] == [
        "Acoustic Grand Piano",
        "Violin",
        "Trumpet",
        "French Horn",
        "Flute",
        "Gunshot",
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is cut short"),
        (b"a diary" * 100, "is no MIDI file that can be read: MThd not found"),
        (midi(named("vn") + A)[:-9], "is cut short"),
        (midi(named("vn")), "has no notes"),
        (midi(named("vn") + A, kind=2), "is of format 2"),
        (midi(named("vn") + A, division=0), "with 0 ticks"),
        (midi(named("vn") + b"\x00\x90\x80\x00" + A), "data byte must be in range"),
        (midi(named("vn") + b"\x00\xff\x59\x02\x40\x40" + A), "is no MIDI file that can be read"),
        (midi(named("vn") + b"\xff" * 5 + b"\x7f\x90\x45\x40" + A), "ticks after another"),
        (midi(named("vn") + b"\xff" * 9000 + b"\x7f\x90\x45\x40" + A), "ticks after another"),
        (
            midi(named("vn") + b"\xff" * 3 + b"\x7f\x90\x45\x40" + A, division=1),
            "hours; expected a",
        ),
    ],
)
def test_what_is_no_midi_is_one_sentence(tmp_path, content, sentence):
    assert sentence in refused(tmp_path, content)


def test_flipped_bytes_are_notes_or_one_sentence(tmp_path):
    whole = midi(named("vn") + b"\x00\xff\x51\x03\x07\xa1\x20" + A * 8, named("Cello") + A * 8)
    rng = np.random.default_rng(0)
    num_refused = 0
    for _ in range(120):
        spoilt = bytearray(whole)
        for place in rng.integers(len(whole), size=rng.integers(1, 4)):
            spoilt[place] = rng.integers(256)
        try:
            notes = read(tmp_path, bytes(spoilt))
            assert all(0 <= note.onset < note.offset < 2**31 for note in notes)
        except ValueError as error:
            assert "\n" not in str(error)
            num_refused += 1
    assert 20 < num_refused < 120


def test_a_file_of_one_part_is_all_of_its_instrument(tmp_path):
    path = tmp_path / "S00.mid"
    # Whatever its tracks are called, and also on the channel of drums.
    drum = bytes([0, 0x99, 36, 64, 50, 0x89, 36, 0])
    path.write_bytes(midi(named("a solo") + A, drum))
    assert read_part(path, "guitar", RATE) == [
        Note(0, 250, 3600, "guitar"),
        Note(0, 500, 6900, "guitar"),
    ]
    # A part may rest throughout.
    path.write_bytes(midi(named("nothing")))
    assert read_part(path, "guitar", RATE) == []
    path.write_bytes(b"a diary, not music")
    with pytest.raises(ValueError, match="is no MIDI file that can be read"):
        read_part(path, "guitar", RATE)
