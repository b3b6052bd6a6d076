"""Weights that the package BS-RoFormer itself saved, read by PyTorch; some at the published sizes.

They need an interpreter with PyTorch and BS-RoFormer 0.3.10, and for some the wheel of 0.4.1,
unpacked: make test-extras TORCH_PYTHON=/path/to/python BS_ROFORMER_4=/path/to/folder.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.commands import run_command
from tests.trainer.imports.roformer_reference import (
    largest_difference,
    largest_difference_on_jax,
    network_of_run,
    ratio_db,
)

PYTHON = os.environ.get("TORCH_PYTHON", "")
LATER = os.environ.get("BS_ROFORMER_4", "")
pytestmark = [
    pytest.mark.extras,
    pytest.mark.skipif(not PYTHON, reason="no TORCH_PYTHON, which has torch and bs_roformer"),
]
MAKE = Path(__file__).with_name("make_roformer.py")
SPOIL = """
import sys, torch
path, what = sys.argv[1:]
state = torch.load(path, weights_only=True)
if what == "code":
    state["run"] = print
elif what == "list":
    state = list(state.values())
elif what == "nested":
    state = {"epoch": 3, "model_state_dict": state, "optimizer_state_dict": {}}
elif what == "half":
    state = {name: value.to(torch.bfloat16) for name, value in state.items()}
torch.save(state, path)
"""


def make(folder, case, package=""):
    subprocess.run([PYTHON, MAKE, folder, case, "ckpt", *filter(None, [package])], check=True)
    return folder


def import_files(folder, workdir):
    return run_command(
        "trainer.import_roformer",
        f"--weights={folder}/model.ckpt",
        f"--config={folder}/model.yaml",
        f"--workdir={workdir}",
        f"--torch_python={PYTHON}",
    )


def imported(folder, workdir):
    done = import_files(folder, workdir)
    assert done.returncode == 0, done.stderr
    return network_of_run(workdir)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make(tmp_path_factory.mktemp("tiny"), "tiny_bs")


@pytest.fixture
def files(tiny, tmp_path):
    """Files of a small network, to be spoilt."""
    return Path(shutil.copytree(tiny, tmp_path / "files"))


def spoil(folder, what):
    subprocess.run([PYTHON, "-c", SPOIL, folder / "model.ckpt", what], check=True)


@pytest.mark.parametrize(
    "case",
    [
        "bs_mono",
        "bs_two",
        "bs_normalised",
        "mel_mono",
        "mel_stereo",
        "mel_linear",
        "mel_no_linear",
        "bs_published",
        "mel_published",
    ],
)
def test_estimates_agree(tmp_path, case):
    package = ""
    if "linear" in case:
        package = LATER
        if not LATER:
            pytest.skip("no BS_ROFORMER_4, a folder with BS-RoFormer 0.4.1")
    folder = make(tmp_path / "files", case, package)
    network = imported(folder, tmp_path / "run")
    difference = largest_difference(network, folder)
    on_jax = largest_difference_on_jax(network, tmp_path / "run", folder)
    print(f"{case}: largest difference {difference:.2g} of the largest sample, JAX {on_jax:.2g}")
    assert difference < 1e-5
    assert on_jax < 1e-5
    if "published" in case:
        rough = network_of_run(tmp_path / "run", "train.compute_dtype=bfloat16")
        ratio = ratio_db(rough, folder)
        print(f"{case}: in bfloat16 {ratio:.1f} dB above the difference")
        assert ratio > 40
    # What the tests before and after this one leave should not add up.
    shutil.rmtree(tmp_path)


def test_weights_among_what_training_saves_are_found(files, tmp_path):
    spoil(files, "nested")
    assert largest_difference(imported(files, tmp_path / "run"), files) < 1e-5


def test_weights_of_half_precision_are_taken(files, tmp_path):
    spoil(files, "half")
    difference = largest_difference(imported(files, tmp_path / "run"), files)
    assert 1e-5 < difference < 0.1


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("code", "cannot be read by PyTorch"),
        ("list", "holds a list; expected tensors by their names."),
        ("truncated", "cannot be read by PyTorch"),
        ("text", "cannot be read by PyTorch"),
    ],
)
def test_a_file_that_holds_no_weights_is_one_sentence(files, tmp_path, what, sentence):
    path = files / "model.ckpt"
    if what == "truncated":
        path.write_bytes(path.read_bytes()[:-5000])
    elif what == "text":
        path.write_text("version https://git-lfs.github.com/spec/v1\n")
    else:
        spoil(files, what)
    done = import_files(files, tmp_path / "run")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert sentence in line
    assert "expected weights of a BS-RoFormer" in line
    assert not (tmp_path / "run").exists()
