"""The loop: restore, steps on the device, a look, a checkpoint, again.

It knows nothing of Wave-U-Net: a task says which batches it wants, what its network is and what its loss is.
"""

import math
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import keras
import tensorflow as tf

from configs import Train
from data_prep.runtime.quantities import pluralized
from trainer.loop.checkpoints import Checkpoints
from trainer.loop.lock import Hold
from trainer.loop.optimisation import Optimisation
from trainer.loop.progress import Progress
from trainer.loop.summaries import Summaries

_CURE = (
    "training stopped, the checkpoints before it are kept. A lower train.learning_rate, in a new --workdir if there "
    "are checkpoints, is the usual cure."
)


class Task(Protocol):
    """What the loop needs to know of a task."""

    def make_network(self) -> keras.Model:
        """The network, its weights made."""

    def make_examples(self, start_step: int) -> tf.data.Dataset:
        """All examples from a step on, in order."""

    def loss(self, network: keras.Model, batch: Any) -> tf.Tensor:
        """The loss of a batch, a mean over its examples."""

    def validate(self, weights: Sequence[Any]) -> Mapping[str, float | None]:
        """Figures of the validation tracks with these weights, the first being what best means; none without tracks."""

    def show(self, weights: Sequence[Any], summaries: Summaries, step: int) -> None:
        """What TensorBoard lets people see and hear of a network with these weights."""


def train(
    task: Task, settings: Train, workdir: str, strategy: tf.distribute.Strategy, hold: Hold
) -> bool:
    """Train up to ``settings.steps`` steps in all, from the newest checkpoint of the workdir if there is one.

    Returns:
        Whether the run is done: all its steps, or as many as early stopping leaves. Not so where SIGTERM or SIGINT
        ended it, after saving it.

    Raises:
        ValueError: the batch does not divide among the replicas, the loss is not finite, or another job took the
            workdir over.
    """
    _require_even_batches(settings, strategy)
    run = _Training(task, settings, workdir, strategy, hold)
    if not run.ending():
        with _interruptible() as interrupted:
            run.train(interrupted)
    print(run.ending() or f"Saved after step {run.step}.", flush=True)
    return run.ending() is not None


class _Training:
    """A run from its newest checkpoint on."""

    def __init__(
        self,
        task: Task,
        settings: Train,
        workdir: str,
        strategy: tf.distribute.Strategy,
        hold: Hold,
    ) -> None:
        self._task, self._settings, self._strategy = task, settings, strategy
        self._workdir, self._hold = workdir, hold
        with strategy.scope():
            self._network = task.make_network()
            self._optimisation = Optimisation(settings, self._network)
        self._checkpoints = Checkpoints(
            workdir, self._network, self._optimisation, settings.keep_checkpoints
        )
        self.step = self._checkpoints.restore()
        start = f"continuing after step {self.step}" if self.step else "starting"
        print(f"{self._network.count_params():,} parameters; {start}", flush=True)
        self._summaries = Summaries(workdir)
        self._progress = Progress(workdir, settings, self.step, self._summaries)

    def ending(self) -> str | None:
        """Why there is nothing left to train, if so."""
        settings, not_better = self._settings, int(self._checkpoints.not_better.numpy())
        if self.step >= settings.steps:
            return f"The run is done after {pluralized(settings.steps, 'step')}."
        if settings.patience and not_better >= settings.patience:
            return f"Stopped early after step {self.step}: no new best in {pluralized(not_better, 'validation')}."
        return None

    def train(self, interrupted: Callable[[], bool]) -> None:
        """Take steps, validate and save until nothing is left to train or the run is interrupted."""
        settings, saved = self._settings, self.step
        run_steps = make_run_steps(
            self._task.loss, self._network, self._optimisation.apply, self._strategy
        )
        batches = iter(
            distribute(self._task.make_examples(self.step), settings.batch_size, self._strategy)
        )
        self._progress.resume(self.step)
        while not interrupted() and not self.ending():
            num_steps = _steps_to_next_stop(self.step, settings)
            losses, waited_secs = run_steps(batches, tf.constant(num_steps))
            _require_finite(losses.numpy(), self.step)
            self.step += num_steps
            rate = self._optimisation.learning_rate
            self._progress.report(self.step, losses.numpy(), rate, float(waited_secs))
            if self.step % settings.validation_steps == 0 or self.step == settings.steps:
                self._validate()
            if self.step % settings.checkpoint_steps == 0:
                saved = self._save()
        if saved < self.step:
            self._save()
        self._summaries.close()

    def _validate(self) -> None:
        """Validate, keep the best checkpoint, and let the plateau schedule and early stopping know.

        What counts is the average of the weights where one is kept; the weights themselves are validated beside it.
        """
        self._require_sound()
        raw = self._network.get_weights()
        weights = [mean.numpy() for mean in self._optimisation.average.values()] or raw
        if figures := self._task.validate(weights):
            others = {} if weights is raw else self._task.validate(raw)
            self._progress.validated(
                self.step, **figures, **{f"raw_{name}": value for name, value in others.items()}
            )
            self._judge(next(iter(figures.values())))
        self._task.show(weights, self._summaries, self.step)
        self._progress.resume(self.step)

    def _judge(self, figure: float | None) -> None:
        checkpoints, settings = self._checkpoints, self._settings
        if figure is not None and figure > float(checkpoints.best.numpy()):
            checkpoints.best.assign(figure)
            checkpoints.not_better.assign(0)
            checkpoints.save_best(self.step)
            return
        not_better = int(checkpoints.not_better.assign_add(1).numpy())
        if settings.schedule == "plateau" and not_better % settings.plateau_validations == 0:
            self._optimisation.lower_learning_rate()
            print(
                f"step {self.step}: the learning rate is now {self._optimisation.learning_rate:.3g}",
                flush=True,
            )

    def _save(self) -> int:
        self._require_sound()
        self._checkpoints.save(self.step)
        self._progress.save()
        self._progress.resume(self.step)
        return self.step

    def _require_sound(self) -> None:
        """Nothing may be saved that another job or a broken update would make worthless."""
        if self._hold.lost:
            raise ValueError(
                f"{self._workdir} could not be kept, so that another job may have taken it over; this one ends without "
                f"saving, and the same command continues or says who works there."
            )
        # The loss shows only at the next step that an update broke the weights.
        for variable in self._network.trainable_variables:
            if not bool(keras.ops.all(keras.ops.isfinite(variable))):
                raise ValueError(f"after step {self.step} {variable.path} is not finite; {_CURE}")


def distribute(examples: tf.data.Dataset, batch_size: int, strategy: tf.distribute.Strategy) -> Any:
    """Examples in order to global batches: replica r takes the r-th equal share of every batch.

    Nothing rewrites or shards the dataset, so that one device and several see the same examples at the same step.
    """
    share = batch_size // strategy.num_replicas_in_sync

    def of_host(context: tf.distribute.InputContext) -> tf.data.Dataset:
        shares = shares_of_host(examples.batch(share, drop_remainder=True), context)
        return shares.prefetch(tf.data.AUTOTUNE)

    return strategy.distribute_datasets_from_function(of_host)


def shares_of_host(shares: tf.data.Dataset, context: tf.distribute.InputContext) -> tf.data.Dataset:
    """Of the shares of all replicas, in order, those of the replicas of one host; a large TPU has several hosts."""
    num_hosts = context.num_input_pipelines
    if num_hosts == 1:
        return shares
    replicas = context.num_replicas_in_sync // num_hosts
    return shares.batch(replicas).shard(num_hosts, context.input_pipeline_id).unbatch()


def make_run_steps(
    loss_of_batch: Callable[[keras.Model, Any], tf.Tensor],
    network: keras.Model,
    apply_gradients: Callable[[list[tf.Tensor]], None],
    strategy: tf.distribute.Strategy,
) -> Callable[[Iterator[Any], tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """A compiled function that takes a number of steps in one call.

    It returns the loss of each step, and the seconds that all of them waited for their batches.
    """
    num_replicas = strategy.num_replicas_in_sync

    def replica_step(batch: Any) -> tf.Tensor:
        with tf.GradientTape() as tape:
            # Gradients are summed over replicas: of the mean over the global batch each owes its share.
            loss = loss_of_batch(network, batch) / num_replicas
        apply_gradients(tape.gradient(loss, network.trainable_variables))
        return loss

    @tf.function
    def run_steps(batches: Iterator[Any], num_steps: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        losses, waited_secs = (
            tf.TensorArray(tf.float32, num_steps, element_shape=[]),
            tf.zeros([], tf.float64),
        )
        for i in tf.range(num_steps):
            asked = tf.timestamp()
            batch = next(batches)
            waited_secs += tf.timestamp() - asked
            replica_losses = strategy.run(replica_step, args=(batch,))
            losses = losses.write(
                i, strategy.reduce(tf.distribute.ReduceOp.SUM, replica_losses, axis=None)
            )
        return losses.stack(), waited_secs

    return run_steps


def _require_even_batches(settings: Train, strategy: tf.distribute.Strategy) -> None:
    if settings.batch_size % strategy.num_replicas_in_sync:
        raise ValueError(
            f"train.batch_size is {settings.batch_size}; expected a multiple of the {strategy.num_replicas_in_sync} "
            f"replicas of this machine."
        )


def _steps_to_next_stop(step: int, settings: Train) -> int:
    """As many steps as a call may take without passing a checkpoint, a validation or the end."""
    intervals = (settings.checkpoint_steps, settings.validation_steps)
    return min(
        settings.steps_per_call,
        settings.steps - step,
        *(interval - step % interval for interval in intervals),
    )


def _require_finite(losses: Any, step: int) -> None:
    for offset, loss in enumerate(losses, start=1):
        if not math.isfinite(loss):
            raise ValueError(f"the loss of step {step + offset} is {loss}; {_CURE}")


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Yields whether SIGTERM or SIGINT came; the call in progress finishes first, a second signal ends at once."""
    received: list[int] = []
    previous: dict[int, Any] = {}

    def remember(number: int, _: Any) -> None:
        received.append(number)
        signal.signal(number, previous[number])
        print("interrupted: finishing the steps in progress, then saving", flush=True)

    for number in (int(signal.SIGTERM), int(signal.SIGINT)):
        previous[number] = signal.signal(number, remember)
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
