"""Says what a sound is, by the words of a name: of a folder, a file, or a kit's instrument."""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from configs.reading import read_text

OTHER = "other"
"""The class of sounds whose names say nothing."""
KIT_FILE = "drumkit.xml"
"""Describes a kit of Hydrogen's: its instruments, and the files that each of them has."""

# The last of these that stands in a name is the class, as in "clap snare". Side sticks are snares:
# they hit the rim.
_WORDS = {
    "kick": r"\w*kick\w*|kik\w*|b(ass)? ?drum\w*|bd",
    "snare": r"\w*snare\w*|snr|sd|sn|rim\w*|(side ?)?sticks?",
    "tom": r"tom\w*",
    "hat": r"(hi|closed|open|pedal|foot)? ?hats?|[co]?hh|hi hat\w*|hihat\w*",
    "cymbal": r"cym|cymbal\w*|crash\w*|ride\w*|china\w*|splash\w*",
    "clap": r"\w*clap\w*|clp",
}
_CLASSES = re.compile("|".join(rf"(?P<{name}>\b({words})\b)" for name, words in _WORDS.items()))


def class_of(name: str) -> str | None:
    """Returns the class that the words of a name say; None where they say none.

    Words end at blanks, digits and signs, and where a capital follows a small letter: BassDrum01,
    hihat_closed.
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = re.sub(r"[^a-z]+", " ", spaced.lower())
    matches = list(_CLASSES.finditer(words))
    if not matches:
        return None
    return next(name for name in _WORDS if matches[-1][name] is not None)


def read_kit(path: Path) -> dict[str, str]:
    """Reads a drumkit.xml: the files of a kit, each with the name of its instrument.

    Newer files have a namespace; of a file that several instruments have, the first one counts.

    Raises:
        ValueError: it is no XML, or defines entities, which may grow without bounds.
    """
    text = read_text(path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError(
            f"{path} has a document type of its own, which no {KIT_FILE} needs; remove it."
        )
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"{path} is no XML ({error}); expected a kit of Hydrogen's.") from error
    instruments: dict[str, str] = {}
    for instrument in _elements(root, "instrument"):
        names = [element.text or "" for element in instrument if _tag(element) == "name"]
        for element in _elements(instrument, "filename"):
            instruments.setdefault((element.text or "").strip(), "".join(names).strip())
    instruments.pop("", None)
    return instruments


def _elements(root: ElementTree.Element, tag: str) -> Iterator[ElementTree.Element]:
    return (element for element in root.iter() if _tag(element) == tag)


def _tag(element: ElementTree.Element) -> str:
    """Returns the name of an element without its namespace, which stands in braces."""
    return str(element.tag).rpartition("}")[2]
