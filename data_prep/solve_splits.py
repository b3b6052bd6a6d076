"""Find out which splits of URMP can cover which instruments, and prove what is attainable.

    python -m data_prep.solve_splits
    python -m data_prep.solve_splits --test=01,09,13,16,18,24,28,31,35,42,44 --excluded=02,04,05,06

Prints in how many tunes each instrument plays, the most instruments that validation can have while
train and test have all, and the splits that are best by the rule in configs/splits/grouped.json,
with the proof that no others are better; between equals the lower numbers test, then validate. With
--test, the test set is given, and the best validation set is taken from the rest: whole tunes of
which the test set has nothing, every instrument kept in train. The integer programs are solved to
optimality by HiGHS.
"""

from collections.abc import Sequence

from absl import flags

from configs import instruments
from configs.splits import load_splits
from data_prep.runtime import command


def _pick(pieces: Sequence[str], numbers: str) -> set[str]:
    """Returns the pieces with these numbers, which commas separate.

    Raises:
        ValueError: no piece has one of them.
    """
    wanted = {number.strip() for number in numbers.split(",") if number.strip()}
    unknown = sorted(wanted - {piece[:2] for piece in pieces})
    if unknown:
        raise ValueError(
            f"no piece has the number {unknown[0]}; expected numbers of two digits from 01 to 44."
        )
    return {piece for piece in pieces if piece[:2] in wanted}


def main(_: Sequence[str]) -> None:
    """Solves the problem that the flags describe, and prints what was found."""
    pieces = sorted(piece for names in load_splits("grouped").patterns.values() for piece in names)
    test = _pick(pieces, flags.FLAGS.test)
    excluded = _pick(pieces, flags.FLAGS.excluded)
    with command.importing():
        from data_prep.splitting.problem import (
            deviation,
            free_problem,
            names_by_split,
            problem_with_test,
        )
        from data_prep.splitting.solutions import best_splits, most_instruments_in_valid

    pieces = [piece for piece in pieces if piece not in excluded]
    problem = problem_with_test(pieces, test) if test else free_problem(pieces)
    print("tunes that an instrument plays in:")
    tunes = (free_problem(pieces).counts > 0).sum(axis=0)
    lines = [f"{name} {count}" for name, count in zip(instruments.URMP, tunes, strict=True)]
    print("  " + ", ".join(lines))
    possible = most_instruments_in_valid(problem)
    missing = ", ".join(sorted(set(instruments.URMP) - set(possible))) or "none"
    print(
        f"validation can have {len(possible)} of {len(instruments.URMP)} instruments at most, "
        f"all but: {missing}"
    )
    chosen = best_splits(problem, possible)
    off = deviation(problem, chosen)
    next_off = deviation(problem, best_splits(problem, possible, but_not=chosen))
    print(
        f"the best splits with these are off by {off:.2f} pieces in sum, "
        f"the next best by {next_off:.2f}:"
    )
    for split, names in names_by_split(problem, chosen).items():
        print(f"  {split} ({len(names)}): {' '.join(names)}")


if __name__ == "__main__":
    flags.DEFINE_string(
        "test", "", "numbers of the pieces that test, separated by commas; free unless given"
    )
    flags.DEFINE_string("excluded", "", "numbers of pieces that take no part")
    command.run(main)
