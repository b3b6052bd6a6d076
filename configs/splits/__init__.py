"""Which tracks of a corpus train, validate and test: data, not code.

A split file is JSON with

    rule         how the split was made, in words
    train, valid, test
                 lists of track names or shell patterns (``*``, ``?``, ``[1-3]``)
    excluded     the same, for tracks that take no part
    known_leaks  lists of tracks that share a recording across splits, each with its reason
"""

import json
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

SPLITS = ("train", "valid", "test")
Split = Literal["train", "valid", "test"]


@dataclass(frozen=True)
class Splits:
    """The splits of one corpus."""

    name: str
    rule: str
    patterns: dict[str, tuple[str, ...]]  # split, or "excluded" -> names or patterns
    known_leaks: tuple[dict[str, Any], ...] = field(default=())

    def split_of(self, track: str) -> Split | None:
        """The split of a track, None where it is excluded.

        Raises:
            ValueError: no list names the track, or more than one does.
        """
        found = [split for split, patterns in self.patterns.items() if any(fnmatchcase(track, p) for p in patterns)]
        if len(found) != 1:
            raise ValueError(
                f"the track {track!r} stands in {' and '.join(found) or 'no list'} of the splits {self.name!r}; a "
                f"track belongs to exactly one of {', '.join(self.patterns)}."
            )
        return None if found[0] == "excluded" else found[0]  # type: ignore[return-value]


def load_splits(name: str) -> Splits:
    """The splits called ``name`` here, or those of the JSON file with that path.

    Raises:
        ValueError: there are none of that name, or the file is not a split file.
    """
    shipped = {path.stem: path for path in sorted(Path(__file__).parent.glob("*.json"))}
    path = shipped.get(name, Path(name))
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(
            f"the splits {name!r} are neither a file nor one of {', '.join(shipped)} (nor official, musdb's own)."
        ) from error
    except ValueError as error:
        raise ValueError(f"the split file {path} is not JSON: {error}.") from error
    return _from_tree(name, tree)


def _from_tree(name: str, tree: object) -> Splits:
    if not isinstance(tree, dict) or not isinstance(tree.get("rule"), str):
        raise ValueError(f"the split file {name!r} must be a JSON object with the field 'rule', a sentence.")
    lists = (*SPLITS, "excluded")
    unknown = sorted(set(tree) - {"rule", "known_leaks", *lists})
    if unknown:
        raise ValueError(
            f"the split file {name!r} has an unknown field {unknown[0]!r}; it may have {', '.join(lists)}."
        )
    patterns = {}
    for split in lists:
        entries = tree.get(split, [])
        if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
            raise ValueError(f"the field {split!r} of the split file {name!r} must be a list of track names.")
        patterns[split] = tuple(entries)
    leaks = tree.get("known_leaks", [])
    if not isinstance(leaks, list):
        raise ValueError(f"the field 'known_leaks' of the split file {name!r} must be a list.")
    return Splits(name, tree["rule"], patterns, tuple(leaks))
