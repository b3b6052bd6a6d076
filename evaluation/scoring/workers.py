"""Shares work among processes that together take no more memory than they may."""

import functools
import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, nullcontext
from multiprocessing.synchronize import Lock
from types import TracebackType
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from data_prep.runtime import interruption, parallel
from data_prep.runtime.memory import keep_freed_memory
from data_prep.runtime.system import peak_memory

# A worker with its libraries and nothing to do.
_IDLE_BYTES = 150 * 2**20

# Set by ``_begin`` alone, in every process of a pool: a lock reaches a process only when that is
# started, never with an item.
_lock: AbstractContextManager[object] = nullcontext()

Item = TypeVar("Item")
Result = TypeVar("Result")


def memory_lock() -> AbstractContextManager[object]:
    """Returns what a process holds while it takes the memory that is there only once.

    All processes of a pool share one lock; a process that works alone needs none.
    """
    return _lock


class Workers:
    """Holds as many processes as there are cores, or fewer where memory is short.

    One is this process itself. The linear algebra of each has one thread: its matrices are thin, a
    second thread saves 15 % of the time on an idle machine and takes several times as long on a
    busy one.

    The processes are forked from a server that has imported the function that they run and no more,
    above all no TensorFlow, unless the main module of the program imports that.
    """

    def __init__(self, processes: int = 0, memory_bytes: int = 4 * 10**9) -> None:
        """Starts nothing yet.

        Args:
            processes: how many at most, 0 for as many as there are cores.
            memory_bytes: what they may take together with this process.
        """
        self._most = processes or parallel.num_cores()
        self._memory_bytes = memory_bytes
        self._pool: ProcessPoolExecutor | None = None
        self._size = 1

    def fit(self, item_bytes: int, alone_bytes: int = 0) -> int:
        """Lets as many processes run as can work on an item of this size each.

        Args:
            item_bytes: what a process takes for an item.
            alone_bytes: what one process at a time may take beyond, holding ``memory_lock``.

        Returns:
            Their number.
        """
        free = self._memory_bytes - peak_memory() - alone_bytes
        size = max(min(self._most, free // (_IDLE_BYTES + item_bytes)), 1)
        if size != self._size:
            self._stop()
            self._size = size
        return size

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yields the results of all items, in order.

        Args:
            function: of a module, because another process must find it.
            items: what it is called with; only as many are drawn ahead as keep all processes busy.

        Raises:
            ValueError: a process ended before its item was done.
        """
        if self._size == 1:
            keep_freed_memory()
            for item in items:
                yield _call_in_one_thread(function, item)
            return
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(self._submit(function, item))
                if len(waiting) > 2 * self._size:
                    yield parallel.result_of(waiting.popleft())
            while waiting:
                yield parallel.result_of(waiting.popleft())
        except BrokenProcessPool as error:
            self._stop()
            raise ValueError(
                "a process that scored ended unexpectedly, most likely for want of memory; the "
                "same command continues, with --processes=1 in less memory."
            ) from error

    def _submit(self, function: Callable[[Item], Result], item: Item) -> "Future[Result]":
        if self._pool is None:
            lock = multiprocessing.get_context("forkserver").Lock()
            imports = [__name__, function.__module__]
            self._pool = parallel.make_pool(self._size, imports, _begin, [lock])
        return parallel.submit(self._pool, functools.partial(_call_in_one_thread, function), item)

    def _stop(self) -> None:
        pool = self._pool
        self._pool = None
        if pool is not None:
            with interruption.held():
                pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # After an error what is being computed is of no use any more.
        if kind is not None:
            for process in multiprocessing.active_children():
                process.terminate()
        self._stop()


def _begin(lock: Lock) -> None:
    """Begins a process of a pool."""
    global _lock
    _lock = lock
    keep_freed_memory()


def _call_in_one_thread(function: Callable[[Any], Result], item: Any) -> Result:
    # Here and not once for each process: it limits only the libraries that are loaded by now.
    with threadpool_limits(1):
        return function(item)
