"""Two jobs on one workdir, in real processes and real files: refused, ended, killed, suspended, racing."""

import errno
import fcntl
import json
import multiprocessing
import os
import random
import re
import signal
import socket
import threading
import time

import pytest

from trainer.loop import lock

# file:// is served by a disk, and like every path with :// it has a lease.
SCHEMES = ["", "file://"]
# A job that lives must never look dead on a busy machine, so the times that end a lease are long by default.
SECS = {
    "_HEARTBEAT_SECS": 0.1,
    "_LOST_SECS": 60.0,
    "_STALE_SECS": 60.0,
    "_POLL_SECS": 0.05,
    "_SETTLE_SECS": 0.2,
}
PATIENCE_SECS = 60.0

# Its server has imported TensorFlow once; each process it forks is one that has done nothing yet.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["trainer.loop.lock"])


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    for name, secs in SECS.items():
        monkeypatch.setattr(lock, name, secs)


class Job:
    """A process that takes a workdir, tells what came of it and then does as it is told."""

    def __init__(self, workdir, **secs):
        self._pipe, theirs = processes.Pipe()
        self._process = processes.Process(
            target=_work, args=(workdir, SECS | secs, theirs), daemon=True
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


def _work(workdir, secs, pipe):
    for name, value in secs.items():
        setattr(lock, name, value)
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
    pid = os.fork()
    if not pid:
        time.sleep(PATIENCE_SECS)
        os._exit(0)
    return pid


def lease(folder):
    return json.loads((folder / "lease.json").read_bytes() or b"{}")


def until(condition):
    deadline = time.monotonic() + PATIENCE_SECS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_second_job_is_refused_and_told_who_is_there(tmp_path, scheme):
    workdir = f"{scheme}{tmp_path}/runs/one"
    first = Job(workdir)
    assert first.answer() == "held"
    refusals = [Job(workdir).answer()]
    with pytest.raises(ValueError, match="no other job") as caught, lock.held(workdir):
        pass
    refusals.append(str(caught.value))
    for refusal in refusals:
        assert refusal.startswith(
            f"expected a --workdir where no other job works, but {workdir} is held by process "
        )
        assert re.search(
            rf" {first.pid} on {socket.gethostname()} since 20..-..-.. ..:..:.. UTC; ", refusal
        )
        assert refusal.count(".") - socket.gethostname().count(".") - workdir.count(".") == 1
    assert first.ask("lost") is False
    first.end()


@pytest.mark.parametrize("end", ["end", "raise", "kill"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_next_job_starts_at_once_unless_a_lease_was_left_behind(tmp_path, scheme, end, capsys):
    workdir = f"{scheme}{tmp_path}"
    first = Job(workdir)
    assert first.answer() == "held"
    first.end(end)
    left = bool(scheme) and end == "kill"
    assert (tmp_path / "lease.json").exists() == left
    if left:
        lock._STALE_SECS = 0.5
    began = time.monotonic()
    with lock.held(workdir) as hold:
        assert not hold.lost
        assert (0.7 if left else 0.0) < time.monotonic() - began < PATIENCE_SECS / 2
    told = capsys.readouterr().out
    assert told.count("\n") == (2 if left else 0)
    assert told.count(f"process {first.pid} on {socket.gethostname()}") == told.count("\n")
    if left:
        assert "watching for 0.5 s" in told and "taking over" in told


def test_a_child_that_outlives_a_killed_job_does_not_keep_its_lock(tmp_path):
    first = Job(str(tmp_path))
    assert first.answer() == "held"
    child = first.ask("fork")
    try:
        first.end("kill")
        with lock.held(str(tmp_path)):
            os.kill(child, 0)
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_disk_without_locks_gets_a_lease(tmp_path, monkeypatch):
    def flock(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    number = errno.ENOLCK
    with lock.held(str(tmp_path)) as hold:
        assert lease(tmp_path)["job"].startswith(f"process {os.getpid()} on ")
        assert not hold.lost
    assert not (tmp_path / "lease.json").exists()
    number = errno.EIO
    with pytest.raises(OSError, match="Input/output"), lock.held(str(tmp_path)):
        pass


def test_heartbeats_keep_a_lease_for_longer_than_it_would_take_to_go_stale(tmp_path):
    secs = {"_LOST_SECS": 1.5, "_STALE_SECS": 1.5}
    first = Job(f"file://{tmp_path}", **secs)
    assert first.answer() == "held"
    before = lease(tmp_path)
    time.sleep(1.6)
    assert f"held by process {first.pid} " in Job(f"file://{tmp_path}", **secs).answer()
    assert first.ask("lost") is False
    until(lambda: lease(tmp_path).get("heartbeats", 0) > before["heartbeats"])
    first.end()


def test_a_job_that_waits_for_a_lease_gets_it_once_that_is_removed(tmp_path):
    first = Job(f"file://{tmp_path}", _HEARTBEAT_SECS=30.0)
    assert first.answer() == "held"
    second = Job(f"file://{tmp_path}")
    time.sleep(0.3)
    first.end()
    assert second.answer() == "held"
    second.end()


def test_a_suspended_job_learns_that_another_took_over(tmp_path):
    first = Job(f"file://{tmp_path}")
    assert first.answer() == "held"
    first.signal(signal.SIGSTOP)
    second = Job(f"file://{tmp_path}", _STALE_SECS=0.5)
    assert second.answer() == "held"
    first.signal(signal.SIGCONT)
    until(lambda: first.ask("lost"))
    first.end()
    assert f"process {second.pid} " in lease(tmp_path)["job"]
    assert second.ask("lost") is False
    second.end()


def test_a_job_that_was_suspended_for_too_long_has_lost_its_lease_though_nobody_took_it(tmp_path):
    first = Job(f"file://{tmp_path}", _LOST_SECS=0.5)
    assert first.answer() == "held"
    first.signal(signal.SIGSTOP)
    time.sleep(0.6)
    first.signal(signal.SIGCONT)
    assert first.ask("lost") is True
    time.sleep(0.3)
    assert first.ask("lost") is True
    first.end()


def test_a_failing_file_system_ends_a_lease_only_if_it_goes_on_failing(tmp_path, capsys):
    path, aside = tmp_path / "lease.json", tmp_path / "aside"

    def fail():
        path.replace(aside)
        path.mkdir()  # neither read nor written as a file

    with lock.held(f"file://{tmp_path}") as hold:
        fail()
        until(lambda: "was not renewed" in capsys.readouterr().out)
        path.rmdir()
        aside.replace(path)
        before = lease(tmp_path)["heartbeats"]
        until(lambda: lease(tmp_path).get("heartbeats", 0) > before + 2)
        assert not hold.lost
        fail()
        lock._LOST_SECS = 0.5
        until(lambda: hold.lost)
        path.rmdir()
        time.sleep(0.3)
        assert hold.lost
        assert not path.exists()


def test_who_is_overwritten_by_another_that_starts_too_is_refused(tmp_path):
    path = tmp_path / "lease.json"
    lock._SETTLE_SECS = 1.0

    def overwrite():
        until(lambda: path.exists() and path.stat().st_size)
        path.write_text(json.dumps({"token": "x", "job": "the other"}))

    rival = threading.Thread(target=overwrite)
    rival.start()
    with pytest.raises(ValueError, match="held by the other;"), lock.held(f"file://{tmp_path}"):
        pass
    rival.join()
    assert lease(tmp_path)["token"] == "x"


def test_what_is_no_lease_is_watched_as_one(tmp_path):
    lock._STALE_SECS, lock._SETTLE_SECS = 0.1, 0.0
    for content in (b"", b"{half", b"[]", b"\xff"):
        (tmp_path / "lease.json").write_bytes(content)
        began = time.monotonic()
        with lock.held(f"file://{tmp_path}") as hold:
            assert time.monotonic() - began > 0.1
            assert not hold.lost


def _race(folders, delays, start, decided, outcomes):
    """Takes every folder in a thread of its own, keeps what it got until everybody has tried."""
    for name, secs in {**SECS, "_STALE_SECS": 1.0, "_SETTLE_SECS": 1.0}.items():
        setattr(lock, name, secs)
    won = [None] * len(folders)

    def take(i):
        start.wait(PATIENCE_SECS)
        time.sleep(delays[i])
        try:
            with lock.held(f"file://{folders[i]}") as hold:
                decided.wait(PATIENCE_SECS)
                won[i] = not hold.lost
        except ValueError:
            decided.wait(PATIENCE_SECS)
            won[i] = False

    threads = [threading.Thread(target=take, args=(i,)) for i in range(len(folders))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECS)
    outcomes.send(won)


def test_of_jobs_that_start_together_exactly_one_gets_the_lease(tmp_path):
    rng = random.Random(1)
    folders = [tmp_path / str(i) for i in range(12)]
    for folder in folders:
        folder.mkdir()
    for folder in folders[8:]:
        # Its clock is ahead: that says nothing.
        (folder / "lease.json").write_text(
            json.dumps({"token": "x", "job": "y", "last": "2999-01-01 00:00:00 UTC"})
        )
    start, decided = processes.Barrier(2 * len(folders)), processes.Barrier(2 * len(folders))
    pipes = []
    for _ in range(2):
        delays = [rng.uniform(0.0, 0.02) for _ in folders]
        ours, theirs = processes.Pipe()
        processes.Process(
            target=_race, args=(folders, delays, start, decided, theirs), daemon=True
        ).start()
        pipes.append(ours)
    for pipe in pipes:
        assert pipe.poll(PATIENCE_SECS)
    first, second = [pipe.recv() for pipe in pipes]
    assert [sorted(pair) for pair in zip(first, second, strict=True)] == [[False, True]] * len(
        folders
    )


def test_a_heartbeat_that_hung_for_too_long_does_not_bring_a_lost_lease_back(tmp_path, monkeypatch):
    write = lock._Lease._write

    def hang(held):
        time.sleep(0.9 if held._heartbeats else 0.0)
        write(held)

    monkeypatch.setattr(lock._Lease, "_write", hang)
    lock._HEARTBEAT_SECS, lock._LOST_SECS = 0.4, 1.0
    with lock.held(f"file://{tmp_path}") as hold:
        until(lambda: hold.lost)
        for _ in range(
            100
        ):  # the heartbeat ends meanwhile; whatever the machine is doing, lost stays lost
            assert hold.lost
            time.sleep(0.01)
