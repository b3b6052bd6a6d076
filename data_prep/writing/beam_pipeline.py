"""Makes and runs a pipeline of Apache Beam that prepares tracks."""

import dataclasses
import io
import logging
import os
import re
import shlex
import sys
import threading
import time
from contextlib import redirect_stderr

import apache_beam as beam
from apache_beam.metrics import Metrics, MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import PipelineState
from apache_beam.transforms.environments import SubprocessSDKEnvironment

from data_prep.audio.tracks import TrackFiles
from data_prep.writing.beam import LOCAL, BeamJob, runner_of
from data_prep.writing.prepare import prepare
from data_prep.writing.progress import outcome_of
from data_prep.writing.scratch import program_version

_COUNTERS = "prepare"
_LOOK_SECS = 1.0
# What Beam puts behind the words of an error in a worker.
_WHERE = re.compile(r" \[while running .*")


def run(job: BeamJob) -> dict[str, int]:
    """Prepares the tracks of a job; returns how many had which outcome.

    Raises:
        ValueError: Beam refuses its flags, or the pipeline ended before its time.
    """
    is_local = runner_of(job.flags) == LOCAL
    # What Beam tells of each step is all that is seen of other machines.
    level = logging.CRITICAL if is_local else logging.INFO
    logging.basicConfig(level=level, format="%(message)s")
    pipeline = beam.Pipeline(_local_runner() if is_local else None, _options(job))
    files = [(number, track.files) for number, track in enumerate(job.tracks)]
    tracks = pipeline | beam.Create(files)
    _ = tracks | beam.ParDo(_Prepare(job, os.getpid() if is_local else None))
    try:
        result = pipeline.run()
        state = result.wait_until_finish()
    except RuntimeError as error:
        raise ValueError(f"Beam ended before its time: {_last_line(error)}") from error
    if state != PipelineState.DONE:
        raise ValueError(f"Beam ended before its time: the state of the pipeline is {state}.")
    found = result.metrics().query(MetricsFilter().with_namespace(_COUNTERS))["counters"]
    return {counter.key.metric.name: counter.result for counter in found}


class _Prepare(beam.DoFn):
    """Prepares tracks in a worker, (number, files) -> nothing: what it makes lies in scratch."""

    def __init__(self, job: BeamJob, head: int | None) -> None:
        """Remembers what all tracks have in common.

        Args:
            job: of the pipeline.
            head: the process that starts the workers, where they run on its machine.
        """
        super().__init__()
        self._track = job.tracks[0]
        self._version = program_version()
        self._progress = job.progress
        self._head = head

    def setup(self) -> None:
        """Refuses a worker with another program, which might make other bytes."""
        if self._head is not None:
            threading.Thread(target=_end_with, args=(self._head,), daemon=True).start()
        if program_version() != self._version:
            raise ValueError(
                f"a worker has another version of this program ({program_version()}; the command "
                f"is {self._version}); start the command in the image of the workers."
            )
        if self._track.scratch:
            self._track.scratch.here.mkdir(mode=0o700, parents=True, exist_ok=True)

    def process(self, element: tuple[int, TrackFiles]) -> None:
        """Prepares a track, counts it, and tells of it."""
        number, files = element
        prepared = prepare(dataclasses.replace(self._track, files=files))
        outcome = outcome_of(prepared)
        Metrics.counter(_COUNTERS, outcome).inc()
        if self._progress:
            # A short write to the end of a file is whole.
            with self._progress.open("ab", buffering=0) as file:
                file.write(f"{number} {outcome}\n".encode())
        elif self._track.scratch and self._track.scratch.shared and prepared.key:
            # The bucket has them; the disk of a worker need not hold all.
            self._track.scratch.forget(prepared.key)


def _options(job: BeamJob) -> PipelineOptions:
    """Returns the options of a pipeline.

    Raises:
        ValueError: Beam knows no such flag, or no such value of one.
    """
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            options = PipelineOptions([*job.flags], direct_num_workers=job.workers)
            known = options.get_all_options()
    except SystemExit as error:
        raise ValueError(f"Beam refuses its flags: {_last_line(said.getvalue())}") from error
    unknown = set(options.get_all_options(retain_unknown_options=True)) - set(known)
    if unknown:
        names = ", ".join(f"--{name}" for name in sorted(unknown))
        raise ValueError(f"Beam refuses its flags: it knows no {names}.")
    return options


def _local_runner() -> FnApiRunner:
    """Returns the runner of this machine; its workers are processes of this very Python."""
    words = [sys.executable, "-W", "ignore::FutureWarning"]
    words += ["-m", "apache_beam.runners.worker.sdk_worker_main"]
    # A shell that stayed between would hide when a worker ends.
    command = f"exec {shlex.join(words)}"
    return FnApiRunner(SubprocessSDKEnvironment.from_command_string(command))


def _end_with(head: int) -> None:
    """Ends this process once the one that started it has ended."""
    while os.getppid() == head:
        time.sleep(_LOOK_SECS)
    os._exit(1)


def _last_line(said: object) -> str:
    lines = [line for line in str(said).splitlines() if line.strip()]
    return _WHERE.sub("", lines[-1]).strip() if lines else "it does not say why"
