"""Says what is known of files of sound; refuses too few, and finds those that are there twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from configs.checks import shown
from data_prep.runtime.quantities import pluralized

Kind = Literal["class", "number"]


@dataclass(frozen=True)
class Labelled:
    """Holds a file and what is known of it."""

    path: Path
    # As people find it in what is written: its path below the folder of all.
    name: str
    # A class in words, or a number.
    target: str | float
    # Who made it or where it is from, such as an artist; None: not known of any file.
    group: str | None


@dataclass(frozen=True)
class Corpus:
    """Holds files of which one kind of thing is known."""

    kind: Kind
    files: tuple[Labelled, ...]
    # What was left out of it, a sentence each.
    remarks: tuple[str, ...] = ()

    @property
    def has_groups(self) -> bool:
        """Returns whether it is known where the files are from."""
        return all(file.group is not None for file in self.files)

    @property
    def classes(self) -> tuple[str, ...]:
        """Returns the classes in order; none where numbers are known."""
        if self.kind == "number":
            return ()
        return tuple(sorted({str(file.target) for file in self.files}))

    @property
    def groups(self) -> tuple[str, ...]:
        """Returns the group of each file; where none is known every file is one of its own."""
        return tuple(file.name if file.group is None else file.group for file in self.files)


def require_enough(corpus: Corpus) -> None:
    """Refuses what nothing can be learnt from, or of which nobody could say how well it is learnt.

    Raises:
        ValueError: there is one class or one number alone, or something is of one group alone.
    """
    if corpus.kind == "number":
        _require_numbers(corpus)
        return
    classes = corpus.classes
    if len(classes) < 2:
        found = f"{shown(classes[0])} alone" if classes else "none"
        raise ValueError(f"there is nothing to tell apart: expected two classes, found {found}.")
    for name in classes:
        groups = [group for file, group in _grouped(corpus) if file.target == name]
        if len(set(groups)) > 1:
            continue
        found = f"{pluralized(len(groups), 'file')} of one group alone ({groups[0]})"
        wanted = "files of another group"
        if not corpus.has_groups:
            found = f"one file alone ({groups[0]})"
            wanted = "files"
        raise ValueError(
            f"the class {shown(name)} has {found}: how well it is recognised elsewhere cannot be "
            f"measured; add {wanted}, or leave the class out."
        )


def _require_numbers(corpus: Corpus) -> None:
    if len({file.target for file in corpus.files}) < 2:
        raise ValueError("there is nothing to learn: expected numbers that differ, found one.")
    if len(set(corpus.groups)) < 2:
        raise ValueError(
            f"all files are of one group ({corpus.groups[0]}): how well numbers are told elsewhere "
            f"cannot be measured; add files of another group."
        )


def _grouped(corpus: Corpus) -> Sequence[tuple[Labelled, str]]:
    return list(zip(corpus.files, corpus.groups, strict=True))


def warnings_of_doubles(
    files: Sequence[Labelled], groups: Sequence[str], checksums: Sequence[str]
) -> list[str]:
    """Returns a sentence for each two files of one content that make scores better than they are.

    Of two in different groups one may be learnt from when the other is held out; two of different
    classes contradict each other. Every later one is compared with the first of its content.

    Args:
        files: all.
        groups: of each.
        checksums: of the content of each.
    """
    first: dict[str, int] = {}
    found = []
    for number, checksum in enumerate(checksums):
        other = first.setdefault(checksum, number)
        if other == number:
            continue
        file = files[number]
        same = files[other]
        pair = f"{same.name} and {file.name} are the same file"
        if file.target != same.target:
            found.append(
                f"{pair}, but {same.target} is said of one and {file.target} of the other; leave "
                f"one."
            )
        elif groups[number] != groups[other]:
            found.append(
                f"{pair} in different groups, so that one may be learnt from while the other is "
                f"tested; leave one."
            )
    return found
