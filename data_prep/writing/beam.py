"""Prepares tracks by Apache Beam, which says where each is prepared and nothing else.

A pipeline maps ``prepare`` over the tracks. What it makes lies in scratch; whoever makes shards
finds it there, so order, shards and bytes do not depend on Beam, nor does what is said of a track
that cannot be read.

Beam runs in a process of its own, which heads a group with its workers: neither what a library
does to signals and threads nor a pipeline that waits for ever reaches the command, and whoever of
them is killed, the others end. ``data_prep.writing.beam_pipeline`` is what runs there.
"""

import importlib.util
import multiprocessing
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from absl import logging

from data_prep.runtime import interruption, parallel
from data_prep.runtime.quantities import pluralized
from data_prep.runtime.system import not_on_windows
from data_prep.storage import is_bucket
from data_prep.writing.prepare import TrackToPrepare
from data_prep.writing.progress import NOT_READ, READ, READ_BEFORE, PreparationProgress

# Runs on this machine. It is named, because Beam's default fetches a program.
LOCAL = "FnApiRunner"
_RUNNER = "--runner="
_PROGRESS = "beam.txt"
# That an interruption waits at most, and a line of progress.
_LOOK_SECS = 0.2


@dataclass(frozen=True)
class BeamJob:
    """Says what a pipeline is to do, and how."""

    tracks: Sequence[TrackToPrepare]
    workers: int
    # Beam's own.
    flags: tuple[str, ...]
    # Workers on this machine add a line for each track: its number, and what came of it.
    progress: Path | None


@dataclass(frozen=True)
class BeamResult:
    """Says how a pipeline ended."""

    # How many tracks were read, were read before and cannot be read, by these words.
    outcomes: Mapping[str, int] = field(default_factory=dict)
    # Why it did not do all.
    error: str = ""
    # Where that came from.
    details: str = ""


def runner_of(flags: Sequence[str]) -> str:
    """Returns the name of the runner that Beam's flags ask for; that of this machine by default."""
    named = [flag.removeprefix(_RUNNER) for flag in flags if flag.startswith(_RUNNER)]
    return named[-1] if named else LOCAL


def require_beam(flags: Sequence[str], out: str) -> None:
    """Refuses what no pipeline can be made of, as far as that is known without Beam.

    Raises:
        ValueError: Beam is not installed, or an argument is no flag, or the workers of Dataflow
            could not reach ``out``.
    """
    if sys.platform == "win32":
        raise not_on_windows("--runner=beam")
    for flag in flags:
        if not flag.startswith("--"):
            raise ValueError(
                f"{flag!r} is no flag of Beam; behind -- each is --NAME or --NAME=VALUE."
            )
    if "dataflow" in runner_of(flags).lower() and not is_bucket(out):
        raise ValueError(
            f"--out={out}: the workers of {runner_of(flags)} are other machines; expected a folder "
            f"in a bucket, gs://BUCKET/FOLDER."
        )
    if importlib.util.find_spec("apache_beam") is None:
        raise ValueError(
            "--runner=beam needs Apache Beam; make an environment with it by make beam "
            "(.venv-beam/bin/python), or pip install 'tpu-source-separation[cpu,beam]'."
        )


def prepare_by_beam(tracks: Sequence[TrackToPrepare], workers: int, flags: tuple[str, ...]) -> None:
    """Prepares tracks wherever Beam does, and tells how far that is.

    Tracks that cannot be read are no error here: who reads them again says what is wrong.

    Args:
        tracks: all with one scratch and one config.
        workers: how many processes of this machine, where Beam's flags name no other runner.
        flags: Beam's own.

    Raises:
        ValueError: the pipeline ended before it had gone through all tracks.
    """
    if not tracks or tracks[0].scratch is None:
        return
    runner = runner_of(flags)
    where = runner
    progress = None
    if runner == LOCAL:
        where = f"{runner}, {pluralized(workers, 'worker')} on this machine"
        progress = tracks[0].scratch.here / _PROGRESS
        progress.write_text("", encoding="utf-8")
    print(f"{pluralized(len(tracks), 'track')} to prepare by Beam ({where}):", flush=True)
    result = _result_of(BeamJob(tracks, workers, flags, progress))
    if result.error:
        logging.debug("The error came from here.\n%s", result.details)
        raise ValueError(result.error)
    told = ", ".join(
        f"{result.outcomes.get(key, 0)} {key}" for key in (READ, READ_BEFORE, NOT_READ)
    )
    print(f"Beam is done: {told}.", flush=True)


def _result_of(job: BeamJob) -> BeamResult:
    """Runs a pipeline in a process, prints its progress, and leaves no process behind."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(theirs, job))
    try:
        with interruption.held(), parallel.unheard_interruptions():
            process.start()
        # Else the end of that process would not be seen.
        theirs.close()
        told = _Told(job)
        while not ours.poll(_LOOK_SECS):
            told.tell_more()
        told.tell_more()
        return ours.recv()
    except EOFError as error:
        raise ValueError(
            "a process of Beam was killed; if memory ran out, use fewer with --workers. The same "
            "command continues."
        ) from error
    finally:
        _end(process)


def _end(process: BaseProcess) -> None:
    """Kills a process and the group that it heads."""
    if process.pid is None or sys.platform == "win32":
        return
    process.kill()
    # Its number is nobody else's until it is joined. There is no group before it made one.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.join()


class _Told:
    """Prints what the workers of this machine have done since it was last asked."""

    def __init__(self, job: BeamJob) -> None:
        self._tracks = job.tracks
        self._path = job.progress
        self._position = 0
        self._progress = PreparationProgress(job.tracks)

    def tell_more(self) -> None:
        """Prints a line for each track that is new in the file."""
        if self._path is None:
            return
        with self._path.open("rb") as file:
            file.seek(self._position)
            for line in file:
                if not line.endswith(b"\n"):
                    # It is being written.
                    return
                self._position += len(line)
                number, _, outcome = line.decode().rstrip("\n").partition(" ")
                self._progress.tell(self._tracks[int(number)].files, outcome)


def _run(connection: Connection, job: BeamJob) -> None:
    """Runs a pipeline in this process, and sends how it ended."""
    if sys.platform == "win32":
        return
    # Ctrl-C in a terminal goes to the group of the command alone.
    os.setsid()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # When a worker is killed, a thread that waits for it ends with an exception, which Beam does
    # not look at: its pipeline would wait for ever.
    threading.excepthook = lambda _: os._exit(1)
    # gRPC would ask a proxy for the workers of this machine, too.
    os.environ.setdefault("no_grpc_proxy", "localhost")
    # Google's packages tell at each import how long they will know this Python.
    warnings.simplefilter("ignore", FutureWarning)
    try:
        from data_prep.writing import beam_pipeline

        result = BeamResult(beam_pipeline.run(job))
    except Exception as error:
        # Beam makes a RuntimeError of whatever happened in a worker.
        result = BeamResult(
            error=str(error) or type(error).__name__, details=traceback.format_exc()
        )
    connection.send(result)


def _end_with_parent() -> None:
    """Kills this process and its workers once the command has ended."""
    parent = multiprocessing.parent_process()
    if parent is not None and sys.platform != "win32":
        wait([parent.sentinel])
        os.killpg(0, signal.SIGKILL)
