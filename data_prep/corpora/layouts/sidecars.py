"""Reads the JSON or YAML file that describes a track, and says what is wrong with it."""

from collections.abc import Iterator
from pathlib import Path

import yaml

from configs.checks import shown
from configs.reading import parse_json, read_text

# MedleyDB quotes them, as YAML would take them for true and false.
_FLAGS = {"yes": True, "no": False}
# The largest one that was published has some tens of KiB, and YAML is slow.
_MOST_LETTERS = 2**22
_ADVICE = "copy it again from the corpus"


class Fields:
    """Gives the fields of a file, or of an object in it; each is of the kind that is asked for.

    Attributes:
        place: names the object in errors.
    """

    def __init__(self, values: object, place: str) -> None:
        if not isinstance(values, dict):
            raise ValueError(
                f"{place} holds {shown(values)}; expected fields with names: {_ADVICE}."
            )
        self.place = place
        self._values = values

    def text(self, name: str) -> str:
        """Returns a text; several in a list are one with commas between them.

        Raises:
            ValueError: the field is missing, or is no text.
        """
        value = self._value(name)
        values = value if isinstance(value, list) else [value]
        words = [word for word in values if isinstance(word, str) and word.strip()]
        if len(words) < len(values) or not words:
            raise self._wrong(name, "a text")
        return ", ".join(words)

    def file_name(self, name: str) -> str:
        """Returns a name of a file or folder; ``ValueError`` where it leads elsewhere."""
        text = self.text(name)
        if Path(text).name != text or "\\" in text:
            raise self._wrong(name, "the name of a file, without folders")
        return text

    def flag(self, name: str, missing: bool | None = None) -> bool:
        """Returns whether something is so: true, false, or the words yes and no.

        Args:
            name: of the field.
            missing: stands for a field that is not there; None: it must be.

        Raises:
            ValueError: the field is missing, or says something else.
        """
        if missing is not None and name not in self._values:
            return missing
        value = self._value(name)
        if isinstance(value, str):
            value = _FLAGS.get(value)
        if not isinstance(value, bool):
            raise self._wrong(name, "yes or no")
        return value

    def entries(self, name: str) -> Iterator[tuple[str, "Fields"]]:
        """Yields the objects in a list, or in an object, with their numbers or names.

        Raises:
            ValueError: the field is missing, holds none, or something else.
        """
        value = self._value(name)
        if isinstance(value, list):
            value = {str(number): each for number, each in enumerate(value, start=1)}
        if not isinstance(value, dict) or not value:
            raise self._wrong(name, "one entry or more")
        for key, each in value.items():
            yield str(key), Fields(each, f"{name} {key} of {self.place}")

    def _value(self, name: str) -> object:
        if name not in self._values:
            present = ", ".join(map(str, self._values)) or "none"
            raise ValueError(
                f"{self.place} lacks the field {name!r}; its fields are {present}: {_ADVICE}."
            )
        return self._values[name]

    def _wrong(self, name: str, expected: str) -> ValueError:
        value = shown(self._values[name])
        return ValueError(
            f"the field {name!r} of {self.place} is {value}; expected {expected}: {_ADVICE}."
        )


def read_sidecar(path: Path) -> Fields:
    """Reads a file in JSON or YAML, as its suffix says.

    Raises:
        ValueError: it is no such file, or holds no fields.
        OSError: it cannot be read.
    """
    text = read_text(path)
    if path.suffix == ".json":
        return Fields(parse_json(text, path), str(path))
    if len(text) > _MOST_LETTERS:
        raise ValueError(
            f"{path} has {len(text):,} letters; expected {_MOST_LETTERS:,} at most: {_ADVICE}."
        )
    try:
        values = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # Its message has lines with a picture of the place.
        reason = " ".join(str(error).split())
        raise ValueError(f"{path} is not YAML ({reason}); {_ADVICE}.") from error
    return Fields(values, str(path))
