"""Tells which instrument plays what of a MIDI file, by a map of the user or by the file's names."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from configs import instruments
from data_prep.audio.notes.general_midi import DRUM_CHANNEL, DRUMS, PROGRAMS

# All the instruments that this project has names for.
ANY = (*instruments.URMP, *instruments.MUSDB)
# What tells players of one instrument apart: Violin II, vn. 2.
_NUMBER = re.compile(r"[ .]*\b(\d+|[ivx]+)\.?$")
# In a sentence.
_MOST_VOICES = 20
_MOST_LETTERS = 40


class Voice(NamedTuple):
    """Is what one program plays on one channel of one track; all but its name count from 0."""

    track: int
    name: str
    channel: int
    program: int

    @property
    def program_name(self) -> str:
        """Returns the name of its program in General MIDI, or that of its channel."""
        return DRUMS if self.channel == DRUM_CHANNEL else PROGRAMS[self.program]

    def names(self) -> Iterator[str]:
        """Yields all that a map may call it, in lower case, the most particular first."""
        yield f"channel {self.channel + 1}"
        yield _plain(self.name)
        yield _plain(self.program_name)
        yield f"program {self.program + 1}"

    def __str__(self) -> str:
        """Returns the voice as a sentence may list it."""
        name = f"track {self.track + 1}"
        if self.name:
            name = f"'{self.name[:_MOST_LETTERS]}'"
        program = self.program_name
        if program != DRUMS:
            program = f"program {self.program + 1} {program}"
        return f"{name} (channel {self.channel + 1}, {program})"


def parse_notes_map(text: str, vocabulary: Sequence[str]) -> dict[str, str]:
    """Returns what ``--notes_map`` says: names of tracks, channels or programs -> instruments.

    Args:
        text: such as ``Violin I=vn,Violin II=vn,channel 3=vc``; names may be of tracks or General
            MIDI's programs, ``channel N`` (1 to 16) or ``program N`` (1 to 128).
        vocabulary: holds the legal instruments.

    Raises:
        ValueError: it is no such list, names one thing twice, or an instrument that is not there.
    """
    names: dict[str, str] = {}
    for item in text.split(","):
        # The name of a track may hold anything, an instrument no =.
        name, equals, instrument = (part.strip() for part in item.rpartition("="))
        if not (name and equals and instrument):
            raise ValueError(
                f"--notes_map has {item.strip()!r}; expected TRACK=INSTRUMENT with commas between, "
                f"as Violin I=vn,Violin II=vn,channel 3=vc."
            )
        if instrument not in vocabulary:
            raise ValueError(
                f"--notes_map says {instrument!r} of {name!r}; the legal instruments are "
                f"{', '.join(vocabulary)}."
            )
        if names.setdefault(_plain(name), instrument) != instrument:
            raise ValueError(
                f"--notes_map says {names[_plain(name)]} and {instrument} of {name!r}; expected "
                f"one instrument."
            )
    return names


def instruments_of(
    voices: Mapping[Voice, int],
    names: Mapping[str, str] | None,
    vocabulary: Sequence[str],
    file: str,
) -> dict[Voice, str]:
    """Returns the instrument of each voice that has one.

    Args:
        voices: maps the voices of a file to how many notes they have.
        names: is the user's map; None: by the names of tracks and programs.
        vocabulary: holds the instruments after which tracks may be called.
        file: names the file in errors.

    Raises:
        ValueError: the map names what is not in the file; or, without one, what a voice plays does
            not follow from its names. A sentence that lists the voices.
    """
    if names:
        return _mapped(voices, names, file)
    known = {_plain(label): label for label in vocabulary}
    known |= {_plain(instruments.name_of(label)): label for label in vocabulary}
    found = {}
    for voice in voices:
        candidates = {_unnumbered(voice.name), _plain(voice.program_name)} & set(known)
        meant = {known[name] for name in candidates}
        if len(meant) != 1:
            raise ValueError(
                f"{file} does not say which instrument {voice} is; it has {_listed(voices)}. Say "
                f'what they are, as --notes_map="{voice.name or f"channel {voice.channel + 1}"}'
                f'={vocabulary[0]},...", of {", ".join(vocabulary)}.'
            )
        found[voice] = meant.pop()
    return found


def _mapped(voices: Mapping[Voice, int], names: Mapping[str, str], file: str) -> dict[Voice, str]:
    """Returns the instruments that a map gives to voices; ``ValueError`` for unknown names."""
    wanted = {_plain(name): instrument for name, instrument in names.items()}
    in_file = {name for voice in voices for name in voice.names()}
    strange = [name for name in names if _plain(name) not in in_file]
    if strange:
        raise ValueError(
            f"--notes_map names {', '.join(strange)}, of which {file} has no notes; it has "
            f"{_listed(voices)}."
        )
    found = {}
    for voice in voices:
        instrument = next((wanted[name] for name in voice.names() if name in wanted), None)
        if instrument is not None:
            found[voice] = instrument
    return found


def _listed(voices: Mapping[Voice, int]) -> str:
    """Returns the voices of a file and how many notes they have, as a sentence lists them."""
    items = [f"{voice} with {count} notes" for voice, count in sorted(voices.items())]
    if len(items) > _MOST_VOICES:
        items[_MOST_VOICES:] = [f"and {len(items) - _MOST_VOICES} more"]
    return ", ".join(items)


def _unnumbered(name: str) -> str:
    """Returns a name without the number of the player: ``Violin II`` -> ``violin``."""
    return _NUMBER.sub("", _plain(name)).rstrip(" .")


def _plain(name: str) -> str:
    """Returns a name as names are compared: in lower case, with single blanks."""
    return " ".join(name.lower().split())
