"""Finds the best splits of URMP as an integer program, solved to optimality by HiGHS.

Its variables are x[block, split] in {0, 1}, 1 where a block is in a split, in one line, and behind
them further ones that a question needs. Axes: B blocks of pieces, K instruments, 3 splits.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from configs import instruments
from data_prep.splitting.problem import SHARES, TEST, VALID, Matrix, Problem

# least and most pieces allowed in train, valid and test
_NUM_PIECES = ((26, 31), (6, 8), (8, 10))
# Decides between equals: what a block costs in each split, times its position. It is little beside
# a piece off the shares, which costs 1.
_TIES = np.array([0, 1e-5, 1e-4])


def most_instruments_in_valid(problem: Problem) -> list[str]:
    """Returns the instruments of a validation set that has as many of them as can be.

    Its size may be any.
    """
    num_blocks, num_instruments = problem.counts.shape
    # Further variables y[k] in {0, 1}, with y[k] <= pieces of validation with instrument k, so that
    # y[k] = 1 says that k validates. The sum of y is made as large as can be.
    in_valid = np.hstack([_weights(problem.counts, VALID), -np.eye(num_instruments)])
    costs = np.concatenate([np.zeros(3 * num_blocks), -np.ones(num_instruments)])
    solution = _solve(
        problem,
        costs,
        most=np.ones(num_instruments),
        rules=[LinearConstraint(in_valid, lb=0)],
        whole=True,
    )
    validates = solution[3 * num_blocks :] > 0.5
    return [name for name, does in zip(instruments.URMP, validates, strict=True) if does]


def best_splits(
    problem: Problem, in_valid: Sequence[str], but_not: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Returns the split of each block (B,) that is best by the rule: least off the shares.

    Args:
        problem: what is free.
        in_valid: the instruments that must validate.
        but_not: an assignment to leave out, for the next best.
    """
    num_blocks, num_instruments = problem.counts.shape
    # Further variables, one for each instrument and split: by how many pieces it is off its share.
    num_more = 3 * num_instruments
    rules = []
    for split in range(3):
        rules += _rules_of(problem, split, in_valid)
    if but_not is not None:
        # at most B - 1 blocks where that assignment has them
        same = np.append(np.eye(3)[but_not].reshape(-1), np.zeros(num_more))
        rules.append(LinearConstraint(same[None], ub=num_blocks - 1))
    # (B, 3)
    ties = np.outer(np.arange(num_blocks), _TIES)
    costs = np.append(ties.reshape(-1), np.ones(num_more))
    solution = _solve(problem, costs, most=np.full(num_more, np.inf), rules=rules, whole=False)
    # (3 B + 3 K,) -> (B, 3) -> (B,)
    return solution[: 3 * num_blocks].reshape(-1, 3).argmax(axis=1)


def _rules_of(problem: Problem, split: int, in_valid: Sequence[str]) -> list[LinearConstraint]:
    """Returns what the rule says of one split, over x[block, split], then off[instrument, split].

    Those are all in one line, so a row of a constraint has 3 B + 3 K weights.
    """
    num_instruments = len(instruments.URMP)
    # (K,)
    wanted = problem.counts.sum(axis=0) * SHARES[split]
    # (K, 3 B) and (K, 3 K)
    pieces = _weights(problem.counts, split)
    off = np.zeros((num_instruments, num_instruments * 3))
    off[:, split::3] = np.eye(num_instruments)
    # pieces - off <= wanted <= pieces + off: off is at least the absolute difference
    rules = [
        LinearConstraint(np.hstack([pieces, off]), lb=wanted),
        LinearConstraint(np.hstack([pieces, -off]), ub=wanted),
    ]
    if split == VALID:
        must_validate = np.isin(instruments.URMP, in_valid)
        rules.append(LinearConstraint(np.hstack([pieces, 0 * off]), lb=must_validate))
    # A given test set leaves the size of train open, too.
    if TEST in problem.must_cover or split == VALID:
        least, most = _NUM_PIECES[split]
        size = np.append(_weights(problem.sizes[:, None], split), np.zeros(num_instruments * 3))
        rules.append(LinearConstraint(size[None], lb=least, ub=most))
    return rules


def _weights(of_blocks: Matrix, split: int) -> Matrix:
    """Returns rows (K, 3 B) that sum what the blocks of a split have.

    Args:
        of_blocks: what a block has of each of K things, (B, K).
        split: the split.
    """
    num_blocks, num_things = of_blocks.shape
    weights = np.zeros((num_things, num_blocks, 3))
    weights[:, :, split] = of_blocks.T
    # x[block, split] in one line
    return weights.reshape(num_things, -1)


def _solve(
    problem: Problem, costs: Matrix, most: Matrix, rules: list[LinearConstraint], whole: bool
) -> Matrix:
    """Returns the values of least cost of x[block, split] in {0, 1} and of further variables.

    Args:
        problem: what is free.
        costs: of every variable, (3 B + further,).
        most: the largest value of every further variable; the least is 0.
        rules: constraints beside those that every problem has.
        whole: whether the further variables are whole numbers, too.

    Raises:
        ValueError: no values meet the rules.
    """
    num_blocks, num_instruments = problem.counts.shape
    num_more = len(most)
    # every block in exactly one split: its three x sum to 1
    one_split = np.kron(np.eye(num_blocks), np.ones(3))
    unused = np.zeros((num_blocks, num_more))
    every_rule = [LinearConstraint(np.hstack([one_split, unused]), 1, 1)]
    # every instrument at least once in the splits that must have all
    for split in problem.must_cover:
        unused = np.zeros((num_instruments, num_more))
        rows = np.hstack([_weights(problem.counts, split), unused])
        every_rule.append(LinearConstraint(rows, lb=1))
    result = milp(
        costs,
        constraints=[*every_rule, *rules],
        # a split that is not legal for a block has the bounds 0 and 0
        bounds=Bounds(0, np.append(problem.legal.reshape(-1).astype(float), most)),
        integrality=np.append(np.ones(3 * num_blocks), np.full(num_more, whole)),
        # no gap to the bound: the proof that nothing is better
        options={"mip_rel_gap": 0},
    )
    if result.x is None:
        raise ValueError(f"no splits meet the rule ({result.message}); give another test set.")
    return result.x
