"""Processes that share work without exceeding the memory that all of them may take together."""

import functools
import multiprocessing
import os
import resource
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.synchronize import Lock
from types import TracebackType
from typing import TypeVar

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from data_prep.runtime.interruption import held
from data_prep.runtime.parallel import num_cores, result_of, unheard_interruptions
from evaluation.metrics import least_squares

_IDLE_BYTES = 150 * 2**20  # a worker with its libraries and nothing to do
_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024  # the unit of ru_maxrss

Task = TypeVar("Task")
Result = TypeVar("Result")


class Workers:
    """As many processes as there are cores, or fewer where memory is short; one is this process itself.

    The linear algebra of each has one thread: its matrices are thin, a second thread saves 15 % of the time on an idle
    machine and takes several times as long on a busy one.

    The processes are started anew and import the function that they run and no more, above all no TensorFlow, unless
    the main module of the program does.
    """

    def __init__(self, processes: int = 0, memory_bytes: int = 4 * 10**9) -> None:
        """``processes`` at most, 0 for as many as there are cores, in ``memory_bytes`` together with this one."""
        self._most, self._memory_bytes = processes or num_cores(), memory_bytes
        self._pool: ProcessPoolExecutor | None = None
        self._size = 1

    def fit(self, task_bytes: int, alone_bytes: int = 0) -> int:
        """Let as many processes run as can work on a task of this size each; returns their number.

        Args:
            task_bytes: what a task takes.
            alone_bytes: what one process at a time may take beyond, inside ``least_squares.alone``.
        """
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_BYTES
        size = max(
            min(
                self._most, (self._memory_bytes - used - alone_bytes) // (_IDLE_BYTES + task_bytes)
            ),
            1,
        )
        if size != self._size:
            self._stop()
            self._size = size
        return size

    def map(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
        """The results of all tasks, in order.

        Raises:
            ValueError: a process ended before its task was done.
        """
        if self._size == 1:
            for task in tasks:
                with threadpool_limits(1):
                    result = function(task)
                yield result
            return
        waiting: deque[Future[Result]] = deque()
        try:
            for task in tasks:
                waiting.append(self._submit(functools.partial(function, task)))
                if len(waiting) > 2 * self._size:
                    yield result_of(waiting.popleft())
            while waiting:
                yield result_of(waiting.popleft())
        except BrokenProcessPool as error:
            self._stop()
            raise ValueError(
                "a process that scored ended unexpectedly, most likely for want of memory; the same command "
                "continues, with --processes=1 in less memory."
            ) from error

    def _submit(self, call: Callable[[], Result]) -> "Future[Result]":
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._size, context, _begin, (context.Lock(),))
        with held(), unheard_interruptions():  # a submission starts a process where none is free
            return self._pool.submit(call)

    def _stop(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            with held():
                pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:  # what is being computed is of no use any more
            for process in multiprocessing.active_children():
                process.terminate()
        self._stop()


def _begin(lock: Lock) -> None:
    """A worker has one thread of linear algebra, shares a lock with the others, and ends with who started it."""
    threadpool_limits(1)
    least_squares.alone = lock
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
