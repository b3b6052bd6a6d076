"""Tells in short what a folder of one-shots holds, and what was left out of it."""

from collections import Counter
from collections.abc import Iterator

from configs.splits import SPLITS
from data_prep.runtime.quantities import pluralized
from data_prep.shots.prepared import OneShots

_MOST_LINES = 12


def kit_lines(shots: OneShots) -> list[str]:
    """Returns a sentence for each two kits of which one has sounds of the other."""
    own = Counter(sound.kit for sound in shots.sounds)
    own.update(double.kit for double in shots.doubles)
    pairs = Counter((double.kit, double.of_kit) for double in shots.doubles)
    exact = Counter((double.kit, double.of_kit) for double in shots.doubles if double.is_exact)
    lines = []
    for (kit, other), count in sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0])):
        number = f"{count} of its {own[kit]} sounds"
        if exact[kit, other]:
            number += f" ({exact[kit, other]} to the last sample)"
        if kit == other:
            lines.append(f"{kit} has {number} twice.")
        elif 2 * count >= own[kit]:
            lines.append(f"{kit} is {other} again: {number}.")
        else:
            lines.append(f"{kit} shares {number} with {other}.")
    return lines


def summary_lines(shots: OneShots) -> Iterator[str]:
    """Yields a table of the sounds by class and split, then the rule and the doubles."""
    counts = Counter[tuple[str, str]]((one.class_name, one.split) for one in shots.sounds)
    classes = sorted({sound.class_name for sound in shots.sounds})
    width = max(len("class"), *(len(name) for name in classes))
    yield f"{'class':{width}} {''.join(f'{split:>8}' for split in SPLITS)}"
    for name in classes:
        yield f"{name:{width}} {''.join(f'{counts[name, split]:8,}' for split in SPLITS)}"
    totals = Counter[str](sound.split for sound in shots.sounds)
    yield f"{'all':{width}} {''.join(f'{totals[split]:8,}' for split in SPLITS)}"
    yield shots.rule
    if shots.doubles:
        num_exact = sum(double.is_exact for double in shots.doubles)
        yield (
            f"{pluralized(len(shots.doubles), 'sound')} left out because another is the same, "
            f"{num_exact} of them to the last sample:"
        )
        yield from _some([f"  {line}" for line in kit_lines(shots)])
    if shots.kits_without_split:
        yield "The split file names no list for these kits, which take no part:"
        yield from _some([f"  {kit}" for kit in shots.kits_without_split])


def _some(lines: list[str]) -> Iterator[str]:
    yield from lines[:_MOST_LINES]
    if len(lines) > _MOST_LINES:
        yield f"  and {len(lines) - _MOST_LINES} more"
