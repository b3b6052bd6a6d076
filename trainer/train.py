"""The loop: restore, steps on the device, a look, a checkpoint, again.

It knows nothing of Wave-U-Net: a task says which batches it wants, what its network is and what its loss is.
"""

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import keras
import tensorflow as tf

from configs import Train
from trainer.checkpoints import Checkpoints
from trainer.summaries import Summaries

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


def train(task: Task, settings: Train, workdir: str, strategy: tf.distribute.Strategy) -> bool:
    """Train up to ``settings.steps`` steps in all, from the newest checkpoint of the workdir if there is one.

    Returns:
        Whether all steps are done; not so where SIGTERM or SIGINT ended the run early, after saving it.

    Raises:
        ValueError: the batch does not divide among the replicas, or the loss is not finite.
    """
    _require_even_batches(settings, strategy)
    with strategy.scope():
        network = task.make_network()
        optimizer = make_optimizer(settings, network)
    checkpoints = Checkpoints(workdir, network, optimizer, settings.keep_checkpoints)
    step = checkpoints.restore()
    print(
        f"{network.count_params():,} parameters; {f'continuing after step {step}' if step else 'starting'}", flush=True
    )
    if step >= settings.steps:
        print(f"All {settings.steps} steps are done.", flush=True)
        return True
    run_steps = make_run_steps(task, network, optimizer, strategy)
    batches = iter(distribute(task.make_examples(step), settings.batch_size, strategy))
    summaries, progress, saved = Summaries(workdir), _Progress(settings, step), step
    with _interruptible() as interrupted:
        while step < settings.steps and not interrupted():
            num_steps = _steps_to_next_stop(step, settings)
            losses = run_steps(batches, tf.constant(num_steps)).numpy()
            _require_finite(losses, step)
            step += num_steps
            progress.report(step, summaries, loss=float(losses.mean()), learning_rate=float(optimizer.learning_rate))
            if step % settings.checkpoint_steps == 0:
                saved = _save(checkpoints, network, step)
        if saved < step:
            _save(checkpoints, network, step)
    summaries.close()
    return step >= settings.steps


def make_optimizer(settings: Train, network: keras.Model) -> keras.optimizers.Optimizer:
    """Adam (Kingma, Ba, ICLR 2015), its state made: inside a strategy Keras cannot make it at the first step."""
    # The gradients of a mean over many, mostly silent slots are as small as the usual epsilon of 1e-7.
    optimizer = keras.optimizers.Adam(make_schedule(settings), epsilon=1e-10)
    optimizer.build(network.trainable_variables)
    return optimizer


def make_schedule(settings: Train) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate as a function of the steps taken; it is part of no checkpoint, it follows from the config."""
    if settings.schedule == "exponential":
        schedules = keras.optimizers.schedules
        return schedules.ExponentialDecay(settings.learning_rate, settings.decay_steps, settings.decay_rate)
    if settings.schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(settings.learning_rate, settings.steps)
    return settings.learning_rate


def distribute(examples: tf.data.Dataset, batch_size: int, strategy: tf.distribute.Strategy) -> Any:
    """Examples in order to global batches: replica r takes the r-th equal share of every batch.

    Nothing rewrites or shards the dataset, so that one device and several see the same examples at the same step.
    """
    share = batch_size // strategy.num_replicas_in_sync
    batches = examples.batch(share, drop_remainder=True).prefetch(tf.data.AUTOTUNE)
    return strategy.distribute_datasets_from_function(lambda _: batches)


def make_run_steps(
    task: Task, network: keras.Model, optimizer: keras.optimizers.Optimizer, strategy: tf.distribute.Strategy
) -> Callable[[Iterator[Any], tf.Tensor], tf.Tensor]:
    """A compiled function that takes a number of steps in one call and returns the loss of each."""
    num_replicas = strategy.num_replicas_in_sync

    def replica_step(batch: Any) -> tf.Tensor:
        with tf.GradientTape() as tape:
            # The optimizer sums gradients over replicas: of the mean over the global batch each owes its share.
            loss = task.loss(network, batch) / num_replicas
        optimizer.apply(tape.gradient(loss, network.trainable_variables), network.trainable_variables)
        return loss

    @tf.function
    def run_steps(batches: Iterator[Any], num_steps: tf.Tensor) -> tf.Tensor:
        losses = tf.TensorArray(tf.float32, num_steps, element_shape=[])
        for i in tf.range(num_steps):
            replica_losses = strategy.run(replica_step, args=(next(batches),))
            losses = losses.write(i, strategy.reduce(tf.distribute.ReduceOp.SUM, replica_losses, axis=None))
        return losses.stack()

    return run_steps


def _save(checkpoints: Checkpoints, network: keras.Model, step: int) -> int:
    """Save unless the last update broke the weights: the loss shows that only at the next step."""
    for variable in network.trainable_variables:
        if not bool(keras.ops.all(keras.ops.isfinite(variable))):
            raise ValueError(f"after step {step} {variable.path} is not finite; {_CURE}")
    checkpoints.save(step)
    return step


def _require_even_batches(settings: Train, strategy: tf.distribute.Strategy) -> None:
    if settings.batch_size % strategy.num_replicas_in_sync:
        raise ValueError(
            f"train.batch_size is {settings.batch_size}; expected a multiple of the {strategy.num_replicas_in_sync} "
            f"replicas of this machine."
        )


def _steps_to_next_stop(step: int, settings: Train) -> int:
    """As many steps as a call may take without passing a checkpoint or the end."""
    to_checkpoint = settings.checkpoint_steps - step % settings.checkpoint_steps
    return min(settings.steps_per_call, to_checkpoint, settings.steps - step)


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


class _Progress:
    """A line at most every few seconds, and figures for TensorBoard after every call."""

    _LINE_SECS = 5.0

    def __init__(self, settings: Train, step: int) -> None:
        self._settings = settings
        self._first_step = self._last_step = step
        self._started = self._last_call = time.monotonic()
        self._last_line = -math.inf

    def report(self, step: int, summaries: Summaries, loss: float, learning_rate: float) -> None:
        """Tell where the run is after a call."""
        now = time.monotonic()
        rate = (step - self._last_step) * self._settings.batch_size / (now - self._last_call)
        summaries.write_scalars(step, loss=loss, examples_per_second=rate, learning_rate=learning_rate)
        if now - self._last_line >= self._LINE_SECS or step == self._settings.steps:
            # The first call also compiles: time left is judged by the last one.
            left = round((self._settings.steps - step) * self._settings.batch_size / rate)
            print(
                f"step {step:>{len(str(self._settings.steps))}}/{self._settings.steps}  loss {loss:.3e}  "
                f"{rate:6.1f} examples/s  {left // 60}:{left % 60:02} left",
                flush=True,
            )
            self._last_line = now
        self._last_step, self._last_call = step, now
