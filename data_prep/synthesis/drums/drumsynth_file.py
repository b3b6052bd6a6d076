"""Reads the text of a file of DrumSynth: sections, and values in their ranges."""

import configparser
import math
from dataclasses import dataclass

from data_prep.synthesis.drums.patch import Envelope

MAX_BYTES = 65_536
"""Of a file; those that are known have less than 2000."""

RATE = 44_100
"""Of the frames in which envelopes count time."""

_MAX_SHOWN = 80
_NAMES = ("General", "Tone", "Noise", "Overtones", "NoiseBand", "NoiseBand2", "Distortion")


@dataclass(frozen=True)
class Section:
    """Looks up the values of one section; names are told apart without regard to case."""

    name: str
    # by lower-case key
    values: dict[str, str]

    @property
    def is_on(self) -> bool:
        """Returns whether the part that the section describes sounds."""
        return self.number("On", 0, 0, 1) > 0

    def text(self, key: str, default: str = "") -> str:
        """Returns a value as it is written."""
        return self.values.get(key.lower(), default)

    def number(self, key: str, default: float, low: float, high: float) -> float:
        """Returns a value in its range, both ends included.

        Raises:
            ValueError: it is no number, or lies outside.
        """
        text = self.text(key).strip()
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise ValueError(
                f"[{self.name}] {key} is {_shown(text)}; "
                f"expected a number from {low:g} to {high:g}."
            )
        return value

    def choice(self, key: str, names: tuple[str, ...]) -> str:
        """Returns the name that a value numbers from 0 on."""
        return names[int(self.number(key, 0, 0, len(names) - 1))]

    def level(self) -> float:
        """Returns the level of the part as a factor; full scale is 128."""
        return (self.number("Level", 128, 0, 1000) / 128) ** 2

    def envelope(self, key: str, stretch: float) -> Envelope:
        """Returns an envelope in seconds, ``stretch`` times as long, and levels from 0 to 1.

        Raises:
            ValueError: it has no points, or times fall.
        """
        text = self.text(key, "0,100 4410,0")
        points = []
        try:
            for point in text.split():
                frames, percent = point.split(",")
                level = float(percent) / 100
                # DrumSynth's own files have a -1 for 0 here and there.
                if -0.01 <= level < 0:
                    level = 0.0
                points.append((float(frames) / RATE * stretch, level))
            return Envelope(tuple(points))
        except ValueError as error:
            raise ValueError(
                f"[{self.name}] {key} is {_shown(text)}; expected points FRAMES,LEVEL with a space "
                f"between them, whose times never fall and whose levels are 0 or more."
            ) from error


def parse_sections(content: bytes) -> dict[str, Section]:
    """Returns the sections by name; those that are absent are empty, and so off.

    Raises:
        ValueError: the bytes are no file of DrumSynth.
    """
    if len(content) > MAX_BYTES:
        raise ValueError(f"expected a file of DrumSynth, which has at most {MAX_BYTES} bytes.")
    parser = configparser.ConfigParser(
        delimiters=("=",),
        comment_prefixes=(),
        strict=False,
        interpolation=None,
        allow_no_value=True,
    )
    # A line that begins with a blank continues none before it.
    lines = [line.strip() for line in content.decode("latin-1").splitlines()]
    try:
        parser.read_string("\n".join(lines))
    except configparser.Error as error:
        raise ValueError(
            "expected a file of DrumSynth: text with sections such as [General]."
        ) from error
    found = {}
    for section in parser.sections():
        values = {key: value or "" for key, value in parser.items(section)}
        found[section.strip().lower()] = values
    return {name: Section(name, found.get(name.lower(), {})) for name in _NAMES}


def _shown(text: str) -> str:
    """Returns a value in quotes, cut to what a sentence can hold."""
    return repr(text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}...")
