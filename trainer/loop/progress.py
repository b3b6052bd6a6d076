"""Tells of a run while it trains: a line now and then, figures for TensorBoard, and metrics.jsonl.

``WORKDIR/metrics.jsonl`` is the source of truth, one JSON object a line: ``step``, and either what
a call to the device reports (``loss``, or with several objectives ``NAME_loss`` of each;
``learning_rate``, ``examples_per_second``, ``input_wait``) or what a validation found. It is
written whole with each checkpoint, and cut back to the checkpoint from which a run continues, so
that the two agree.
"""

import math
import time
from collections.abc import Mapping, Sequence

from configs import Train
from data_prep.runtime.quantities import clock
from trainer.loop.metrics import take_up_metrics, write_metrics
from trainer.loop.protocol import Figure
from trainer.loop.summaries import Summaries

# From one line to the next, at least.
_LINE_SECS = 5.0
_MUCH_WAITING = 0.2
# The first calls compile and fill buffers: their waiting says nothing.
_UNTYPICAL_CALLS = 2
# So many times the lowest loss of a call, the mean of its steps, is no noise.
_RUN_AWAY = 10.0


class Progress:
    """Keeps the figures of a run, from the step on at which it starts or continues."""

    def __init__(self, workdir: str, settings: Train, step: int, summaries: Summaries) -> None:
        self._workdir = workdir
        self._settings = settings
        self._summaries = summaries
        lines = take_up_metrics(workdir) if summaries.writes else []
        # A run that begins has none: those of step 0 are of one that was killed before its first
        # checkpoint, whose config may have been another.
        self._lines = [line for line in lines if line["step"] <= step and step > 0]
        self._last_step = step
        self._last_call = time.monotonic()
        self._last_line = -math.inf
        self._warned = False
        self._told_of_run_away = False
        # By the name of the loss, with the step that it ended with.
        self._lowest: dict[str, tuple[float, int]] = {}
        self._num_calls = 0

    def report(
        self, step: int, losses: Mapping[str, float], learning_rate: float, waited_secs: float
    ) -> None:
        """Tells of a call to the device that ended after ``step`` steps.

        Args:
            step: the steps taken.
            losses: the mean loss of each objective by its name.
            learning_rate: of the next step.
            waited_secs: how long all steps of the call waited for their batches.
        """
        now = time.monotonic()
        secs = now - self._last_call
        rate = (step - self._last_step) * self._settings.batch_size / secs
        wait = min(waited_secs / secs, 1.0)
        named = _loss_names(losses)
        self._add(
            step,
            "train",
            {
                **named,
                "learning_rate": learning_rate,
                "examples_per_second": rate,
                "input_wait": wait,
            },
        )
        self._tell_of_run_away(step, named)
        if now - self._last_line >= _LINE_SECS or step == self._settings.steps:
            self._print_line(step, named, rate, wait)
            self._last_line = now
        self._num_calls += 1
        if wait > _MUCH_WAITING and self._num_calls > _UNTYPICAL_CALLS and not self._warned:
            print(
                f"warning: {wait:.0%} of the time goes to waiting for input; keep the excerpts in "
                f"memory (train.cache=memory), use longer patches, or a machine with more cores.",
                flush=True,
            )
            self._warned = True
        self.resume(step)

    def resume(self, step: int) -> None:
        """Counts the time from now on for the next call; what came between belongs to none."""
        self._last_step = step
        self._last_call = time.monotonic()

    def validated(self, step: int, figures: Sequence[Figure], raw: Sequence[Figure]) -> None:
        """Tells of a validation after ``step`` steps; figures without a value do not exist.

        Args:
            step: the steps taken.
            figures: of the weights that count.
            raw: of the weights themselves, where those that count are their average.
        """
        named = {figure.name: figure for figure in figures}
        named.update({f"raw_{figure.name}": figure for figure in raw})
        values = {name: figure.value for name, figure in named.items() if figure.value is not None}
        self._add(step, "valid", values)
        words = [
            f"{name} {_in_words(value, named[name].unit)}"
            for name, value in values.items()
            if not named[name].is_choice
        ]
        print(f"step {step}: validation {', '.join(words)}", flush=True)

    def save(self) -> None:
        """Writes metrics.jsonl, and hands the summaries to the file system."""
        if self._summaries.writes:
            write_metrics(self._workdir, self._lines)
        self._summaries.flush()

    def _tell_of_run_away(self, step: int, losses: Mapping[str, float]) -> None:
        """Warns once of a loss far above what it was before, which seldom finds its way back."""
        for name, loss in losses.items():
            lowest, lowest_step = self._lowest.get(name, (math.inf, step))
            if loss < lowest:
                self._lowest[name] = (loss, step)
            # A loss may be below 0, of which there are no multiples.
            elif loss > _RUN_AWAY * lowest > 0 and not self._told_of_run_away:
                print(
                    f"warning: {name} is {loss / lowest:.0f} times what it was at step "
                    f"{lowest_step}: training ran away. Begin again with a lower "
                    f"train.learning_rate, with train.warmup_steps, or with train.clip_norm=0.1.",
                    flush=True,
                )
                self._told_of_run_away = True

    def _print_line(self, step: int, losses: Mapping[str, float], rate: float, wait: float) -> None:
        num_steps = self._settings.steps
        left = round((num_steps - step) * self._settings.batch_size / rate)
        # The first call also compiles: it says nothing of the time left.
        time_left = clock(left) if self._num_calls else "-:--:--"
        words = "  ".join(f"{name} {loss:.3e}" for name, loss in losses.items())
        print(
            f"step {step:>{len(str(num_steps))}}/{num_steps}  {words}  "
            f"{rate:6.1f} examples/s  {time_left} left  {wait:.0%} waiting for input",
            flush=True,
        )

    def _add(self, step: int, kind: str, figures: Mapping[str, float]) -> None:
        self._lines.append({"step": step, "kind": kind, **figures})
        self._summaries.write_scalars(step, kind, figures)


def _loss_names(losses: Mapping[str, float]) -> dict[str, float]:
    """Returns the losses under the names of figures; that of the only objective is ``loss``."""
    if len(losses) == 1:
        (loss,) = losses.values()
        return {"loss": loss}
    return {f"{name}_loss": value for name, value in losses.items()}


def _in_words(value: float, unit: str) -> str:
    return f"{value:.2f} {unit}" if unit else f"{value:.3e}"
