"""Says what is free in splitting URMP: which pieces stay together, and in which splits they may be.

Axes: B blocks of pieces, K instruments, 3 splits.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from configs import instruments
from configs.splits import SPLITS

Matrix = NDArray[np.float64]

# the splits by their numbers
TRAIN, VALID, TEST = range(3)
# of an instrument's pieces, wanted in train, valid and test
SHARES = np.array([0.64, 0.16, 0.20])
# the one piece whose files say something else than its name
_AS_RECORDED = {"15_Surprise_tpt_tpt_tbn": {"tpt"}}


class Problem(NamedTuple):
    """Holds B blocks of pieces that stay together, and the splits that each may belong to."""

    blocks: list[list[str]]
    # (B, 3)
    legal: NDArray[np.bool_]
    # splits that every instrument must play in
    must_cover: tuple[int, ...]

    @property
    def counts(self) -> Matrix:
        """Returns in how many pieces of a block an instrument plays: (B, K)."""
        rows = [
            [sum(instrument in played(piece) for piece in block) for instrument in instruments.URMP]
            for block in self.blocks
        ]
        return np.array(rows, float)

    @property
    def sizes(self) -> Matrix:
        """Returns the number of pieces of each block: (B,)."""
        return np.array([len(block) for block in self.blocks], float)


def played(piece: str) -> set[str]:
    """Returns the instruments of a piece, such as vn and vc of 01_Jupiter_vn_vc."""
    return _AS_RECORDED.get(piece, set(piece.split("_")[2:]))


def _title(piece: str) -> str:
    return piece.split("_")[1]


def free_problem(pieces: Sequence[str]) -> Problem:
    """Returns the problem of placing all pieces, every title whole in one split.

    A title with a piece for a single instrument trains, because it measures nothing.
    """
    titles: dict[str, list[str]] = {}
    for piece in pieces:
        titles.setdefault(_title(piece), []).append(piece)
    blocks = list(titles.values())
    measures = np.array([all(len(played(piece)) > 1 for piece in block) for block in blocks])
    may_train = np.ones_like(measures)
    return Problem(
        blocks=blocks,
        legal=np.stack([may_train, measures, measures], axis=1),
        must_cover=(TRAIN, TEST),
    )


def problem_with_test(pieces: Sequence[str], test: set[str]) -> Problem:
    """Returns the problem of placing all pieces but those of ``test``, which is given.

    Its titles do not validate, and its pieces alone test.
    """
    free = free_problem([piece for piece in pieces if piece not in test])
    titles = {_title(piece) for piece in test}
    legal = free.legal.copy()
    legal[:, TEST] = False
    legal[:, VALID] &= [_title(block[0]) not in titles for block in free.blocks]
    return Problem(
        blocks=[*free.blocks, sorted(test)],
        legal=np.vstack([legal, [False, False, True]]),
        must_cover=(TRAIN,),
    )


def deviation(problem: Problem, chosen: NDArray[np.int64]) -> float:
    """Returns by how many pieces instruments are off their shares.

    It is summed over instruments and splits.

    Args:
        problem: the blocks.
        chosen: the split of each block (B,).
    """
    # (K, B) times (B, 3) -> (K, 3)
    num_pieces = problem.counts.T @ np.eye(3)[chosen]
    wanted = problem.counts.sum(axis=0)[:, None] * SHARES
    return float(np.abs(num_pieces - wanted).sum())


def names_by_split(problem: Problem, chosen: NDArray[np.int64]) -> dict[str, list[str]]:
    """Returns the pieces of each split, from the split of each block (B,)."""
    names: dict[str, list[str]] = {split: [] for split in SPLITS}
    for block, split in zip(problem.blocks, chosen, strict=True):
        names[SPLITS[split]] += block
    return {split: sorted(pieces) for split, pieces in names.items()}
