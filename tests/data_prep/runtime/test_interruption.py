"""What an interruption means while a command imports, and while it shares locks."""

import signal
import threading

import pytest

from data_prep.runtime import interruption


@pytest.fixture(autouse=True)
def _interruptible():
    """A background job of a shell ignores Ctrl-C; not here. Whatever a test sets is undone."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
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
