"""Weights that Open-Unmix's own package saved, read by PyTorch, at the published sizes.

They need an interpreter with both: make test-extras TORCH_PYTHON=/path/to/python.
"""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.support.commands import run_command
from tests.trainer.imports.reference import largest_difference

PYTHON = os.environ.get("TORCH_PYTHON", "")
pytestmark = [
    pytest.mark.extras,
    pytest.mark.skipif(not PYTHON, reason="no TORCH_PYTHON, which has torch and openunmix"),
]
MAKE = Path(__file__).with_name("make_reference.py")
SPOIL = """
import sys, torch
torch.save({"vocals": print} if sys.argv[2] == "code" else [torch.zeros(3)], sys.argv[1])
"""


def import_weights(folder, workdir):
    return run_command(
        "trainer.import_openunmix",
        f"--weights={folder}",
        f"--workdir={workdir}",
        f"--torch_python={PYTHON}",
    )


def test_ten_seconds_of_the_published_sizes_agree(tmp_path):
    weights = tmp_path / "weights"
    subprocess.run([PYTHON, MAKE, weights, "published", "pth"], check=True)
    done = import_weights(weights, tmp_path / "run")
    assert done.returncode == 0, done.stderr
    expected = dict(np.load(weights / "expected.npz"))
    difference = largest_difference(tmp_path / "run", expected, num_left_out=4096)
    print(f"largest difference: {difference:.2g}")
    assert difference < 1e-4


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("code", "cannot be read by PyTorch"),
        ("list", "holds a list; expected tensors by their names."),
        ("text", "cannot be read by PyTorch"),
    ],
)
def test_a_file_that_holds_no_weights_is_one_sentence(tmp_path, what, sentence):
    path = tmp_path / "vocals.pth"
    if what == "text":
        path.write_text("version https://git-lfs.github.com/spec/v1\n")
    else:
        subprocess.run([PYTHON, "-c", SPOIL, path, what], check=True)
    done = import_weights(tmp_path, tmp_path / "run")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert sentence in line
    assert not (tmp_path / "run").exists()
