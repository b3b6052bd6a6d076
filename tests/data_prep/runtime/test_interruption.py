"""What an interruption means while a command imports, and while it shares locks."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref

import pytest

from data_prep.runtime import interruption


@pytest.fixture(autouse=True)
def _interruptible():
    """A background job of a shell ignores Ctrl-C; not here. Whatever a test sets is undone."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    before = {number: signal.getsignal(number) for number in numbers}
    hook = sys.unraisablehook
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    sys.unraisablehook = hook
    for number, handler in before.items():
        signal.signal(number, handler)


def handlers():
    return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


def test_what_shares_locks_is_interrupted_at_its_end():
    within = []
    with pytest.raises(KeyboardInterrupt), interruption.held():
        signal.raise_signal(signal.SIGINT)
        within.append("the lock is given back")
    assert within
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_imports_change_nothing_where_no_command_runs():
    before = handlers()
    with interruption.importing():
        assert handlers() == before
    assert handlers() == before


def test_imports_of_a_command_are_not_interrupted_by_an_exception():
    interruption.catch()
    before = handlers()
    with interruption.importing():
        assert not set(handlers()) & set(before)
    assert handlers() == before


def test_imports_of_a_command_leave_ignored_interruptions_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interruption.catch()
    with interruption.importing():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_thread_of_a_command_imports_without_handlers():
    interruption.catch()
    before = handlers()
    thread = threading.Thread(target=interruption.import_first, args=(["json"],))
    thread.start()
    thread.join()
    assert handlers() == before


class Destroyed:
    """Interrupts the command when it is destroyed, where Python drops exceptions."""

    def __init__(self, number):
        self.number = number

    def __del__(self):
        signal.raise_signal(self.number)


def destroy(number):
    Destroyed(number)


def collect(number):
    """Interrupts in a callback of the garbage collector, as JAX and TensorFlow have one."""

    def callback(phase, _):
        if phase == "start":
            signal.raise_signal(number)

    gc.callbacks.append(callback)
    try:
        gc.collect()
    finally:
        gc.callbacks.remove(callback)


def forget(number):
    """Interrupts in the callback of a weak reference."""
    thing = Destroyed(signal.SIGCONT)
    reference = weakref.ref(thing, lambda _: signal.raise_signal(number))
    del thing
    assert reference() is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("interrupt", [destroy, collect, forget])
def test_an_interruption_that_python_drops_comes_again(number, interrupt, capfd):
    interruption.catch()
    interrupt(number)
    with pytest.raises(KeyboardInterrupt):
        time.sleep(5)
    assert interruption.came()
    assert capfd.readouterr() == ("", "")


def test_other_exceptions_that_python_drops_are_told_as_before():
    told = []
    sys.unraisablehook = told.append
    interruption.catch()

    class Broken:
        def __del__(self):
            raise OSError("broken")

    Broken()
    assert [lost.exc_type for lost in told] == [OSError]


# A command that tells where it is and ends slowly.
COMMAND = """
import sys, time
from data_prep.runtime import command

def main(_):
    try:
        print("working", flush=True)
        time.sleep(20)
    finally:
        print("ending", flush=True)
        {ending}

command.run(main)
"""
ENDINGS = {
    "at_work": "pass",
    "in_a_cleanup": "time.sleep(20)",
    "in_another_exception": "raise ValueError('of the cleanup')",
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS.keys())
@pytest.mark.parametrize("numbers", [("SIGINT", "SIGINT"), ("SIGTERM", "SIGINT")])
def test_two_signals_end_a_command_with_its_status(numbers, ending):
    """Whenever the second one comes, from while the first is handled to the end of Python."""
    first, second = (getattr(signal, name) for name in numbers)
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND.format(ending=ending)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests run in the background it is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        assert process.stdout.readline() == "working\n"
        process.send_signal(first)
        assert process.stdout.readline() == "ending\n"
        # Many, so that one falls on each moment of the end.
        while process.poll() is None:
            os.kill(process.pid, second)
            time.sleep(0.0005)
        said = process.stderr.read()
    assert process.returncode == 75, said
    assert set(said.splitlines()) == {interruption.SENTENCE}
