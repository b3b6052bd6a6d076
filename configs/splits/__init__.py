"""Says which tracks of a corpus train, validate and test. The lists are data, not code.

A split file is JSON with

    rule         how the split was made, in words
    train, valid, test
                 lists of track names or shell patterns (``*``, ``?``, ``[1-3]``)
    excluded     the same, for tracks that take no part
    known_leaks  objects with "tracks", names of tracks that share a recording across splits,
                 and "reason"

and, for a corpus of one's own,

    vocabulary   list of labels in slot order, instead of the experiment's
    names        map from names or patterns of sound files, without their suffix, to labels;
                 "mixture" is the mixture, null ignores the file. A file that no pattern matches is
                 an error; without a map a file's name is its label.

A file with ``"official": true`` has no lists: the splits are those that the corpus brings, and it
holds a vocabulary and names for them. There the names are those of the corpus for its sources.
"""

import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import Any, Literal, cast

from configs.checks import shown
from configs.reading import read_object

Split = Literal["train", "valid", "test"]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")


@dataclass(frozen=True)
class Splits:
    """Holds the splits of one corpus."""

    name: str
    rule: str
    # a split, or "excluded" -> names or patterns of tracks
    patterns: dict[str, tuple[str, ...]]
    # what a split file has under this name: "tracks" and "reason" each
    known_leaks: tuple[dict[str, Any], ...] = ()
    # None: the vocabulary of the experiment holds
    vocabulary: tuple[str, ...] | None = None
    # None: a file's name is its label
    names: dict[str, str | None] | None = None
    # whether the corpus's own splits hold, and there are no lists
    official: bool = False

    def split_of(self, track: str) -> Split | None:
        """Returns the split of a track, None where it is excluded.

        Raises:
            ValueError: no list names the track, or more than one does.
        """
        lists = self.lists_with(track)
        if len(lists) != 1:
            raise ValueError(
                f"the track {track!r} stands in {' and '.join(lists) or 'no list'} of the splits "
                f"{self.name!r}; a track belongs to exactly one of {', '.join(self.patterns)}."
            )
        if lists[0] == "excluded":
            return None
        return cast(Split, lists[0])

    def lists_with(self, track: str) -> list[str]:
        """Returns the names of the lists that name a track: splits, or ``excluded``."""
        return [
            split
            for split, patterns in self.patterns.items()
            if any(_matches(track, pattern) for pattern in patterns)
        ]

    def missing(self, tracks: Collection[str]) -> list[str]:
        """Returns the names and patterns that none of these tracks matches."""
        return [
            pattern
            for patterns in self.patterns.values()
            for pattern in patterns
            if not any(_matches(track, pattern) for track in tracks)
        ]

    def label_of(self, file_name: str) -> str | None:
        """Returns the label of a sound file; as ``label_of_name`` for its name without suffix."""
        return self.label_of_name(PurePath(file_name).stem)

    def label_of_name(self, name: str) -> str | None:
        """Returns the label of a source that is called so, None where it is ignored.

        The first pattern that matches counts.

        Raises:
            ValueError: there is a map of names, and it does not know this one.
        """
        name = unicodedata.normalize("NFC", name)
        if self.names is None:
            return name
        for pattern, label in self.names.items():
            if _matches(name, pattern):
                return label
        raise ValueError(
            f"the splits {self.name!r} do not say what {name!r} is; add it to 'names', "
            f"null ignores it."
        )

    def knows_leak(self, one: str, other: str) -> bool:
        """Returns whether two tracks are listed as sharing a recording."""
        return any({one, other} <= set(leak["tracks"]) for leak in self.known_leaks)


def shipped_splits() -> list[str]:
    """Returns the names that ``load_splits`` knows."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.json"))


def load_splits(name: str) -> Splits:
    """Reads the splits that this package has under ``name``, else the JSON file with that path.

    Raises:
        ValueError: there are none of that name, or the file is not a split file.
    """
    path = Path(name)
    if name in shipped_splits():
        path = Path(__file__).with_name(f"{name}.json")
    try:
        content = read_object(path)
    except OSError as error:
        raise ValueError(
            f"the splits {name!r} are no file and none of {', '.join(shipped_splits())} "
            f"(nor musdb's own, official)."
        ) from error
    except ValueError as error:
        raise ValueError(f"the split file {error}") from error
    return _checked(name, content)


def _checked(name: str, content: dict[str, Any]) -> Splits:
    """Returns the splits that the content of a file describes.

    Raises:
        ValueError: a field is missing, unknown or of another type.
    """
    if not isinstance(content.get("rule"), str):
        raise ValueError(
            f"the split file {name!r} must be a JSON object with the field 'rule', a sentence."
        )
    unknown = sorted(set(content) - {"rule", *_FIELDS})
    if unknown:
        raise ValueError(
            f"the split file {name!r} has an unknown field {shown(unknown[0])}; it may have "
            f"{', '.join(_FIELDS)}."
        )
    for field, (is_legal, expected) in _FIELDS.items():
        if field in content and not is_legal(content[field]):
            raise ValueError(f"the field {field!r} of the split file {name!r} must be {expected}.")
    lists = [split for split in (*SPLITS, "excluded") if split in content]
    if content.get("official") and lists:
        raise ValueError(
            f"the split file {name!r} is official and has the list {lists[0]!r}; expected lists, "
            f"or the splits that the corpus brings."
        )
    vocabulary = None
    if "vocabulary" in content:
        vocabulary = tuple(content["vocabulary"])
    return Splits(
        name=name,
        rule=content["rule"],
        patterns={split: tuple(content.get(split, ())) for split in (*SPLITS, "excluded")},
        known_leaks=tuple(content.get("known_leaks", ())),
        vocabulary=vocabulary,
        names=content.get("names"),
        official=content.get("official", False),
    )


def _is_list_of_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) and entry for entry in value)


def _is_list_of_leaks(value: object) -> bool:
    return isinstance(value, list) and all(_is_leak(entry) for entry in value)


def _is_leak(entry: object) -> bool:
    if not isinstance(entry, dict) or set(entry) != {"tracks", "reason"}:
        return False
    return _is_list_of_names(entry["tracks"]) and isinstance(entry["reason"], str)


def _is_map_of_names(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(label, str | None) for label in value.values()
    )


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _matches(name: str, pattern: str) -> bool:
    # A Mac writes an accent behind its letter, others write both as one.
    name = unicodedata.normalize("NFC", name)
    pattern = unicodedata.normalize("NFC", pattern)
    # Names come first as they are: one with brackets in it would not match itself as a pattern.
    return name == pattern or fnmatchcase(name, pattern)


# field -> whether a value is legal, and what is expected, in words
_FIELDS: dict[str, tuple[Callable[[object], bool], str]] = {
    **dict.fromkeys((*SPLITS, "excluded"), (_is_list_of_names, "a list of track names")),
    "known_leaks": (
        _is_list_of_leaks,
        "a list of objects with 'tracks', a list of names, and 'reason', a sentence",
    ),
    "vocabulary": (_is_list_of_names, "a list of labels"),
    "names": (_is_map_of_names, "a map from file names to labels or null"),
    "official": (_is_flag, "true or false"),
}
