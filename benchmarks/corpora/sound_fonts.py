"""Plays notes with the instruments of a General MIDI sound font, by the program fluidsynth.

The notes reach it as a Standard MIDI File, which is written here: it has two kinds of events, and a
package for it would be one more to install for all who never render.
"""

import shutil
import struct
import subprocess
from collections.abc import Collection, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import numpy as np

from data_prep.audio.tracks import Waveform
from data_prep.audio.waveforms import fit_frames, read_sound
from data_prep.synthesis.timbres import Note

FLUIDSYNTH = "fluidsynth"
# Where Debian's fluid-soundfont-gm has it.
DEFAULT_FONT = "/usr/share/sounds/sf2/FluidR3_GM.sf2"
# Banks of a font, as General MIDI numbers them.
MELODIC = 0
DRUMS = 128

_DRUM_CHANNEL = 9
_TICKS_PER_BEAT = 480
# Of 120 beats a minute, which is the tempo of a file that names none.
_TICKS_PER_SEC = 960
_VELOCITY = 90
_RELEASE_VELOCITY = 64
# Neither reverb nor chorus: the sum of the parts is then the mixture.
_SOUND = ("-R", "0", "-C", "0", "-g", "0.5", "-O", "s16", "-T", "wav")
# Of a font only the samples of the instrument are read, for the same bytes in half the time.
_QUICKLY = ("-n", "-i", "-q", "-o", "synth.dynamic-sample-loading=1")


def synthesizer_version() -> str:
    """Returns which fluidsynth is installed, as it says itself.

    Raises:
        ValueError: none is.
    """
    if shutil.which(FLUIDSYNTH) is None:
        raise ValueError(
            "the program fluidsynth is not installed; install it (Debian: apt-get install "
            "fluidsynth fluid-soundfont-gm)."
        )
    call = [FLUIDSYNTH, "--version"]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    return (done.stdout.splitlines() or [""])[0]


def require_font(font: Path, wanted: Collection[tuple[int, int]]) -> None:
    """Refuses a font that lacks an instrument, which fluidsynth would replace by another one.

    Args:
        font: the file.
        wanted: bank and program of each instrument.

    Raises:
        ValueError: there is no such file, it is no sound font, or it lacks some of these.
    """
    if not font.is_file():
        raise ValueError(
            f"there is no sound font {font}; install one (Debian: apt-get install "
            f"fluid-soundfont-gm), or name another one of General MIDI (sf2 or sf3) with --font."
        )
    try:
        with font.open("rb") as file:
            found = set(_iter_presets(file, font.stat().st_size))
    except struct.error:
        found = set()
    if not found:
        raise ValueError(f"{font} is no sound font; expected a file of the kind sf2 or sf3.")
    missing = sorted(set(wanted) - found)
    if missing:
        named = ", ".join(f"program {program} of bank {bank}" for bank, program in missing)
        raise ValueError(f"{font} lacks {named}; name a whole font of General MIDI with --font.")


def render(
    notes: Collection[Note],
    program: int,
    is_drums: bool,
    font: Path,
    sample_rate: int,
    num_frames: int,
) -> Waveform:
    """Plays notes on an instrument of a font; returns (num_frames, 2), full scale 1.

    Raises:
        ValueError: fluidsynth failed, or nothing is to be heard.
    """
    if not notes:
        return np.zeros((num_frames, 2), np.float32)
    channel = _DRUM_CHANNEL if is_drums else 0
    with TemporaryDirectory() as made:
        score = Path(made, "score.mid")
        score.write_bytes(_midi_file(notes, program, channel))
        sound = Path(made, "sound.wav")
        call = [FLUIDSYNTH, *_QUICKLY, *_SOUND, "-r", str(sample_rate), "-F", str(sound)]
        done = subprocess.run(
            [*call, str(font), str(score)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode or not sound.exists():
            said = done.stderr.strip().splitlines() or ["nothing"]
            raise ValueError(
                f"fluidsynth could not play {font} (status {done.returncode}, it said: "
                f"{said[-1]}); try it by hand, or another --font."
            )
        waveform, _ = read_sound(sound)
    if not waveform.any():
        raise ValueError(f"{font} is silent on program {program}; name another --font.")
    return fit_frames(waveform, num_frames)


def _midi_file(notes: Collection[Note], program: int, channel: int) -> bytes:
    """Returns a Standard MIDI File of one track (MIDI 1.0, Standard MIDI Files, 1996)."""
    # (seconds, message): program change, note on, note off.
    events = [(0.0, bytes([0xC0 | channel, program]))]
    for note in notes:
        begin = bytes([0x90 | channel, note.pitch, _VELOCITY])
        end = bytes([0x80 | channel, note.pitch, _RELEASE_VELOCITY])
        events.append((note.start_secs, begin))
        events.append((note.start_secs + note.secs, end))
    track = bytearray()
    last_tick = 0
    # What happens at the same time stays in order.
    for secs, message in sorted(events, key=lambda event: event[0]):
        tick = round(secs * _TICKS_PER_SEC)
        track += _variable_length(tick - last_tick) + message
        last_tick = tick
    # The end of the track, at once.
    track += bytes([0, 0xFF, 0x2F, 0])
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, _TICKS_PER_BEAT)
    return header + struct.pack(">4sI", b"MTrk", len(track)) + bytes(track)


def _variable_length(number: int) -> bytes:
    """Returns a number in groups of seven bits, the highest first; all but the last are marked."""
    groups = [number & 0x7F]
    number >>= 7
    while number:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(reversed(groups))


def _iter_presets(file: BinaryIO, num_bytes: int) -> Iterator[tuple[int, int]]:
    """Yields bank and program of each preset of a font (SoundFont 2.04, sections 4 and 7.2).

    Nothing is yielded of another kind of file; ``struct.error`` where it ends too early.
    """
    kind, _, form = struct.unpack("<4sI4s", file.read(12))
    if (kind, form) != (b"RIFF", b"sfbk"):
        return
    for name, size in _iter_chunks(file, num_bytes):
        if name != b"LIST" or file.read(4) != b"pdta":
            continue
        for inner, inner_size in _iter_chunks(file, file.tell() + size - 4):
            if inner == b"phdr":
                # Name, preset, bank, and where its zones begin; the last one only ends the list.
                for entry in list(struct.iter_unpack("<20sHHHIII", file.read(inner_size)))[:-1]:
                    yield entry[2], entry[1]
                return


def _iter_chunks(file: BinaryIO, end: int) -> Iterator[tuple[bytes, int]]:
    """Yields name and size of the chunks up to a place; the file stands at the content of each."""
    while file.tell() + 8 <= end:
        name, size = struct.unpack("<4sI", file.read(8))
        start = file.tell()
        yield name, size
        # Chunks of sf2 have even lengths; those of sf3 have not, and follow without RIFF's padding.
        file.seek(start + size)
