"""What is said where processes die."""

import os
import signal
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver

import pytest

from data_prep.runtime import parallel

KILLED = r"one of 2 worker processes was killed; if memory ran out, use fewer with --workers"


def die(_):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    "error", [EOFError("unexpected EOF"), ConnectionResetError(), BrokenPipeError()]
)
def test_a_server_of_processes_that_has_died_is_told_of_as_a_process_is(error):
    with pytest.raises(BrokenProcessPool), parallel._starting():
        raise error
    with pytest.raises(OSError, match="no room"), parallel._starting():
        raise OSError("no room")


def test_a_killed_process_is_one_sentence():
    with pytest.raises(ValueError, match=KILLED):
        list(parallel.run(die, [1, 2, 3], 2))


def wait_for_server():
    number = forkserver._forkserver._forkserver_pid
    # It is the server's own module that asks for its status.
    os.waitid(os.P_PID, number, os.WEXITED | os.WNOWAIT)


def end_server():
    """Kills the server of processes, as the kernel does where memory runs out."""
    forkserver.ensure_running()
    os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)
    wait_for_server()


def test_a_server_that_dies_is_one_sentence_and_started_anew(tmp_path, monkeypatch):
    (tmp_path / "dies_at_import.py").write_text("import os\n\nos._exit(1)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    end_server()
    with pytest.raises(ValueError, match=KILLED):
        list(parallel.run(abs, [-1, -2], 2, imports=["dies_at_import"]))
    wait_for_server()
    assert sorted(parallel.run(abs, [-1, -2], 2)) == [1, 2]
    end_server()
    assert sorted(parallel.run(abs, [-1, -2], 2)) == [1, 2]
