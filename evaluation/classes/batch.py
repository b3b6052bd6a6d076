"""Hears many files, one after the other; what is wrong with one is no harm to the others."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from evaluation.classes.hearing import Ear
from evaluation.classes.kept import Heard
from evaluation.estimates.bars import make_counter


class Batch:
    """Is the files of a command, of which some may be refused.

    Attributes:
        refusals: why files were left out, a sentence each.
    """

    def __init__(self, ear: Ear, paths: Sequence[Path]) -> None:
        self._ear = ear
        self._paths = paths
        self.refusals: list[str] = []

    def iter_heard(self) -> Iterator[tuple[int, Heard]]:
        """Yields the number of each file that could be heard, with what was heard in it.

        Why another could not is printed at once.
        """
        with make_counter("features", len(self._paths), "file") as bar:
            for number, path in enumerate(self._paths):
                try:
                    heard = self._ear.hear(path)
                except (ValueError, OSError) as error:
                    self._refuse(path, error)
                    continue
                finally:
                    bar.update(1)
                yield number, heard

    def require_all(self) -> None:
        """Raises a ``ValueError`` that lists the files that were left out, if there are any."""
        if not self.refusals:
            return
        of_all = ""
        if len(self._paths) > 1:
            of_all = f"{len(self.refusals)} of {len(self._paths)} files were left out: "
        raise ValueError(of_all + " ".join(self.refusals))

    def _refuse(self, path: Path, error: ValueError | OSError) -> None:
        sentence = str(error)
        if isinstance(error, OSError):
            sentence = f"{path}: {error.strerror}."
        elif str(path) not in sentence:
            sentence = f"{path}: {error}"
        self.refusals.append(sentence)
        print(f"left out: {sentence}", file=sys.stderr, flush=True)
