"""Measures how fast this machine trains an experiment, on noise in place of records.

It imports what computes, so commands import it late.
"""

import math
import os
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import configs
from configs import Config
from trainer.loop.optimisation import Optimisation, require_even_batches
from trainer.loop.protocol import Devices
from trainer.networks.network import Network
from trainer.tasks.registry import step_of
from trainer.tpu.chips import chip_of_kind
from trainer.tpu.rates import Measurement, row_line

RunSteps = Callable[[int], float]
"""Takes a number of steps and returns the loss of the last one."""


def make_batch(config: Config) -> dict[str, Any]:
    """Returns noise in place of music, float32, of which half of the instruments play."""
    rng = np.random.default_rng(0)
    batch = {}
    for name, shape in step_of(config).batch_shapes(config, config.train.batch_size).items():
        noise = rng.standard_normal(shape)
        if name == "labels":
            batch[name] = (noise > 0).astype(np.float32)
        else:
            batch[name] = (0.1 * noise).astype(np.float32)
    return batch


def make_optimisation(config: Config, devices: Devices) -> Optimisation:
    """Makes the networks of an experiment and what changes their weights, free of records."""
    require_even_batches(config.train, devices.num_replicas)
    module = step_of(config)
    with devices.scope():
        networks = module.make_networks(config)
        objectives = module.make_objectives(config, networks)
        return Optimisation(config.train, networks, objectives)


def make_steps(config: Config, devices: Devices, optimisation: Optimisation) -> RunSteps:
    """Returns the steps of the loop that trains, input and all."""
    examples = tf.data.Dataset.from_tensor_slices(make_batch(config)).cache().repeat()
    batches = devices.distribute(examples, config.train.batch_size)
    run_steps = devices.make_run_steps(optimisation)

    def run(num_steps: int) -> float:
        # (steps, objectives)
        losses, _ = run_steps(batches, num_steps)
        return float(losses[-1, -1])

    return run


def measure(run_steps: RunSteps, batch_size: int, secs: float, rounds: int) -> list[float]:
    """Returns examples per second in each round, after a step that compiles and one that warms up.

    Raises:
        ValueError: the loss is not finite, so what was timed is no training.
    """
    run_steps(1)
    started = time.perf_counter()
    run_steps(1)
    step_secs = time.perf_counter() - started
    num_steps = max(1, round(secs / rounds / step_secs))
    rates = []
    for _ in range(rounds):
        started = time.perf_counter()
        loss = run_steps(num_steps)
        rates.append(batch_size * num_steps / (time.perf_counter() - started))
        if not math.isfinite(loss):
            raise ValueError(
                f"the loss is {loss} after {num_steps} steps; a lower train.learning_rate may help."
            )
    return rates


def measure_all(
    config: Config,
    devices: Devices,
    dtypes: Sequence[str],
    batches: Sequence[int],
    secs: float,
    rounds: int,
) -> list[Measurement]:
    """Measures each dtype and batch size, and prints a line for each.

    The sizes are ascending; after one that does not fit the memory no larger one is tried.
    """
    rows = []
    for dtype in dtypes:
        for batch_size in batches:
            overrides = [f"train.compute_dtype={dtype}", f"train.batch_size={batch_size}"]
            row = _measure_one(configs.override(config, overrides), devices, secs, rounds)
            rows.append(row)
            print(row_line(row), flush=True)
            if not row.examples_per_sec:
                break
    return rows


def _measure_one(config: Config, devices: Devices, secs: float, rounds: int) -> Measurement:
    settings = config.train
    rates: list[float] = []
    share = None
    try:
        optimisation = make_optimisation(config, devices)
        run_steps = make_steps(config, devices, optimisation)
        rates = measure(run_steps, settings.batch_size, secs, rounds)
        share = _share_of_peak(optimisation, devices, median(rates))
    except Exception as error:
        # The two frameworks have no class of errors in common.
        if not _is_out_of_memory(error):
            raise
    return Measurement(settings.compute_dtype, settings.batch_size, rates, share)


def _is_out_of_memory(error: Exception) -> bool:
    return type(error).__name__ == "ResourceExhaustedError" or "RESOURCE_EXHAUSTED" in str(error)


def _share_of_peak(
    optimisation: Optimisation, devices: Devices, examples_per_sec: float
) -> float | None:
    """Returns the share of the chips' peak, None where it is not known.

    It counts what networks say of a forward pass, three times: what is computed again, or for the
    sake of the form of a network, is none of the work.
    """
    # TensorFlow does not say which chip it is.
    if keras.backend.backend() != "jax":
        return None
    import jax

    chip = chip_of_kind(jax.devices()[0].device_kind)
    networks = optimisation.networks.values()
    flops = 3 * sum(each.forward_flops() for each in networks if isinstance(each, Network))
    if chip is None or not flops:
        return None
    return flops * examples_per_sec / (devices.num_replicas * chip.bfloat16_flops)


def device_name(devices: Devices) -> str:
    """Returns what the steps run on, by the same words on either backend."""
    name = devices.name.removesuffix(", by JAX").replace(" x cpu", " x CPU")
    if name.endswith(" CPU"):
        name += f" ({os.cpu_count()} cores)"
    return name
