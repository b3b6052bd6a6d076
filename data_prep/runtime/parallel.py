"""Does the same work on many things, in processes that never outlive the one that started them.

``run`` is all that most callers need. ``make_pool``, ``result_of`` and ``num_cores`` serve those
who hand out work in another way.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from data_prep.runtime import interruption
from data_prep.runtime.system import not_on_windows

# That an interruption waits at most.
_LOOK_SECS = 0.2

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def num_cores() -> int:
    """Returns how many cores this process may use."""
    # The process may be kept to some of the machine's; macOS does not say.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run(
    function: Callable[[_Item], _Result],
    items: Sequence[_Item],
    workers: int,
    imports: Sequence[str] = (),
) -> Iterator[_Result]:
    """Yields the results of a function on every item, as they come.

    With one worker they are computed in this process and in order. Whoever stops early waits for
    what is being computed; nothing else is begun.

    Args:
        function: of a module, because another process must find it.
        items: what it is called with.
        workers: how many processes.
        imports: slow modules that the function imports when it is called; imported once, before.

    Raises:
        ValueError: a process was killed or could not be started, most often because memory ran out.
    """
    if workers == 1 or len(items) == 1:
        interruption.import_first(imports)
        yield from map(function, items)
        return
    try:
        pool = make_pool(min(workers, len(items)), [function.__module__, *imports])
        try:
            waiting = {submit(pool, function, item) for item in items}
            while waiting:
                with interruption.held():
                    done, waiting = futures.wait(waiting, _LOOK_SECS, FIRST_COMPLETED)
                    results = [future.result() for future in done]
                yield from results
        finally:
            pool.shutdown(cancel_futures=True)
    except BrokenProcessPool as error:
        raise ValueError(
            f"one of {workers} worker processes was killed; if memory ran out, "
            f"use fewer with --workers."
        ) from error


def make_pool(
    size: int,
    imports: Sequence[str],
    begin: Callable[..., None] | None = None,
    arguments: Sequence[Any] = (),
) -> ProcessPoolExecutor:
    """Returns a pool of processes, each forked from a server that has done nothing but import.

    They never hear of Ctrl-C, which the process that starts them handles, and end when it does.
    Hand out work with ``submit`` and wait with ``result_of``: both share locks with the thread that
    runs the pool.

    Args:
        size: how many processes there are at most.
        imports: the modules that the server imports. It is started by the first pool of this
            process; later ones find it as it is, and their processes import what it lacks.
        begin: is called once in every process, with ``arguments``.
        arguments: may hold locks of ``multiprocessing.get_context("forkserver")``.

    Raises:
        BrokenProcessPool: no process can be started.
        ValueError: this is Windows, which cannot fork.
    """
    if sys.platform == "win32":
        raise not_on_windows("work in several processes")
    # Windows has no such module.
    from multiprocessing import forkserver

    # Forking this process instead could copy a lock that is held.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(imports))
    with unheard_interruptions():
        forkserver.ensure_running()
    # The first process ends once the server has imported everything. Were an interruption to come
    # while the pool itself waits for that, a worker would start when the pool was gone, and
    # complain.
    first = context.Process()
    _start_whole(first)
    first.join()
    return ProcessPoolExecutor(size, context, _begin_worker, (begin, *arguments))


def submit(
    pool: ProcessPoolExecutor, function: Callable[[_Item], _Result], item: _Item
) -> Future[_Result]:
    """Hands an item to a pool, where its result will be that of a function of a module.

    Raises:
        BrokenProcessPool: no process can be started for it.
    """
    with interruption.held(), _starting():
        return pool.submit(function, item)


def result_of(future: Future[_Result]) -> _Result:
    """Returns the result of a future; an interruption is told of between two looks at it."""
    while True:
        with interruption.held():
            if futures.wait([future], _LOOK_SECS).done:
                return future.result()


@contextmanager
def unheard_interruptions() -> Iterator[None]:
    """Blocks Ctrl-C in the processes that are started meanwhile, and in those that they start."""
    if sys.platform == "win32":
        yield
        return
    from multiprocessing import resource_tracker

    # Else starting a process starts the tracker, too, which would unblock the signal.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_whole(process: BaseProcess) -> None:
    """Starts a process in a thread, where no interruption comes half-way.

    The process would not be told all that it has to do, and complain. It starts once the server has
    imported everything; an interruption does not wait for that.
    """
    failures = []

    def start() -> None:
        try:
            with _starting():
                process.start()
        except BrokenProcessPool as error:
            failures.append(error)

    thread = threading.Thread(target=start, daemon=True)
    thread.start()
    thread.join()
    for failure in failures:
        raise failure


@contextmanager
def _starting() -> Iterator[None]:
    """Tells that the server of processes has died as a pool tells of a process that has."""
    try:
        yield
    except (EOFError, ConnectionError) as error:
        raise BrokenProcessPool("no process could be started") from error


def _begin_worker(begin: Callable[..., None] | None, *arguments: Any) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if begin is not None:
        begin(*arguments)


def _end_with_parent() -> None:
    """Ends this process once its parent has ended: it would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
