"""Keeps a folder to one job by a lease, a file with a heartbeat: where there are no locks.

A job creates ``lease.json`` under the condition that there is none, and keeps replacing it under
the condition that it still is the one that the job wrote. Of several jobs that want it, the bucket
lets one succeed. Whoever finds a lease watches whether it goes on changing, by its own clock; no
two clocks are compared. What a killed job leaves holds the next one up for less than a minute.
"""

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

from configs.reading import parse_object
from data_prep.storage import Folder, VersionedText, is_bucket, open_folder

_HEARTBEAT_SECS = 10.0
# Without a heartbeat a job gives up, before another may take over.
_LOST_SECS = 30.0
# Without a change another takes over.
_STALE_SECS = 45.0
_POLL_SECS = 2.0
# For how long one request is tried again: in less than a job gives up.
_PATIENCE_SECS = 10.0
# Longer than a lease on a disk is away while its holder replaces it.
_GAP_SECS = 0.05

_LEASE = "lease.json"


class Hold:
    """Is what a job has of its folder while it works there."""

    @property
    def lost(self) -> bool:
        """Returns whether another job may work there by now; then nothing more may be written.

        Once true it stays true.
        """
        # A lock lasts as long as its process.
        return False

    def require(self) -> None:
        """Raises a ``ValueError`` where another job may work in the folder by now."""
        if self.lost:
            raise ValueError(
                "this job could not show for a while that it is alive, and another may have taken "
                "its folder over; give the same command again."
            )


@contextmanager
def leased(place: str, folder: str, flag: str) -> Iterator[Hold]:
    """Keeps a folder, for as long as the block runs, by a lease that lies in ``place``."""
    lease = _Lease(open_folder(place, patience_secs=_PATIENCE_SECS), folder, flag)
    try:
        lease.acquire()
        yield lease
    finally:
        lease.release()


class _Lease(Hold):
    """Is a file that its holder keeps replacing while others watch."""

    def __init__(self, place: Folder, folder: str, flag: str) -> None:
        self._folder = place
        # What a refusal names.
        self._kept = (folder, flag)
        self._path = f"{place.url}/{_LEASE}"
        self._token = uuid.uuid4().hex
        self._job = this_job()
        self._num_heartbeats = 0
        # What the folder calls the lease that we wrote last.
        self._version: str | None = None
        # When, by our clock, the lease was last known to be ours.
        self._renewed = -math.inf
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    @property
    def lost(self) -> bool:
        return time.monotonic() - self._renewed > _LOST_SECS

    def acquire(self) -> None:
        """Takes the lease, from a job that shows no life if need be, and starts the heartbeat.

        Raises:
            ValueError: another job holds it, or was faster.
        """
        self._version = self._wait_until_free()
        # From before the request on: when it took effect is not known.
        began = time.monotonic()
        if not self._replace():
            raise refusal(*self._kept, _field(self._read(), "job"))
        self._renewed = began
        self._thread.start()

    def release(self) -> None:
        """Ends the heartbeat and removes the lease if it is still ours."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE_SECS)
        # A lease that remains goes stale; why the job ended matters more.
        with suppress(ValueError, OSError):
            lease = self._read()
            if lease is not None and self._is_ours(lease):
                self._folder.delete_version(_LEASE, lease.version)

    def _wait_until_free(self) -> str | None:
        """Watches a lease that is there; returns the version to replace, None for none.

        Raises:
            ValueError: it changes: its holder is alive.
        """
        first = self._read_settled()
        if first is None:
            return None
        job = _field(first, "job") or "another job"
        print(
            f"{self._path} is of {job}: watching for {_STALE_SECS:g} s whether that still works.",
            flush=True,
        )
        # A clock that nobody sets; what the lease says of its time comes from another machine.
        deadline = time.monotonic() + _STALE_SECS
        while time.monotonic() < deadline:
            time.sleep(_POLL_SECS)
            lease = self._read_settled()
            if lease is None:
                return None
            if lease.version != first.version:
                raise refusal(*self._kept, _field(lease, "job"))
        print(f"{self._path} did not change: taking over from {job}.", flush=True)
        return first.version

    def _keep(self) -> None:
        """Renews the lease until it is released or lost; runs in a thread."""
        pause = _HEARTBEAT_SECS
        while not self._ended.wait(pause) and not self.lost:
            began = time.monotonic()
            try:
                is_renewed = self._replace() or self._replace_what_arrived_late()
            except (ValueError, OSError) as error:
                print(f"{self._path} was not renewed, trying again: {error}", flush=True)
                # At the usual pace a single failure would be the last one.
                pause = _POLL_SECS
                continue
            if not is_renewed:
                self._renewed = -math.inf
                return
            pause = _HEARTBEAT_SECS
            # A write that hung for too long may have come after another's.
            if not self.lost:
                self._renewed = began

    def _replace(self) -> bool:
        """Replaces the version that we know by a new one; returns whether it was still there."""
        self._num_heartbeats += 1
        lease = {
            "token": self._token,
            "job": self._job,
            "heartbeats": self._num_heartbeats,
            "last": _now(),
        }
        version = self._folder.replace_version(_LEASE, json.dumps(lease) + "\n", self._version)
        if version is None:
            return False
        self._version = version
        return True

    def _replace_what_arrived_late(self) -> bool:
        """Replaces a lease that we wrote, too, and took for failed, as no answer came in time."""
        lease = self._read()
        if lease is None or not self._is_ours(lease):
            return False
        self._version = lease.version
        return self._replace()

    def _read(self) -> VersionedText | None:
        return self._folder.read_version(_LEASE)

    def _read_settled(self) -> VersionedText | None:
        """Returns the lease; where there is none on a disk, that is looked at twice.

        There its holder removes the file before it writes the next one.
        """
        lease = self._read()
        if lease is None and not is_bucket(self._folder.url):
            time.sleep(_GAP_SECS)
            lease = self._read()
        return lease

    def _is_ours(self, lease: VersionedText) -> bool:
        return _field(lease, "token") == self._token


def _field(lease: VersionedText | None, name: str) -> str:
    """Returns a field of a lease; nothing of none, or of one that is not written to its end.

    A bucket has none such, a disk may.
    """
    if lease is None:
        return ""
    try:
        return str(parse_object(lease.text, "a lease").get(name, ""))
    except ValueError:
        return ""


def this_job() -> str:
    """Returns who this is, for whom a folder is refused."""
    return f"process {os.getpid()} on {socket.gethostname()} since {_now()}"


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"


def refusal(folder: str, flag: str, job: str) -> ValueError:
    """Returns the error of a job that finds another one at work."""
    return ValueError(
        f"expected no other job at work in {folder}, but it is held by "
        f"{job or 'a job that just started'}; wait for it or end it, or choose another {flag}."
    )
