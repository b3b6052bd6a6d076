"""Has an interpreter with PyTorch, which this project does without, read PyTorch's files."""

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.imports.tensor_file import read_tensors


def find_torch(python: str, needed_for: Path) -> str:
    """Returns the interpreter that has PyTorch.

    Args:
        python: its path; empty for this one.
        needed_for: a file of PyTorch.

    Raises:
        ValueError: it has no PyTorch, or there is no such interpreter.
    """
    if not python:
        if importlib.util.find_spec("torch") is not None:
            return sys.executable
        raise ValueError(
            f"{needed_for} is read by PyTorch, which this Python does not have; name one that has "
            f"it, as --torch_python=/path/to/python."
        )
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"
    try:
        status = subprocess.run([python, "-I", "-c", code], check=False).returncode
    except OSError as error:
        raise ValueError(
            f"--torch_python={python} cannot be run: {error.strerror}; name an interpreter that "
            f"has PyTorch."
        ) from error
    if status:
        raise ValueError(f"--torch_python={python} has no PyTorch; name one that has it.")
    return python


def read_torch_files(
    python: str, paths: Sequence[Path], expected: str
) -> list[dict[str, NDArray[np.float32]]]:
    """Returns the tensors of each file by their names, as float32.

    Args:
        python: an interpreter that has PyTorch.
        paths: of files that PyTorch wrote.
        expected: says in errors what the files should hold.

    Raises:
        ValueError: one is no file of weights.
    """
    script = Path(__file__).with_name("save_tensors.py")
    with tempfile.TemporaryDirectory() as folder:
        targets = [Path(folder) / f"{number}.safetensors" for number, _ in enumerate(paths)]
        arguments = [python, "-I", str(script)]
        for path, target in zip(paths, targets, strict=True):
            arguments += [str(path.absolute()), str(target)]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
        if done.returncode:
            # Before it PyTorch may have warned of something.
            lines = done.stderr.strip().splitlines() or [f"{python} ended by itself"]
            raise ValueError(f"{lines[-1]}; expected {expected}, a dictionary of tensors.")
        return [read_tensors(target) for target in targets]
