"""One job per workdir: a lock on a disk, a lease with a heartbeat on a bucket.

The kernel drops a lock when its process ends, however it ends. A bucket has no locks: there a job keeps rewriting
``lease.json``, and whoever finds one watches whether that goes on, by its own clock; no two clocks are compared. What
a killed job leaves behind holds the next one up for less than a minute.
"""

import errno
import fcntl
import json
import math
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import tensorflow as tf

_HEARTBEAT_SECS = 10.0
_LOST_SECS = 30.0  # without a heartbeat: a job gives up before another may take over
_STALE_SECS = 45.0  # without a change: another takes over
_POLL_SECS = 2.0
_SETTLE_SECS = (
    5.0  # more than a rival that found the place free, as we did, needs to write its lease
)
_LEASE_BYTES = 1024  # always: a cached length stays right, and of two leases written at once one covers the other
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)


class Hold:
    """What a job has of its workdir while it works there."""

    @property
    def lost(self) -> bool:
        """Whether another job may work there by now; once true it stays, and nothing more may be written there."""
        return False  # a lock lasts as long as its process


@contextmanager
def held(workdir: str) -> Iterator[Hold]:
    """Keep a workdir, which is made if need be, to this job for as long as the block runs.

    On a bucket this takes some seconds to begin, and most of a minute where a killed job left its lease.

    Raises:
        ValueError: another job works there; the sentence names it.
    """
    tf.io.gfile.makedirs(workdir)
    if "://" not in workdir:
        with Path(workdir, "lock").open(
            "a+", encoding="utf-8"
        ) as file:  # stays: another may be about to lock it
            if _lock(file, workdir):
                yield Hold()
                return
    lease = _Lease(workdir)
    try:
        lease.acquire()
        yield lease
    finally:
        lease.release()


def _lock(file: TextIO, workdir: str) -> bool:
    """Locks a file until it is closed and writes there who did; False where the file system has no locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        raise _refusal(workdir, file.read().strip()) from None
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return False
        raise
    # A forked child shares the lock: it must close its copy, or it keeps the lock where it outlives a killed job.
    os.register_at_fork(after_in_child=file.close)
    file.truncate(0)
    file.write(f"{_this_job()}\n")
    file.flush()
    return True


class _Lease(Hold):
    """A file that its holder keeps rewriting and others watch; of several writers the last one has it."""

    def __init__(self, workdir: str) -> None:
        self._workdir, self._path = workdir, f"{workdir}/lease.json"
        self._token, self._job, self._heartbeats = uuid.uuid4().hex, _this_job(), 0
        self._renewed = -math.inf  # when, by our clock, the lease was last known to be ours
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    @property
    def lost(self) -> bool:
        return time.monotonic() - self._renewed > _LOST_SECS

    def acquire(self) -> None:
        """Takes the lease, from a job that shows no life if need be, and starts the heartbeat."""
        self._wait_until_free()
        self._renewed = time.monotonic()
        self._write()
        time.sleep(_SETTLE_SECS)
        lease = self._read()
        if _field(lease, "token") != self._token:
            raise _refusal(self._workdir, _field(lease, "job"))
        self._thread.start()

    def release(self) -> None:
        """Ends the heartbeat and removes the lease if it is still ours."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(_HEARTBEAT_SECS)
        with suppress(
            tf.errors.OpError
        ):  # a lease that remains goes stale; why the job ended matters more
            if not self.lost and _field(self._read(), "token") == self._token:
                tf.io.gfile.remove(self._path)

    def _wait_until_free(self) -> None:
        found = self._read()
        if found is None:
            return
        job = _field(found, "job") or "another job"
        print(
            f"{self._path} is of {job}: watching for {_STALE_SECS:g} s whether that still works.",
            flush=True,
        )
        deadline = time.monotonic() + _STALE_SECS
        while time.monotonic() < deadline:
            time.sleep(_POLL_SECS)
            lease = self._read()
            if lease is None:
                return
            if lease != found:
                raise _refusal(self._workdir, _field(lease, "job"))
        print(f"{self._path} did not change: taking over from {job}.", flush=True)

    def _keep(self) -> None:
        pause = _HEARTBEAT_SECS
        while not self._ended.wait(pause) and not self.lost:
            began = time.monotonic()
            try:
                if _field(self._read(), "token") not in ("", self._token):
                    self._renewed = -math.inf
                    return
                self._write()
            except tf.errors.OpError as error:
                print(f"{self._path} was not renewed, trying again: {error.message}", flush=True)
                pause = _POLL_SECS  # at the usual pace a single failure would be the last
            else:
                pause = _HEARTBEAT_SECS
                if not self.lost:  # a write that hung for so long may have come after another's
                    self._renewed = began

    def _read(self) -> bytes | None:
        try:
            with tf.io.gfile.GFile(self._path, "rb") as file:
                return file.read(_LEASE_BYTES)
        except tf.errors.NotFoundError:
            return None

    def _write(self) -> None:
        self._heartbeats += 1
        lease = {
            "token": self._token,
            "job": self._job,
            "heartbeats": self._heartbeats,
            "last": _now(),
        }
        with tf.io.gfile.GFile(self._path, "wb") as file:
            file.write(json.dumps(lease).encode().ljust(_LEASE_BYTES))


def _field(lease: bytes | None, name: str) -> str:
    """Of no lease, or one half written (a bucket has none such, a disk may), nothing."""
    try:
        return str(json.loads(lease or b"{}").get(name, ""))
    except (ValueError, AttributeError):
        return ""


def _this_job() -> str:
    return f"process {os.getpid()} on {socket.gethostname()} since {_now()}"


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _refusal(workdir: str, job: str) -> ValueError:
    return ValueError(
        f"expected a --workdir where no other job works, but {workdir} is held by {job or 'a job that just started'}; "
        f"wait for it or end it, or choose another --workdir."
    )
