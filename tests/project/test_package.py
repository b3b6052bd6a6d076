"""The project as a package: it installs elsewhere, with its data files, and every command explains itself."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from data_prep.runtime import interruption

ROOT = Path(__file__).parents[2]
COMMANDS = [
    "data_prep.show",
    "data_prep.solve_splits",
    "data_prep.synthetic",
    "data_prep.verify",
    "data_prep.write",
    "trainer.benchmark",
    "trainer.preflight",
    "trainer.task",
    "evaluation.evaluate",
    "evaluation.separate",
    "evaluation.smoke",
]


def run(*arguments, **options):
    return subprocess.run(arguments, capture_output=True, text=True, check=False, **options)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_holds_an_example(command):
    result = run(sys.executable, "-m", command, "--help", cwd=ROOT)
    assert result.returncode == 0, result.stderr
    assert f"python -m {command} --" in result.stdout


def test_every_command_ends_through_the_same_wrapper():
    for command in COMMANDS:
        text = (ROOT / command.replace(".", "/")).with_suffix(".py").read_text(encoding="utf-8")
        assert text.endswith(
            ("    command.run(main)\n", "    command.run(main, takes_files=True)\n")
        )


@pytest.mark.parametrize("command", ["data_prep.synthetic", "trainer.task"])
def test_an_unknown_flag_is_one_sentence(command):
    result = run(sys.executable, "-m", command, "--nonsense=1", cwd=ROOT)
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "command", ["data_prep.show", "trainer.task", "evaluation.separate", "evaluation.evaluate"]
)
def test_an_interruption_while_tensorflow_is_imported_is_one_sentence(command):
    process = subprocess.Popen(
        [
            sys.executable,
            "-X",
            "importtime",
            "-m",
            command,
            "--workdir=none",
        ],  # on stderr a line for each module
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.SIG_DFL
        ),  # where the tests run in the background
    )
    with process:
        for line in process.stderr:
            if " tensorflow." in line:
                break
        process.send_signal(signal.SIGINT)
        lines = [line for line in process.stderr if not line.startswith("import time:")]
    assert (process.returncode, lines) == (75, ["interrupted; the same command continues.\n"])


def test_an_import_leaves_interruptions_to_the_program_that_imports(tmp_path):
    """Which may be a command itself, of a package that imports ours as a whole."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "__init__.py").write_text("import data_prep, trainer, evaluation")
    (tmp_path / "other" / "tool.py").write_text(
        "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)\n"
        "print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)"
    )
    call = [sys.executable, "-m", "other.tool", "trainer"]
    default = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    result = run(
        *call, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, preexec_fn=default
    )
    assert result.stdout == "True\nTrue\n", result.stderr


def test_a_missing_flag_is_named():
    result = run(sys.executable, "-m", "data_prep.show", cwd=ROOT)
    assert (result.returncode, result.stderr) == (
        1,
        "error: --records is missing. (--help lists the flags)\n",
    )


@pytest.mark.slow
def test_the_wheel_holds_every_module_and_data_file(tmp_path):
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    assert run(*build, f"--wheel-dir={tmp_path}", str(ROOT)).returncode == 0
    (wheel,) = tmp_path.glob("*.whl")
    target = tmp_path / "site"
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        f"--target={target}",
        str(wheel),
    ]
    assert run(*install).returncode == 0
    tracked = run(
        "git", "ls-files", "configs", "data_prep", "trainer", "evaluation", cwd=ROOT
    ).stdout.split()
    assert [name for name in tracked if not (target / name).is_file()] == []


@pytest.fixture
def interruptible():
    """A background job of a shell ignores Ctrl-C; not here."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_what_shares_locks_is_interrupted_at_its_end():
    within = []
    with pytest.raises(KeyboardInterrupt), interruption.held():
        signal.raise_signal(signal.SIGINT)
        within.append("the lock is given back")
    assert within
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
