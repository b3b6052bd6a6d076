"""Which splits of URMP can cover which instruments: solve it, and prove what is attainable.

    python -m data_prep.solve_splits
    python -m data_prep.solve_splits --test=01,09,13,16,18,24,28,31,35,42,44 --excluded=02,04,05,06

Prints in how many tunes each instrument plays, the most instruments that validation can have while train and test
have all, and the splits that are best by the rule in configs/splits/grouped.json, with the proof that no others are
better; between equals the lower numbers test, then validate. With --test, the test set is given, and the best
validation set is taken from the rest: whole tunes of which the test set has nothing, every instrument kept in train.
The integer programs are solved to optimality by HiGHS.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from absl import flags
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from configs import instruments
from configs.splits import SPLITS, load_splits
from data_prep.runtime import command

Matrix = NDArray[np.float64]

_SHARES = np.array([0.64, 0.16, 0.20])  # of an instrument's pieces, wanted in train, valid and test
_NUM_PIECES = ((26, 31), (6, 8), (8, 10))  # allowed in train, valid and test
_TRAIN, _VALID, _TEST = range(3)
_TIES = np.array(
    [0, 1e-5, 1e-4]
)  # what decides between equals: costs of a block in a split, times its place
_AS_RECORDED = {
    "15_Surprise_tpt_tpt_tbn": {"tpt"}
}  # the one piece whose files say something else than its name


class Problem(NamedTuple):
    """B blocks of pieces that stay together, and the splits that each may belong to."""

    blocks: list[list[str]]
    legal: NDArray[np.bool_]  # (B, 3)
    must_cover: tuple[int, ...]  # splits that every instrument must play in

    @property
    def counts(self) -> Matrix:
        """In how many pieces of a block an instrument plays: (B, K)."""
        return np.array(
            [
                [sum(i in played(p) for p in block) for i in instruments.URMP]
                for block in self.blocks
            ],
            float,
        )

    @property
    def sizes(self) -> Matrix:
        """The number of pieces of each block: (B,)."""
        return np.array([len(block) for block in self.blocks], float)


def played(piece: str) -> set[str]:
    """The instruments of a piece."""
    return _AS_RECORDED.get(piece, set(piece.split("_")[2:]))


def free_problem(pieces: Sequence[str]) -> Problem:
    """Every title in one split; what has a piece with a single instrument trains, because it measures nothing."""
    titles: dict[str, list[str]] = {}
    for piece in pieces:
        titles.setdefault(piece.split("_")[1], []).append(piece)
    blocks = list(titles.values())
    measures = np.array([all(len(played(piece)) > 1 for piece in block) for block in blocks])
    return Problem(
        blocks, np.stack([np.ones_like(measures), measures, measures], axis=1), (_TRAIN, _TEST)
    )


def problem_with_test(pieces: Sequence[str], test: set[str]) -> Problem:
    """As above, but ``test`` is given: its titles do not validate, and its pieces alone test."""
    free = free_problem([piece for piece in pieces if piece not in test])
    titles = {piece.split("_")[1] for piece in test}
    legal = free.legal.copy()
    legal[:, _TEST] = False
    legal[:, _VALID] &= [block[0].split("_")[1] not in titles for block in free.blocks]
    return Problem(
        [*free.blocks, sorted(test)], np.vstack([legal, [False, False, True]]), (_TRAIN,)
    )


def most_instruments_in_valid(problem: Problem) -> list[str]:
    """The instruments of a validation set that has as many of them as can be, whatever its size."""
    num_blocks, num_instruments = problem.counts.shape
    # y[k] <= pieces of validation with instrument k
    in_valid = np.hstack([_weights(problem.counts, _VALID), -np.eye(num_instruments)])
    gains = np.concatenate([np.zeros(3 * num_blocks), np.ones(num_instruments)])
    solution = _solve(
        problem, -gains, np.ones(num_instruments), [LinearConstraint(in_valid, lb=0)], True
    )
    return [
        name
        for name, chosen in zip(instruments.URMP, solution[3 * num_blocks :], strict=True)
        if chosen > 0.5
    ]


def best_splits(
    problem: Problem, in_valid: Sequence[str], but_not: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """The split of each block (B,) that is best by the rule, of least deviation from the shares.

    Args:
        problem: what is free.
        in_valid: the instruments that must validate.
        but_not: an assignment to leave out, for the next best.
    """
    num_blocks, num_instruments = problem.counts.shape
    wanted = problem.counts.sum(axis=0)[:, None] * _SHARES  # (K, 3)
    rules = []
    for split in range(3):
        slack = np.zeros((num_instruments, num_instruments * 3))
        slack[:, split::3] = np.eye(num_instruments)
        pieces = _weights(problem.counts, split)
        rules.append(LinearConstraint(np.hstack([pieces, slack]), lb=wanted[:, split]))
        rules.append(LinearConstraint(np.hstack([pieces, -slack]), ub=wanted[:, split]))
        if split == _VALID:
            rules.append(
                LinearConstraint(
                    np.hstack([pieces, 0 * slack]), lb=np.isin(instruments.URMP, in_valid)
                )
            )
        if _TEST in problem.must_cover or split == _VALID:
            size = np.append(_weights(problem.sizes[:, None], split), np.zeros(num_instruments * 3))
            rules.append(LinearConstraint(size[None], *_NUM_PIECES[split]))
    if but_not is not None:
        same = np.append(np.eye(3)[but_not].reshape(-1), np.zeros(num_instruments * 3))
        rules.append(LinearConstraint(same[None], ub=num_blocks - 1))
    ties = np.outer(np.arange(num_blocks), _TIES)
    costs = np.append(ties.reshape(-1), np.ones(num_instruments * 3))
    solution = _solve(problem, costs, np.full(num_instruments * 3, np.inf), rules, False)
    return solution[: 3 * num_blocks].reshape(-1, 3).argmax(axis=1)


def deviation(problem: Problem, chosen: NDArray[np.int64]) -> float:
    """By how many pieces instruments are off their shares, summed over instruments and splits."""
    found = problem.counts.T @ np.eye(3)[chosen]
    return float(np.abs(found - problem.counts.sum(axis=0)[:, None] * _SHARES).sum())


def names_by_split(problem: Problem, chosen: NDArray[np.int64]) -> dict[str, list[str]]:
    """The pieces of each split, from the split of each block."""
    chosen_blocks = list(zip(problem.blocks, chosen, strict=True))
    return {
        split: sorted(piece for block, own in chosen_blocks if own == i for piece in block)
        for i, split in enumerate(SPLITS)
    }


def _weights(of_blocks: Matrix, split: int) -> Matrix:
    """Rows (K, 3 B) that sum what the blocks (B, K) of a split have, over x[block, split] in one line."""
    weights = np.zeros((of_blocks.shape[1], len(of_blocks), 3))
    weights[:, :, split] = of_blocks.T
    return weights.reshape(of_blocks.shape[1], -1)


def _solve(
    problem: Problem, costs: Matrix, most: Matrix, rules: list[LinearConstraint], whole: bool
) -> Matrix:
    """Least costs over x[block, split] in {0, 1}, then further variables up to ``most``, whole numbers or not."""
    num_blocks, num_more = len(problem.blocks), len(most)
    one_split = np.hstack(
        [np.kron(np.eye(num_blocks), np.ones(3)), np.zeros((num_blocks, num_more))]
    )
    covered = [
        np.hstack([_weights(problem.counts, split), np.zeros((problem.counts.shape[1], num_more))])
        for split in problem.must_cover
    ]
    result = milp(
        costs,
        constraints=[
            LinearConstraint(one_split, 1, 1),
            *(LinearConstraint(rows, lb=1) for rows in covered),
            *rules,
        ],
        bounds=Bounds(0, np.append(problem.legal.reshape(-1).astype(float), most)),
        integrality=np.append(np.ones(3 * num_blocks), np.full(num_more, whole)),
        options={"mip_rel_gap": 0},
    )
    if result.x is None:
        raise ValueError(f"no splits meet the rule ({result.message}); give another test set.")
    return result.x


def _pick(pieces: Sequence[str], numbers: str) -> set[str]:
    wanted = {number.strip() for number in numbers.split(",") if number.strip()}
    unknown = sorted(wanted - {piece[:2] for piece in pieces})
    if unknown:
        raise ValueError(
            f"no piece has the number {unknown[0]}; expected numbers of two digits from 01 to 44."
        )
    return {piece for piece in pieces if piece[:2] in wanted}


def main(_: Sequence[str]) -> None:
    """Solves and prints."""
    pieces = sorted(piece for names in load_splits("grouped").patterns.values() for piece in names)
    test = _pick(pieces, flags.FLAGS.test)
    excluded = _pick(pieces, flags.FLAGS.excluded)
    pieces = [piece for piece in pieces if piece not in excluded]
    problem = problem_with_test(pieces, test) if test else free_problem(pieces)
    print("tunes that an instrument plays in:")
    tunes = (free_problem(pieces).counts > 0).sum(axis=0)
    print(
        "  "
        + ", ".join(f"{name} {count}" for name, count in zip(instruments.URMP, tunes, strict=True))
    )
    possible = most_instruments_in_valid(problem)
    missing = ", ".join(sorted(set(instruments.URMP) - set(possible))) or "none"
    print(
        f"validation can have {len(possible)} of {len(instruments.URMP)} instruments at most, all but: {missing}"
    )
    chosen = best_splits(problem, possible)
    off, next_off = (
        deviation(problem, chosen),
        deviation(problem, best_splits(problem, possible, but_not=chosen)),
    )
    print(
        f"the best splits with these are off by {off:.2f} pieces in sum, the next best by {next_off:.2f}:"
    )
    for split, names in names_by_split(problem, chosen).items():
        print(f"  {split} ({len(names)}): {' '.join(names)}")


if __name__ == "__main__":
    flags.DEFINE_string(
        "test", "", "numbers of the pieces that test, separated by commas; free unless given"
    )
    flags.DEFINE_string("excluded", "", "numbers of pieces that take no part")
    command.run(main)
