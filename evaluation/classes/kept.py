"""Keeps the features of files on a disk, so that none is computed twice.

A file is known by its content, not by its name; features by the weights that computed them.
"""

import hashlib
import sys
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from data_prep.storage.files import replacing

# Of what is computed of the same sound by the same weights.
_VERSION = 1


class Heard(NamedTuple):
    """Holds what was heard in a file."""

    # SHA-256 of the file.
    sha256: str
    # Those of all layers of a tagger, averaged over time, (N,).
    layers: NDArray[np.float32]
    # Means and standard deviations, (2 x 20,).
    mfcc: NDArray[np.float32]


def sha256_of(path: Path) -> str:
    """Returns the checksum of a file: of 32 bits those of many clips of one length would agree."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class KeptFeatures:
    """Is a folder of features, a file for each sound."""

    def __init__(self, folder: Path, heard_by: str, num_features: tuple[int, int], required: bool):
        """Finds the part of a folder that is of some weights; it is made when something is kept.

        Args:
            folder: of the features of any weights.
            heard_by: checksum of the weights.
            num_features: of the layers, and of the coefficients.
            required: whether it is an error that nothing can be written there, and not a note.
        """
        self._folder = folder / heard_by[:16]
        self._made_by = f"{_VERSION} {heard_by}"
        self._shapes = [(num,) for num in num_features]
        self._required = required

    def read(self, sha256: str) -> Heard | None:
        """Returns the features of a file; None where there are none, or they are damaged."""
        try:
            with self._path(sha256).open("rb") as opened, np.load(opened) as file:
                heard = Heard(sha256, file["layers"], file["mfcc"])
                made_by = str(file["made by"])
        except (BadZipFile, ValueError, KeyError, OSError, EOFError):
            return None
        features = [heard.layers, heard.mfcc]
        is_whole = [each.shape for each in features] == self._shapes
        is_finite = is_whole and all(np.isfinite(each).all() for each in features)
        return heard if is_finite and made_by == self._made_by else None

    def keep(self, heard: Heard) -> None:
        """Writes the features of a file."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with replacing(self._path(heard.sha256), flush=False) as path, path.open("wb") as file:
                arrays = {"layers": heard.layers, "mfcc": heard.mfcc}
                np.savez(file, **{"made by": np.array(self._made_by)}, **arrays)
        except OSError as error:
            if self._required:
                raise
            print(
                f"note: {self._folder} cannot be written ({error.strerror}); these features will "
                f"be computed again the next time.",
                file=sys.stderr,
                flush=True,
            )

    def _path(self, sha256: str) -> Path:
        return self._folder / f"{sha256}.npz"
