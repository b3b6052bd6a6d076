"""Separation where a system is not Linux: without the modules that Windows lacks."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.project.test_layering import ORDER, ROOT, imports
from tests.support.commands import run_command

BEFORE = ROOT / "tests" / "before" / "files"
# Of the standard library, and on Windows not there.
POSIX = ("fcntl", "grp", "pwd", "resource", "termios")
# A module that is None cannot be imported, by anybody.
WITHOUT_POSIX = f"""
import runpy, sys
sys.modules |= dict.fromkeys({POSIX!r})
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def top_level(path):
    """The modules that a file imports as soon as it is imported itself."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    # Functions are left out, whose imports wait until they are called.
    waiting = list(tree.body)
    found = set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module.split(".")[0])
        elif not isinstance(node, ast.FunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return found


@pytest.mark.parametrize("package", ORDER)
def test_no_module_needs_what_windows_lacks_to_be_imported(package):
    paths = sorted((ROOT / package).rglob("*.py"))
    found = {str(path): top_level(path) & {*POSIX, "msvcrt"} for path in paths}
    assert {path for path, names in found.items() if names} == set()
    # The walk finds what every file imports.
    assert all(top_level(path) <= imports(path) for path in paths)
    assert any(top_level(path) for path in paths)


def test_these_modules_are_asked_for_in_two_places():
    users = {
        str(path.relative_to(ROOT)): imports(path) & {*POSIX, "msvcrt"}
        for package in ORDER
        for path in (ROOT / package).rglob("*.py")
    }
    assert {path: names for path, names in users.items() if names} == {
        "data_prep/storage/file_lock.py": {"fcntl", "msvcrt"},
        "data_prep/runtime/system.py": {"resource"},
    }


PLACES = [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")]


@pytest.mark.parametrize(("system", "machine"), PLACES)
def test_one_lock_gives_both_pythons_the_same_packages(system, machine):
    lines = (ROOT / "requirements" / "cpu-dev.txt").read_text(encoding="utf-8").splitlines()
    # Name, version and marker, without the hashes below it.
    locked = [Requirement(line.removesuffix(" \\")) for line in lines if line[:1].isalnum()]
    found = {}
    for python in ("3.11.2", "3.12.3"):
        here = {
            "python_version": python[:4],
            "python_full_version": python,
            "sys_platform": system,
            "platform_machine": machine,
        }
        found[python] = {str(each) for each in locked if each.marker.evaluate(here)}
    assert found["3.11.2"] == found["3.12.3"]
    names = {each.partition("=")[0] for each in found["3.12.3"]}
    assert {"av", "keras", "numpy", "pytest", "tensorflow-io"} <= names
    assert len({"tensorflow", "tensorflow-cpu"} & names) == 1


@pytest.mark.parametrize("python", [sys.executable, "/no/such/python"])
def test_a_python_that_does_not_fit_is_refused_before_anything_is_made(tmp_path, python):
    """The script is asked for an environment in a place where there can be none."""
    environment = tmp_path / "file" / "environment"
    environment.parent.write_text("")
    done = subprocess.run(
        ["sh", "requirements/make_env.sh", str(environment), "none.txt", python],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode != 0
    refused = f"error: Python 3.11 or 3.12 is needed, and {python} is not there; install one, "
    assert done.stderr.startswith(refused) == (python != sys.executable)


@pytest.mark.slow
def test_separation_works_without_them(tmp_path):
    command = ["evaluation.separate", f"--workdir={BEFORE / 'run'}", "--checkpoint=latest"]
    command += ["--labels=hn,va", "--write=hn,residual", "--format=flac", str(BEFORE / "song.wav")]
    without = tmp_path / "without"
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_POSIX, *command, f"--out={without}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("song.wav: hn, residual -> ")
    assert run_command(*command, f"--out={tmp_path / 'with'}").returncode == 0
    stems = {path.relative_to(without): path.read_bytes() for path in files_in(without)}
    assert {path.name for path in stems} == {"hn.flac", "residual.flac", "separated.json"}
    for path, data in stems.items():
        assert (tmp_path / "with" / path).read_bytes() == data


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
