"""Splits kits so that no two splits share a sound."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from configs.splits import Split, Splits

# of all sounds, for each of validation and test
_SHARE = 0.15
# A group that would make a split larger than this is passed over.
_MOST = 0.2
_LEAST_GROUPS = 3

# kits that share sounds, in the order of their names
Group = tuple[str, ...]


def split_by_file(kits: Sequence[str], splits: Splits) -> dict[str, Split]:
    """Returns the splits of the kits that a split file names; the others take no part.

    Raises:
        ValueError: it names none of them, or one in two lists.
    """
    named = [kit for kit in dict.fromkeys(kits) if splits.lists_with(kit)]
    if not named:
        raise ValueError(
            f"the splits {splits.name!r} name no kit, such as {kits[0]!r}; expected names or "
            f"patterns of kits in 'train', 'valid' and 'test'."
        )
    found = {kit: splits.split_of(kit) for kit in named}
    return {kit: split for kit, split in found.items() if split is not None}


def group_kits(kits: Sequence[str], pairs: Iterable[tuple[int, int]]) -> list[Group]:
    """Returns the groups of kits that share sounds, in the order of their first names.

    Args:
        kits: the kit of each sound.
        pairs: numbers of sounds that are the same.
    """
    # Union-find: kit -> another one of its group; the first of a group leads to itself.
    leader = {kit: kit for kit in kits}

    def find(kit: str) -> str:
        while leader[kit] != kit:
            # Halves the way for the next one who asks.
            leader[kit] = leader[leader[kit]]
            kit = leader[kit]
        return kit

    for one, other in pairs:
        first, second = sorted([find(kits[one]), find(kits[other])])
        leader[second] = first
    groups: dict[str, list[str]] = {}
    for kit in sorted(leader):
        groups.setdefault(find(kit), []).append(kit)
    return [tuple(groups[first]) for first in sorted(groups)]


def split_groups(groups: Sequence[Group], sizes: Mapping[str, int]) -> tuple[dict[str, Split], str]:
    """Decides the splits of kits.

    Groups come in the order of a hash of their names, so that the names of kits say nothing of
    their split. Each goes to test until that has about 15 % of the sounds, then to valid; one that
    is too large for that trains, as does the largest, and all others.

    Args:
        groups: kits that stay together.
        sizes: how many sounds each kit has.

    Returns:
        Kit -> split, and the rule, a sentence.
    """
    splits: dict[str, Split] = {kit: "train" for group in groups for kit in group}
    if len(groups) < _LEAST_GROUPS:
        rule = (
            f"Everything trains, nothing validates or tests: that takes {_LEAST_GROUPS} groups of "
            f"kits that share no sound with each other, and there are {len(groups)}."
        )
        return splits, rule
    counts = {group: sum(sizes.get(kit, 0) for kit in group) for group in groups}
    total = sum(counts.values())
    by_hash = sorted(groups, key=_hash)
    # The largest group trains, however few there are.
    largest = max(by_hash, key=lambda group: counts[group])
    rest = [group for group in by_hash if group != largest]
    needs: tuple[tuple[Split, int], ...] = (("test", 1), ("valid", 0))
    for split, num_needed in needs:
        chosen = _filling(rest, counts, total, len(rest) - num_needed)
        rest = [group for group in rest if group not in chosen]
        splits.update({kit: split for group in chosen for kit in group})
    rule = (
        f"Kits that share sounds are one group; groups in the order of the SHA-256 of their names "
        f"fill test to about {_SHARE:.0%} of the sounds, then valid, and the others train."
    )
    return splits, rule


def _filling(
    rest: Sequence[Group], counts: Mapping[Group, int], total: int, most_groups: int
) -> list[Group]:
    """Returns the groups that fill a split; where all are too large, the smallest one."""
    chosen: list[Group] = []
    num_sounds = 0
    for group in rest:
        if len(chosen) == most_groups or num_sounds >= _SHARE * total:
            break
        if num_sounds + counts[group] <= _MOST * total:
            chosen.append(group)
            num_sounds += counts[group]
    if not chosen:
        chosen.append(min(rest, key=lambda group: counts[group]))
    return chosen


def _hash(group: Group) -> str:
    return hashlib.sha256("\n".join(group).encode()).hexdigest()
