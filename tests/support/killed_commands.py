"""Runs commands of the project that are killed just before a chosen change of a folder.

A change is a rename, an unlink, a removed folder or an fsync, of the command or of a process that it
started, whether Python made it or TensorFlow: ``kills.c`` counts them. A server imports what takes
long once, and forks for each run.
"""

import importlib
import json
import os
import runpy
import shlex
import signal
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

LIBRARY = Path(__file__).with_name("kills.c")
# The longest run of a command here, many times over.
LONGEST_SECS = 300
# As struct state of kills.c.
COUNTS = struct.Struct("=ii4096s")


@dataclass(frozen=True)
class Outcome:
    """Tells how a run ended: its exit status (below zero: the signal), how many changes it made,
    before which one it was killed, and what it printed.
    """

    status: int
    num_changes: int
    change: str
    output: str


class KilledCommands:
    """Serves runs of commands; ``imports`` are modules that they need."""

    def __init__(self, scratch, folder, imports):
        scratch.mkdir(parents=True, exist_ok=True)
        library = scratch / "kills.so"
        compiler = ["gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(LIBRARY), "-ldl"]
        subprocess.run(compiler, check=True)
        self.state = scratch / "state"
        self.state.write_bytes(COUNTS.pack(0, 0, b""))
        variables = {
            # The current folder is another one.
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "LD_PRELOAD": str(library),
            "KILLS_STATE": str(self.state),
            "KILLS_FOLDER": str(folder),
        }
        self.output = scratch / "output.txt"
        self.server = subprocess.Popen(
            [sys.executable, "-m", "tests.support.killed_commands", self.output, *imports],
            env={**os.environ, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stdin.close()
        self.server.wait()

    def run(self, command, moment=0):
        """Runs ``MODULE ARGUMENTS``, killed before its change of that number, from 1; 0 for never."""
        self.state.write_bytes(COUNTS.pack(0, moment, b""))
        self.server.stdin.write(json.dumps(shlex.split(command)) + "\n")
        self.server.stdin.flush()
        status = int(self.server.stdout.readline())
        count, _, change = COUNTS.unpack(self.state.read_bytes())
        output = self.output.read_text(encoding="utf-8", errors="replace")
        return Outcome(status, count, change.split(b"\0")[0].decode(), output)


def serve(output, *imports):
    """Forks a process for each line of the standard input, and answers with how it ended."""
    for name in imports:
        importlib.import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _become(json.loads(line), output)
        print(_status_of(child), flush=True)


def _status_of(child):
    """Waits for a process, and for all that it has started."""
    deadline = time.monotonic() + LONGEST_SECS
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        time.sleep(0.01)
    else:
        os.killpg(child, signal.SIGKILL)
        raise TimeoutError("a command does not end")
    return os.waitstatus_to_exitcode(status)


def _become(arguments, output):
    # A group of its own, so that it is killed with its workers and nothing else is.
    os.setsid()
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, file), (2, file)):
        os.dup2(source, target)
    sys.argv = arguments
    status = 1
    try:
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = end.code or 0
    finally:
        sys.stdout.flush()
        # Nothing of the server's ends with its child.
        os._exit(status)


if __name__ == "__main__":
    serve(*sys.argv[1:])
