"""Reads the tensors of files of weights, whatever program wrote them."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from data_prep.runtime.quantities import pluralized
from trainer.imports.tensor_file import Tensors, read_tensors
from trainer.imports.torch_files import find_torch, read_torch_files

_READ_BYTES = 2**20


def read_weights(paths: Sequence[Path], torch_python: str, expected: str) -> list[Tensors]:
    """Returns the tensors of each file: of safetensors, or else of PyTorch.

    Args:
        paths: of the files.
        torch_python: an interpreter that has PyTorch; empty for this one.
        expected: says in errors what the files should hold.

    Raises:
        ValueError: one is no file of weights, or PyTorch is needed and is not there.
    """
    of_torch = [path for path in paths if path.suffix != ".safetensors"]
    by_path: dict[Path, Tensors] = {}
    if of_torch:
        python = find_torch(torch_python, needed_for=of_torch[0])
        print(f"PyTorch of {python} reads {pluralized(len(of_torch), 'file')} ...", flush=True)
        found = read_torch_files(python, of_torch, expected)
        by_path = dict(zip(of_torch, found, strict=True))
    for path in paths:
        if path not in by_path:
            by_path[path] = read_tensors(path)
    return [by_path[path] for path in paths]


def sha256_of(path: Path) -> str:
    """Returns the checksum of the content of a file, hexadecimal."""
    checksum = hashlib.sha256()
    with path.open("rb") as file:
        piece = file.read(_READ_BYTES)
        while piece:
            checksum.update(piece)
            piece = file.read(_READ_BYTES)
    return checksum.hexdigest()
