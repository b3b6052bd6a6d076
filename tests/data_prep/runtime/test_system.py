"""What the system says of processes and memory."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

from data_prep.runtime import system

ROOT = Path(__file__).parents[3]


def test_a_process_lives_until_it_is_waited_for():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert system.is_running(process.pid)
        process.communicate(b"\n")
    assert not system.is_running(process.pid)
    assert system.is_running(os.getpid())
    # Of the system, which we may not signal unless we are root.
    assert system.is_running(1)


def test_the_peak_is_in_bytes_and_stays():
    code = (
        "from data_prep.runtime.system import peak_memory; before = peak_memory(); "
        "block = bytearray(b'x' * 2**26) ; grown = peak_memory(); del block; "
        "print(before, grown, peak_memory())"
    )
    # By a shell: Linux counts what the process had that started this one, which is large here.
    call = ["sh", "-c", '"$0" -c "$1"; exit $?', sys.executable, code]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True)
    before, grown, after = map(int, done.stdout.split())
    # The bytes and their copy, which is in a unit of neither 1 / 1024 nor 1024 of that.
    assert 2**26 < grown - before < 2**29
    assert after >= grown
    assert before < system.machine_memory()


def test_the_structure_is_as_large_as_windows_says():
    """MEMORYSTATUSEX: two numbers of 4 bytes, seven of 8."""
    assert ctypes.sizeof(system._MemoryStatus) == 64


def test_what_does_not_run_there_says_what_to_do():
    assert str(system.not_on_windows("training")) == (
        "training does not run on Windows itself; give the same command in WSL, the Linux within "
        "Windows."
    )


def test_a_process_that_is_limited_takes_no_more_memory_and_writes_nothing(tmp_path):
    lines = [
        "import sys",
        "from data_prep.runtime.system import limit_process",
        "limit_process(2**31, 60)",
        "from pathlib import Path",
        "file = Path(sys.argv[1])",
        "for work in (lambda: bytearray(3 * 2**30), lambda: file.write_text('a')):",
        "    try: work()",
        "    except (MemoryError, OSError) as error: print(type(error).__name__, error)",
    ]
    command = [sys.executable, "-c", "\n".join(lines), str(tmp_path / "a")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "MemoryError" in said
    assert "File too large" in said
