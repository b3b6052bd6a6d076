"""What a run tells while it trains: a line now and then, figures for TensorBoard, and metrics.jsonl.

``WORKDIR/metrics.jsonl`` is the source of truth, one JSON object a line: ``step``, and either what a call to the
device reports (``loss``, ``learning_rate``, ``examples_per_second``, ``input_wait``) or what a validation found. It is
written whole with each checkpoint, and cut back to the checkpoint from which a run continues, so that the two agree.
"""

import json
import math
import time
from typing import Any

import tensorflow as tf

from configs import Train
from data_prep.runtime.quantities import clock
from trainer.loop.summaries import Summaries
from trainer.loop.workdir import write_text

_LINE_SECS = 5.0
_MUCH_WAITING = 0.2


class Progress:
    """The figures of a run, from the step on at which it starts or continues."""

    def __init__(self, workdir: str, settings: Train, step: int, summaries: Summaries) -> None:
        self._path, self._settings, self._summaries = (
            f"{workdir}/metrics.jsonl",
            settings,
            summaries,
        )
        self._lines = [line for line in read_metrics(workdir) if line["step"] <= step]
        self._last_step, self._last_call = step, time.monotonic()
        self._last_line, self._warned, self._calls = -math.inf, False, 0

    def report(self, step: int, losses: Any, learning_rate: float, waited_secs: float) -> None:
        """Tell of a call to the device that ended after ``step`` steps."""
        now = time.monotonic()
        secs = now - self._last_call
        rate = (step - self._last_step) * self._settings.batch_size / secs
        wait = min(waited_secs / secs, 1.0)
        self._add(
            step,
            "train",
            loss=float(losses.mean()),
            learning_rate=learning_rate,
            examples_per_second=rate,
            input_wait=wait,
        )
        if now - self._last_line >= _LINE_SECS or step == self._settings.steps:
            left = round((self._settings.steps - step) * self._settings.batch_size / rate)
            # The first call also compiles: it says nothing of the time left.
            time_left = clock(left) if self._calls else "-:--:--"
            print(
                f"step {step:>{len(str(self._settings.steps))}}/{self._settings.steps}  loss {losses.mean():.3e}  "
                f"{rate:6.1f} examples/s  {time_left} left  {wait:.0%} waiting for input",
                flush=True,
            )
            self._last_line = now
        self._calls += 1
        if (
            wait > _MUCH_WAITING and self._calls > 2 and not self._warned
        ):  # the first calls fill buffers
            print(
                f"warning: {wait:.0%} of the time goes to waiting for input; keep the excerpts in memory "
                f"(train.cache=memory), use longer patches, or a machine with more cores.",
                flush=True,
            )
            self._warned = True
        self.resume(step)

    def resume(self, step: int) -> None:
        """Time from now on belongs to the next call; what came between, such as a validation, to none."""
        self._last_step, self._last_call = step, time.monotonic()

    def validated(self, step: int, **figures: float | None) -> None:
        """Tell of a validation after ``step`` steps; figures that are None do not exist."""
        found = {name: value for name, value in figures.items() if value is not None}
        self._add(step, "valid", **found)
        words = [
            f"{name} {value:.3e}" if "loss" in name else f"{name} {value:.2f} dB"
            for name, value in found.items()
        ]
        print(f"step {step}: validation {', '.join(words)}", flush=True)

    def save(self) -> None:
        """Write metrics.jsonl, and hand the summaries to the file system."""
        write_text(self._path, "".join(json.dumps(line) + "\n" for line in self._lines))
        self._summaries.flush()

    def _add(self, step: int, kind: str, **figures: float) -> None:
        self._lines.append({"step": step, "kind": kind, **figures})
        self._summaries.write_scalars(step, kind, **figures)


def read_metrics(workdir: str) -> list[dict[str, Any]]:
    """The lines of ``WORKDIR/metrics.jsonl``; none where there is no such file."""
    path = f"{workdir}/metrics.jsonl"
    if not tf.io.gfile.exists(path):
        return []
    with tf.io.gfile.GFile(path) as file:
        return [json.loads(line) for line in file.read().splitlines()]
