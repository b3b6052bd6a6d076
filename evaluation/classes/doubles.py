"""Finds files that are there twice under different names."""

from collections.abc import Sequence

from evaluation.classes.labelled import Labelled


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
