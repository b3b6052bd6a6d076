"""Runs the loop: restore, steps on the device, a look, a checkpoint, again.

It knows no task and no network by name (trainer.loop.protocol says what it knows of them).
"""

import math
from collections.abc import Callable

import keras
import numpy as np
from numpy.typing import NDArray

from configs import Train
from data_prep.runtime.quantities import pluralized
from data_prep.storage.lock import Hold
from trainer.loop.beginning import make_optimisation
from trainer.loop.checkpoints import Checkpoints
from trainer.loop.interruptible import interruptible
from trainer.loop.optimisation import NOT_BEGUN, require_even_batches
from trainer.loop.progress import Progress
from trainer.loop.protocol import Devices, Figure, Task, Weights
from trainer.loop.summaries import Summaries
from trainer.loop.workdir import note_begun, read_begun

_CURE = (
    "training stopped, the checkpoints before it are kept. A lower train.learning_rate, in a new "
    "--workdir if there are checkpoints, is the usual cure."
)


def train(task: Task, settings: Train, workdir: str, devices: Devices, hold: Hold) -> bool:
    """Trains up to ``settings.steps`` steps in all, from the newest checkpoint if there is one.

    Returns:
        Whether the run is done: all its steps, or as many as early stopping leaves. Not so where
        SIGTERM or SIGINT ended it, after saving it.

    Raises:
        ValueError: the batch does not divide into equal parts, the loss is not finite, or another
            job took the workdir over.
    """
    require_even_batches(settings, devices.num_replicas)
    training = _Training(task, settings, workdir, devices, hold)
    if not training.ending():
        with interruptible() as interrupted:
            training.run(interrupted)
    print(training.ending() or f"Saved after step {training.step}.", flush=True)
    return training.ending() is not None


class _Training:
    """Is a run from its newest checkpoint on."""

    def __init__(
        self,
        task: Task,
        settings: Train,
        workdir: str,
        devices: Devices,
        hold: Hold,
    ) -> None:
        self._task = task
        self._settings = settings
        self._devices = devices
        self._workdir = workdir
        self._hold = hold
        begun = read_begun(workdir) if settings.begin_from else NOT_BEGUN
        self._optimisation = make_optimisation(task, settings, devices, begun)
        if self._optimisation.begun != begun and devices.is_writer:
            # Before the checkpoints, which carry it.
            note_begun(workdir, self._optimisation.begun)
        self._checkpoints = Checkpoints(workdir, self._optimisation, settings.keep_checkpoints)
        self.step = self._checkpoints.restore()
        start = f"continuing after step {self.step}" if self.step else "starting"
        print(f"{self._optimisation.count_parameters():,} parameters; {start}", flush=True)
        self._summaries = Summaries(workdir, devices.is_writer)
        self._progress = Progress(workdir, settings, self.step, self._summaries)

    def ending(self) -> str | None:
        """Says why there is nothing left to train, if so."""
        settings = self._settings
        not_better = int(self._checkpoints.not_better.numpy())
        if self.step >= settings.steps:
            return f"The run is done after {pluralized(settings.steps, 'step')}."
        if settings.patience and not_better >= settings.patience:
            tried = pluralized(not_better, "validation")
            return f"Stopped early after step {self.step}: no new best in {tried}."
        return None

    def run(self, interrupted: Callable[[], bool]) -> None:
        """Takes steps, validates and saves until the end or an interruption."""
        settings = self._settings
        saved = self.step
        if settings.validate_untrained and self.step == 0:
            self._validate(counts=False)
        run_steps = self._devices.make_run_steps(self._optimisation)
        examples = self._task.make_examples(self.step)
        batches = self._devices.distribute(examples, settings.batch_size)
        names = [optimizer.objective.name for optimizer in self._optimisation.optimizers]
        self._progress.resume(self.step)
        while not self._devices.agree(interrupted()) and not self.ending():
            num_steps = _steps_to_next_stop(self.step, settings)
            # (steps, objectives)
            losses, waited_secs = run_steps(batches, num_steps)
            _require_finite(losses, self.step)
            self.step += num_steps
            means = {name: float(losses[:, i].mean()) for i, name in enumerate(names)}
            rate = self._optimisation.learning_rate
            self._progress.report(self.step, means, rate, waited_secs)
            if self.step % settings.validation_steps == 0 or self.step == settings.steps:
                self._validate()
            if self.step % settings.checkpoint_steps == 0:
                saved = self._save()
        if saved < self.step:
            self._save()
        self._summaries.close()

    def _validate(self, counts: bool = True) -> None:
        """Validates, keeps the best checkpoint, and counts for plateau and early stopping.

        What counts is the average of the weights where one is kept; the weights themselves are
        validated beside it.

        Args:
            counts: whether the figures are compared with the best; else they are only told.
        """
        self._require_sound()
        raw = {role: network.get_weights() for role, network in self._optimisation.networks.items()}
        averaged = self._averaged()
        weights = averaged or raw
        figures = self._task.validate(weights)
        if figures:
            others = self._task.validate(raw) if averaged else ()
            self._progress.validated(self.step, figures, others)
            if counts:
                self._judge(figures[0])
        self._summaries.write(self.step, self._task.show(weights))
        self._progress.resume(self.step)

    def _averaged(self) -> Weights:
        """Returns all values with the average of the weights; empty where none is kept."""
        average = self._optimisation.average
        if not average:
            return {}
        return {
            role: [
                keras.ops.convert_to_numpy(average.get(variable.path, variable))
                for variable in network.weights
            ]
            for role, network in self._optimisation.networks.items()
        }

    def _judge(self, figure: Figure) -> None:
        """Keeps the checkpoint if it is the best so far; else a plateau lowers the rate."""
        checkpoints = self._checkpoints
        settings = self._settings
        # What a checkpoint keeps as best is always higher where it is better.
        sign = 1.0 if figure.higher_is_better else -1.0
        if figure.value is not None and sign * figure.value > float(checkpoints.best.numpy()):
            checkpoints.best.assign(sign * figure.value)
            checkpoints.not_better.assign(0)
            if self._devices.is_writer:
                checkpoints.save_best(self.step)
            return
        not_better = int(checkpoints.not_better.assign_add(1).numpy())
        if settings.schedule == "plateau" and not_better % settings.plateau_validations == 0:
            self._optimisation.lower_learning_rate()
            rate = self._optimisation.learning_rate
            print(f"step {self.step}: the learning rate is now {rate:.3g}", flush=True)

    def _save(self) -> int:
        self._require_sound()
        # In this order: a run that continues drops lines after its checkpoint, but could not make
        # those before it.
        self._progress.save()
        if self._devices.is_writer:
            self._checkpoints.save(self.step)
        self._progress.resume(self.step)
        return self.step

    def _require_sound(self) -> None:
        """Refuses to save what another job or a broken update would make worthless."""
        if self._hold.lost:
            raise ValueError(
                f"{self._workdir} could not be kept, so that another job may have taken it over; "
                f"this one ends without saving, and the same command continues or says who works "
                f"there."
            )
        # The loss shows only at the next step that an update broke the weights.
        for variable in self._optimisation.trainable_weights:
            if not bool(keras.ops.all(keras.ops.isfinite(variable))):
                raise ValueError(f"after step {self.step} {variable.path} is not finite; {_CURE}")


def _steps_to_next_stop(step: int, settings: Train) -> int:
    """Returns the steps that a call may take up to a checkpoint, a validation or the end."""
    intervals = (settings.checkpoint_steps, settings.validation_steps)
    to_intervals = [interval - step % interval for interval in intervals]
    return min(settings.steps_per_call, settings.steps - step, *to_intervals)


def _require_finite(losses: NDArray[np.float32], step: int) -> None:
    """Raises a ``ValueError`` that names the first step of which a loss is not finite."""
    for offset, of_step in enumerate(losses, start=1):
        for loss in of_step:
            if not math.isfinite(loss):
                raise ValueError(f"the loss of step {step + offset} is {loss}; {_CURE}")
