"""Which tracks of a corpus train, validate and test: data, not code.

A split file is JSON with

    rule         how the split was made, in words
    train, valid, test
                 lists of track names or shell patterns (``*``, ``?``, ``[1-3]``)
    excluded     the same, for tracks that take no part
    known_leaks  objects with "tracks", names of tracks that share a recording across splits, and "reason"

and, for a corpus of one's own,

    vocabulary   list of labels in slot order, instead of the experiment's
    names        map from names or patterns of sound files, without their suffix, to labels; "mixture" is the mixture,
                 null ignores the file. A file that no pattern matches is an error; without a map a file's name is its
                 label.
"""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import Any, Literal

SPLITS = ("train", "valid", "test")
Split = Literal["train", "valid", "test"]


@dataclass(frozen=True)
class Splits:
    """The splits of one corpus."""

    name: str
    rule: str
    patterns: dict[str, tuple[str, ...]]  # split, or "excluded" -> names or patterns
    known_leaks: tuple[dict[str, Any], ...] = ()
    vocabulary: tuple[str, ...] | None = None
    names: dict[str, str | None] | None = None

    def split_of(self, track: str) -> Split | None:
        """The split of a track, None where it is excluded.

        Raises:
            ValueError: no list names the track, or more than one does.
        """
        found = self.lists_with(track)
        if len(found) != 1:
            raise ValueError(
                f"the track {track!r} stands in {' and '.join(found) or 'no list'} of the splits {self.name!r}; a "
                f"track belongs to exactly one of {', '.join(self.patterns)}."
            )
        return None if found[0] == "excluded" else found[0]  # type: ignore[return-value]

    def lists_with(self, track: str) -> list[str]:
        """The lists that name a track, of the splits and ``excluded``."""
        return [
            split
            for split, patterns in self.patterns.items()
            if any(_matches(track, p) for p in patterns)
        ]

    def missing(self, tracks: Collection[str]) -> list[str]:
        """The names and patterns that none of these tracks matches."""
        patterns = [pattern for patterns in self.patterns.values() for pattern in patterns]
        return [
            pattern for pattern in patterns if not any(_matches(track, pattern) for track in tracks)
        ]

    def label_of(self, file_name: str) -> str | None:
        """The label of a sound file, None where it is ignored; the first pattern that matches counts.

        Raises:
            ValueError: there is a map of names, and it does not know the file.
        """
        stem = PurePath(file_name).stem
        if self.names is None:
            return stem
        for pattern, label in self.names.items():
            if _matches(stem, pattern):
                return label
        raise ValueError(
            f"the splits {self.name!r} do not say what {stem!r} is; add it to 'names', null ignores it."
        )

    def knows_leak(self, one: str, other: str) -> bool:
        """Whether two tracks are listed as sharing a recording."""
        return any({one, other} <= set(leak["tracks"]) for leak in self.known_leaks)


def shipped_splits() -> list[str]:
    """The names that ``load_splits`` knows."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.json"))


def load_splits(name: str) -> Splits:
    """The splits called ``name`` here, or those of the JSON file with that path.

    Raises:
        ValueError: there are none of that name, or the file is not a split file.
    """
    path = Path(__file__).with_name(f"{name}.json") if name in shipped_splits() else Path(name)
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(
            f"the splits {name!r} are no file and none of {', '.join(shipped_splits())} (nor musdb's own, official)."
        ) from error
    except ValueError as error:
        raise ValueError(f"the split file {path} is not JSON: {error}.") from error
    return _from_tree(name, tree)


def _from_tree(name: str, tree: object) -> Splits:
    if not isinstance(tree, dict) or not isinstance(tree.get("rule"), str):
        raise ValueError(
            f"the split file {name!r} must be a JSON object with the field 'rule', a sentence."
        )
    unknown = sorted(set(tree) - {"rule", *_FIELDS})
    if unknown:
        raise ValueError(
            f"the split file {name!r} has an unknown field {unknown[0]!r}; it may have {', '.join(_FIELDS)}."
        )
    for key, (is_legal, expected) in _FIELDS.items():
        if key in tree and not is_legal(tree[key]):
            raise ValueError(f"the field {key!r} of the split file {name!r} must be {expected}.")
    return Splits(
        name=name,
        rule=tree["rule"],
        patterns={split: tuple(tree.get(split, ())) for split in (*SPLITS, "excluded")},
        known_leaks=tuple(tree.get("known_leaks", ())),
        vocabulary=tuple(tree["vocabulary"]) if "vocabulary" in tree else None,
        names=tree.get("names"),
    )


def _is_list_of_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) and entry for entry in value)


def _is_list_of_leaks(value: object) -> bool:
    def is_leak(entry: object) -> bool:
        is_complete = isinstance(entry, dict) and set(entry) == {"tracks", "reason"}
        return (
            is_complete and _is_list_of_names(entry["tracks"]) and isinstance(entry["reason"], str)
        )  # type: ignore[index]

    return isinstance(value, list) and all(map(is_leak, value))


def _is_map_of_names(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(label, str | None) for label in value.values()
    )


def _matches(name: str, pattern: str) -> bool:
    return name == pattern or fnmatchcase(name, pattern)


_FIELDS: dict[str, tuple[Callable[[object], bool], str]] = {
    **dict.fromkeys((*SPLITS, "excluded"), (_is_list_of_names, "a list of track names")),
    "known_leaks": (
        _is_list_of_leaks,
        "a list of objects with 'tracks', a list of names, and 'reason', a sentence",
    ),
    "vocabulary": (_is_list_of_names, "a list of labels"),
    "names": (_is_map_of_names, "a map from file names to labels or null"),
}
