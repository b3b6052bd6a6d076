"""Looking before leaping: what a run will cost, and whether its network can learn at all."""

import resource
import sys
import time
from collections.abc import Mapping

import tensorflow as tf

from configs import Config, WaveUNetSettings
from data_prep.records.manifest import Manifest
from data_prep.runtime.quantities import clock, pluralized, scaled
from trainer.loop.optimisation import Optimisation
from trainer.loop.train import Task, distribute, make_run_steps

_MEASURED_STEPS = 5
_OVERFIT_STEPS = 1000
_COLLAPSED = 0.02


def forward_flops(config: Config, pruned: bool | None = None) -> int:
    """Multiplications and additions in the convolutions of one forward pass of one example.

    Pruned leaves out what nothing uses: of the encoder, around a skip, every second frame.
    """
    model, geometry = config.model, config.model.window()
    assert isinstance(model, WaveUNetSettings)
    shrink = (
        1 if model.padding == "valid" else 0
    )  # a convolution of k taps takes k - 1 frames, or none
    filters = [
        config.audio.channels,
        *(model.num_filters * level for level in range(1, model.num_levels + 2)),
    ]
    total = model.down_kernel * filters[-2] * filters[-1] * geometry.bottleneck_frames
    for level in range(1, model.num_levels + 1):
        below, here, above = filters[level + 1], filters[level], filters[level - 1]
        skip = geometry.skip_frames(level)
        on_each_side = (
            geometry.encoder_frames(level) - shrink * (model.down_kernel - 1) - skip
        ) // 2
        frames = skip + 2 * (-(-on_each_side // 2) if pruned else on_each_side)
        total += model.down_kernel * above * here * frames
        total += model.up_kernel * (below + here) * here * (skip - shrink * (model.up_kernel - 1))
    num_heads = len(config.data.sources) * config.audio.channels
    total += (filters[1] + config.audio.channels) * num_heads * geometry.estimate_frames
    return 2 * total


def dry_run(
    task: Task, config: Config, manifest: Manifest, strategy: tf.distribute.Strategy
) -> None:
    """Print what the run is and costs, the speed measured on a few steps; nothing is written."""
    settings, geometry = config.train, config.model.window()
    with strategy.scope():
        network = task.make_network()
        optimisation = Optimisation(settings, network)
    run_steps = make_run_steps(task.loss, network, optimisation.apply, strategy)
    batches = iter(distribute(task.make_examples(0), settings.batch_size, strategy))
    run_steps(batches, tf.constant(1))  # compiles
    started = time.monotonic()
    _, waited_secs = run_steps(batches, tf.constant(_MEASURED_STEPS))
    step_secs = (time.monotonic() - started) / _MEASURED_STEPS

    state = [*network.variables, *optimisation.variables.values(), *optimisation.average.values()]
    state_bytes = sum(variable.numpy().nbytes for variable in state)
    batch = pluralized(settings.batch_size, "example")
    flops = 3 * settings.batch_size * forward_flops(config)
    duration = clock(step_secs * settings.steps)
    tracks = manifest.tracks("train")
    epoch = sum(track.num_frames for track in tracks) / geometry.estimate_frames
    num_epochs = settings.steps * settings.batch_size / max(epoch, 1e-9)
    waiting = float(waited_secs) / _MEASURED_STEPS / step_secs
    _print_table(
        {
            "parameters": f"{network.count_params():,}",
            "a step": f"{batch}, about {scaled(flops, 'FLOP')}, {settings.compute_dtype}",
            "patch": f"{geometry.mixture_frames:,} frames of mixture, {geometry.estimate_frames:,} of estimates",
            "weights and optimizer": scaled(state_bytes, "B", 1024),
            "peak memory so far": f"{scaled(_peak_bytes(), 'B', 1024)}, with the excerpts held in memory",
            "records": f"{sum(track.num_excerpts for track in tracks):,} of {pluralized(len(tracks), 'training track')}",
            "patches per epoch": f"{epoch:,.0f}; the run is {num_epochs:,.1f} epochs",
            "devices": f"{strategy.num_replicas_in_sync} x {tf.config.list_logical_devices()[-1].device_type}",
            "measured": f"{step_secs:.3f} s a step, {waiting:.0%} of it waiting for input",
            "the whole run": f"{pluralized(settings.steps, 'step')}, about {duration} and the validations",
        }
    )


def overfit(task: Task, config: Config, strategy: tf.distribute.Strategy) -> None:
    """Train on the first batch alone until its loss collapses; nothing is written.

    Raises:
        ValueError: it does not.
    """
    with strategy.scope():
        network = task.make_network()
        optimisation = Optimisation(config.train, network)
    run_steps = make_run_steps(task.loss, network, optimisation.apply, strategy)
    batch = task.make_examples(0).take(config.train.batch_size).cache().repeat()
    batches = iter(distribute(batch, config.train.batch_size, strategy))
    first = float(run_steps(batches, tf.constant(1))[0][0])
    loss, step, stride = first, 1, max(1, _OVERFIT_STEPS // 50)
    while step < _OVERFIT_STEPS:
        loss = float(run_steps(batches, tf.constant(stride))[0][-1])
        step += stride
        print(f"step {step}: loss {loss:.3e}, {loss / first:.1%} of the first", flush=True)
        if loss < _COLLAPSED * first:
            print("The loss collapses: the network, its loss and its gradients work.", flush=True)
            return
    raise ValueError(
        f"the loss of one batch is still {loss / first:.0%} of the first after {step} steps, expected below "
        f"{_COLLAPSED:.0%}; the learning rate ({config.train.learning_rate}) or the labels are the first to check."
    )


def _print_table(rows: Mapping[str, str]) -> None:
    width = max(map(len, rows))
    for name, value in rows.items():
        print(f"{name:{width}}  {value}", flush=True)


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak  # bytes there, KiB elsewhere
