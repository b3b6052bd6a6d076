"""Jobs on one workdir, in real processes: refused, ended, killed, suspended, racing."""

import errno
import fcntl
import json
import multiprocessing
import os
import random
import re
import signal
import socket
import sys
import threading
import time

import pytest

from data_prep.storage import LocalFolder, VersionedText, faults, lease, lock, open_folder

KINDS = ["locks", "no locks", "bucket"]
LEASES = KINDS[1:]
# A job that lives must never look dead on a busy machine, so the times that end a lease are long by
# default.
SECS = {
    "_HEARTBEAT_SECS": 0.1,
    "_LOST_SECS": 60.0,
    "_STALE_SECS": 60.0,
    "_POLL_SECS": 0.05,
}
PATIENCE_SECS = 60.0

# Its server has imported the client once; each process it forks is one that has done nothing yet.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["data_prep.storage.lock", "data_prep.storage.bucket"])


def _flock(*_):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    for name, secs in SECS.items():
        monkeypatch.setattr(lease, name, secs)


class Workdir:
    """A workdir of some kind; ``lease`` is what its lease says, None where there is none."""

    def __init__(self, kind, folder, gcs=None, bucket=None):
        self.kind = kind
        self.has_lease = kind != "locks"
        self.environment = gcs.variables if gcs else {}
        self.url = f"gs://{bucket}/runs/one" if gcs else str(folder / "runs" / "one")
        self._folder = open_folder(self.url)

    def jobs(self, **secs):
        return Job(self.url, self.kind, self.environment, **secs)

    @property
    def lease(self):
        text = self._folder.read_text("lease.json")
        return None if text is None else json.loads(text or "{}")

    def write(self, **lease):
        self._folder.write_text("lease.json", json.dumps(lease))

    def write_text(self, text):
        self._folder.write_text("lease.json", text)


@pytest.fixture(params=KINDS)
def workdir(request, tmp_path, monkeypatch):
    if request.param == "no locks":
        monkeypatch.setattr(fcntl, "flock", _flock)
    if request.param != "bucket":
        return Workdir(request.param, tmp_path)
    names = ("gcs", "bucket")
    return Workdir("bucket", tmp_path, *map(request.getfixturevalue, names))


with_a_lease = pytest.mark.parametrize("workdir", LEASES, indirect=True)


class Job:
    """A process that takes a workdir, tells what came of it and then does as it is told."""

    def __init__(self, workdir, kind, environment, **secs):
        self._pipe, theirs = processes.Pipe()
        self._process = processes.Process(
            target=_work, args=(workdir, kind, environment, SECS | secs, theirs), daemon=True
        )
        self._process.start()
        theirs.close()

    @property
    def pid(self):
        return self._process.pid

    def ask(self, order):
        self._pipe.send(order)
        return self.answer()

    def answer(self):
        assert self._pipe.poll(PATIENCE_SECS)
        return self._pipe.recv()

    def signal(self, number):
        os.kill(self.pid, number)

    def end(self, order="end"):
        if order == "kill":
            self._process.kill()
        else:
            self._pipe.send(order)
        self._process.join(PATIENCE_SECS)
        assert self._process.exitcode == {"end": 0, "raise": 0, "kill": -signal.SIGKILL}[order]


def _prepare(kind, environment, secs):
    os.environ |= environment
    if kind == "no locks":
        fcntl.flock = _flock
    for name, value in secs.items():
        setattr(lease, name, value)


def _work(workdir, kind, environment, secs, pipe):
    _prepare(kind, environment, secs)
    try:
        with lock.held(workdir) as hold:
            pipe.send("held")
            while (order := pipe.recv()) != "end":
                if order == "raise":
                    raise KeyError(order)
                pipe.send(hold.lost if order == "lost" else _fork())
    except ValueError as error:
        pipe.send(str(error))
    except KeyError:
        pass


def _fork():
    """Returns the number of a child that lives on, once it runs: before, it holds what we hold."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(writing, b".")
        time.sleep(PATIENCE_SECS)
        os._exit(0)
    os.read(reading, 1)
    return pid


def until(condition):
    deadline = time.monotonic() + PATIENCE_SECS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_second_job_is_refused_and_told_who_is_there(workdir):
    first = workdir.jobs()
    assert first.answer() == "held"
    refusals = [workdir.jobs().answer()]
    with pytest.raises(ValueError, match="no other job") as caught, lock.held(workdir.url):
        pass
    refusals.append(str(caught.value))
    for refusal in refusals:
        assert refusal.startswith(
            f"expected no other job at work in {workdir.url}, but it is held by process "
        )
        assert re.search(
            rf" {first.pid} on {socket.gethostname()} since 20..-..-.. ..:..:.. UTC; ", refusal
        )
        assert refusal.count(".") - socket.gethostname().count(".") - workdir.url.count(".") == 1
    assert first.ask("lost") is False
    first.end()


@pytest.mark.parametrize("workdir", ["no locks"], indirect=True)
def test_a_lease_that_is_away_while_it_is_replaced_is_still_held(workdir, monkeypatch):
    """On a disk its holder removes the file before it writes the next one."""
    read = LocalFolder.read_version
    versions = iter([None, '{"heartbeats": 1}', None, '{"heartbeats": 2, "job": "process 1"}'])

    def between(*_):
        text = next(versions, None)
        return None if text is None else VersionedText(text, text)

    monkeypatch.setattr(LocalFolder, "read_version", between)
    with pytest.raises(ValueError, match="no other job"), lock.held(workdir.url):
        pass
    monkeypatch.setattr(LocalFolder, "read_version", read)
    assert workdir.lease is None


@pytest.mark.parametrize("end", ["end", "raise", "kill"])
def test_the_next_job_starts_at_once_unless_a_lease_was_left_behind(workdir, end, capsys):
    first = workdir.jobs()
    assert first.answer() == "held"
    first.end(end)
    left = workdir.has_lease and end == "kill"
    assert (workdir.lease is not None) == left
    if left:
        lease._STALE_SECS = 0.5
    began = time.monotonic()
    with lock.held(workdir.url) as hold:
        assert not hold.lost
        assert (0.5 if left else 0.0) < time.monotonic() - began < PATIENCE_SECS / 2
    told = capsys.readouterr().out
    assert told.count("\n") == (2 if left else 0)
    assert told.count(f"process {first.pid} on {socket.gethostname()}") == told.count("\n")
    if left:
        assert "watching for 0.5 s" in told and "taking over" in told


@pytest.mark.parametrize("workdir", ["locks"], indirect=True)
def test_a_child_that_outlives_a_killed_job_does_not_keep_its_lock(workdir):
    first = workdir.jobs()
    assert first.answer() == "held"
    child = first.ask("fork")
    try:
        first.end("kill")
        with lock.held(workdir.url):
            os.kill(child, 0)
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_disk_gets_a_lease_only_where_it_has_no_locks(tmp_path, monkeypatch):
    def flock(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    number = errno.ENOLCK
    with lock.held(str(tmp_path)) as hold:
        held = json.loads((tmp_path / "lease.json").read_text())
        assert held["job"].startswith(f"process {os.getpid()} on ")
        assert not hold.lost
    assert list(tmp_path.iterdir()) == []
    number = errno.EIO
    with pytest.raises(OSError, match="Input/output"), lock.held(str(tmp_path)):
        pass


def test_a_disk_gets_a_lease_where_python_has_no_locks(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with lock.held(str(tmp_path)):
        assert (tmp_path / "lease.json").exists()
        with pytest.raises(ValueError, match="no other job"), lock.held(str(tmp_path)):
            pass
    assert list(tmp_path.iterdir()) == []


@with_a_lease
@pytest.mark.slow
def test_heartbeats_keep_a_lease_for_longer_than_it_would_take_to_go_stale(workdir):
    secs = {"_LOST_SECS": 1.5, "_STALE_SECS": 1.5}
    first = workdir.jobs(**secs)
    assert first.answer() == "held"
    before = workdir.lease
    time.sleep(1.6)
    assert f"held by process {first.pid} " in workdir.jobs(**secs).answer()
    assert first.ask("lost") is False
    assert workdir.lease["heartbeats"] > before["heartbeats"]
    first.end()


@with_a_lease
def test_a_job_that_waits_for_a_lease_gets_it_once_that_is_removed(workdir):
    first = workdir.jobs(_HEARTBEAT_SECS=30.0)
    assert first.answer() == "held"
    second = workdir.jobs()
    time.sleep(0.3)
    first.end()
    assert second.answer() == "held"
    second.end()


@with_a_lease
def test_a_suspended_job_learns_that_another_took_over(workdir):
    first = workdir.jobs()
    assert first.answer() == "held"
    first.signal(signal.SIGSTOP)
    second = workdir.jobs(_STALE_SECS=0.5)
    assert second.answer() == "held"
    first.signal(signal.SIGCONT)
    until(lambda: first.ask("lost"))
    first.end()
    assert f"process {second.pid} " in workdir.lease["job"]
    assert second.ask("lost") is False
    second.end()


@with_a_lease
def test_a_job_suspended_for_too_long_has_lost_its_lease_though_nobody_took_it(workdir):
    first = workdir.jobs(_LOST_SECS=0.5)
    assert first.answer() == "held"
    first.signal(signal.SIGSTOP)
    time.sleep(0.6)
    first.signal(signal.SIGCONT)
    assert first.ask("lost") is True
    time.sleep(0.3)
    assert first.ask("lost") is True
    first.end()


@pytest.mark.parametrize("workdir", ["bucket"], indirect=True)
def test_a_failing_bucket_ends_a_lease_only_if_it_goes_on_failing(
    workdir, gcs, bucket, capsys, monkeypatch
):
    monkeypatch.setattr(faults, "_is_transient", lambda _: False)
    with lock.held(workdir.url) as hold:
        gcs.inject(503, bucket)
        until(lambda: "was not renewed" in capsys.readouterr().out)
        gcs.heal()
        before = workdir.lease["heartbeats"]
        until(lambda: workdir.lease["heartbeats"] > before + 2)
        assert not hold.lost
        gcs.inject(503, bucket)
        lease._LOST_SECS = 0.5
        until(lambda: hold.lost)
        gcs.heal()
        time.sleep(0.5)
        assert hold.lost


@pytest.mark.parametrize("workdir", ["bucket"], indirect=True)
def test_an_answer_that_is_lost_loses_no_lease(workdir, gcs, bucket, capsys, monkeypatch):
    """What was written is known again, whether the same request is tried again or another one."""
    gcs.inject("lost", bucket, ["write"], times=1)
    with lock.held(workdir.url) as hold:
        assert "write failed" in capsys.readouterr().out
        monkeypatch.setattr(faults, "_is_transient", lambda _: False)
        gcs.inject("lost", bucket, ["write"], times=1)
        until(lambda: "was not renewed" in capsys.readouterr().out)
        gcs.heal()
        before = workdir.lease["heartbeats"]
        until(lambda: workdir.lease["heartbeats"] > before + 2)
        assert not hold.lost


@with_a_lease
def test_a_lease_that_another_writes_or_removes_is_lost(workdir):
    lease._HEARTBEAT_SECS = 0.5
    with lock.held(workdir.url) as hold:
        workdir.write(token="x", job="the other")
        until(lambda: hold.lost)
    assert workdir.lease == {"token": "x", "job": "the other"}


@with_a_lease
def test_what_is_no_lease_is_watched_as_one(workdir):
    lease._STALE_SECS = 0.1
    for text in ("", "{half", "[]", "\0"):
        workdir.write_text(text)
        began = time.monotonic()
        with lock.held(workdir.url) as hold:
            assert time.monotonic() - began > 0.1
            assert not hold.lost


def _race(kind, environment, urls, delays, start, decided, outcomes):
    """Takes every folder in a thread of its own, keeps what it got until everybody has tried."""
    _prepare(kind, environment, {**SECS, "_STALE_SECS": 1.0})
    won = [None] * len(urls)

    def take(i):
        start.wait(PATIENCE_SECS)
        time.sleep(delays[i])
        try:
            with lock.held(urls[i]) as hold:
                decided.wait(PATIENCE_SECS)
                won[i] = not hold.lost
        except ValueError:
            decided.wait(PATIENCE_SECS)
            won[i] = False

    threads = [threading.Thread(target=take, args=(i,)) for i in range(len(urls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECS)
    outcomes.send(won)


@with_a_lease
@pytest.mark.slow
def test_of_jobs_that_start_together_exactly_one_gets_the_lease(workdir):
    rng = random.Random(1)
    urls = [f"{workdir.url}-{i}" for i in range(12)]
    for url in urls[8:]:
        # Its clock is ahead: that says nothing.
        left = {"token": "x", "job": "y", "last": "2999-01-01 00:00:00 UTC"}
        open_folder(url).write_text("lease.json", json.dumps(left))
    num_jobs = 3
    start = processes.Barrier(num_jobs * len(urls))
    decided = processes.Barrier(num_jobs * len(urls))
    pipes = []
    for _ in range(num_jobs):
        delays = [rng.uniform(0.0, 0.02) for _ in urls]
        ours, theirs = processes.Pipe()
        processes.Process(
            target=_race,
            args=(workdir.kind, workdir.environment, urls, delays, start, decided, theirs),
            daemon=True,
        ).start()
        pipes.append(ours)
    for pipe in pipes:
        assert pipe.poll(PATIENCE_SECS)
    outcomes = [pipe.recv() for pipe in pipes]
    winners = [sum(won) for won in zip(*outcomes, strict=True)]
    assert winners == [1] * len(urls)


@with_a_lease
@pytest.mark.slow
def test_a_heartbeat_that_hung_for_too_long_does_not_bring_a_lost_lease_back(workdir, monkeypatch):
    replace = lease._Lease._replace

    def hang(held):
        time.sleep(0.9 if held._num_heartbeats else 0.0)
        return replace(held)

    monkeypatch.setattr(lease._Lease, "_replace", hang)
    lease._HEARTBEAT_SECS, lease._LOST_SECS = 0.4, 1.0
    with lock.held(workdir.url) as hold:
        until(lambda: hold.lost)
        # The heartbeat ends meanwhile; whatever the machine is doing, lost stays lost.
        for _ in range(100):
            assert hold.lost
            time.sleep(0.01)


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("name", ["runs/one", "one", "one/"])
def test_a_lock_leaves_nothing_behind_and_says_which_flag_to_change(tmp_path, name, beside):
    folder = f"{tmp_path}/{name}"
    with lock.held(folder, "--out", beside):
        with (
            pytest.raises(ValueError, match=r"or choose another --out\.$") as refusal,
            lock.held(folder, "--out", beside),
        ):
            pass
        assert f"held by process {os.getpid()} on " in str(refusal.value)
        with lock.held(f"{folder.rstrip('/')}-other", "--out", beside):
            pass
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_lock_that_is_removed_while_it_is_opened_is_made_again(tmp_path, monkeypatch):
    flock = fcntl.flock
    opened = []

    def remove_first(file, operation):
        opened.append(file.name)
        if len(opened) == 1:
            (tmp_path / "lock").unlink()
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", remove_first)
    with lock.held(str(tmp_path)):
        assert opened == [str(tmp_path / "lock")] * 2
        assert (tmp_path / "lock").read_text().startswith(f"process {os.getpid()} on ")


def test_a_lease_that_is_lost_ends_the_job_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", _flock)
    with lock.held(str(tmp_path)) as hold:
        hold.require()
        monkeypatch.setattr(lease, "_LOST_SECS", -1.0)
        with pytest.raises(ValueError, match="give the same command again"):
            hold.require()
