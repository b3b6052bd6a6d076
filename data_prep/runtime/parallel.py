"""The same work on many things, in processes that never outlive the one that started them."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext
from typing import TypeVar

from data_prep.runtime import interruption

_LOOK_SECS = 0.2  # that an interruption waits at most

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")


def num_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    function: Callable[[_Job], _Result], jobs: Sequence[_Job], workers: int
) -> Iterator[_Result]:
    """The results of a function on every job, as they come; with one worker, in this process and in order.

    Whoever stops early waits for the jobs at hand, no others are begun.

    Args:
        function: of a module, because another process must find it.
        jobs: what it is called with.
        workers: how many processes.

    Raises:
        ValueError: a process was killed, most often because memory ran out.
    """
    if workers == 1 or len(jobs) == 1:
        yield from map(function, jobs)
        return
    context = multiprocessing.get_context(
        "forkserver"
    )  # forking this process could copy a lock that is held
    context.set_forkserver_preload([function.__module__])  # imported once, not by every worker
    _start_fork_server(context)
    pool = ProcessPoolExecutor(min(workers, len(jobs)), context, _prepare_worker)
    try:
        with interruption.held():
            waiting = {pool.submit(function, job) for job in jobs}
        while waiting:
            with interruption.held():
                done, waiting = futures.wait(waiting, _LOOK_SECS, FIRST_COMPLETED)
                results = [future.result() for future in done]
            yield from results
    except BrokenProcessPool as error:
        raise ValueError(
            f"one of {workers} worker processes was killed; if memory ran out, use fewer with --workers."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def result_of(future: Future[_Result]) -> _Result:
    """The result of a future. An interruption while that takes is told of between two looks at it."""
    while True:
        with interruption.held():
            if futures.wait([future], _LOOK_SECS).done:
                return future.result()


@contextmanager
def unheard_interruptions() -> Iterator[None]:
    """Processes started meanwhile never hear of Ctrl-C: the one that starts them decides what that means."""
    resource_tracker.ensure_running()  # else starting a process starts it, which would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_fork_server(context: ForkServerContext) -> None:
    """Starts the process that workers are forked from, where it does not run yet, and waits for its imports."""
    with unheard_interruptions():
        forkserver.ensure_running()
    # Were an interruption to come while the pool waits, a worker would start when the pool was gone, and complain.
    nobody = context.Process()
    nobody.start()
    nobody.join()


def _prepare_worker() -> None:
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
