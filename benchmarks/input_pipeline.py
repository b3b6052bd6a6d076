"""Times how fast patches of the published network come out of records, beside a copy.

    python -m benchmarks.input_pipeline --rounds=5 --secs=2

Patches of 147,443 frames with 4 slots (MUSDB18's layout) and with 13 (URMP's), from memory and from
the shards, with the stored mixture and with gains, remixing and polarity. Beside them, in turn in
every round because the speed of a
machine drifts: copying what a batch holds from memory to memory with as many threads as there are
cores, which no pipeline can outrun, and the training step on this CPU, which the pipeline is to
outrun.
"""

import itertools
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import tensorflow as tf
from absl import flags

import configs
from benchmarks import train_step
from configs import Config
from data_prep import write
from data_prep.records.manifest import Manifest
from data_prep.runtime import command
from data_prep.synthetic import write_musdb, write_urmp
from trainer.batches.excerpts import load_excerpts
from trainer.batches.patches import make_batches
from trainer.devices.tensorflow_devices import distribute
from trainer.loop.protocol import Batch

FLAGS = flags.FLAGS
BATCH = 8
COPIED_BYTES = 2**28  # many times what a processor caches
ENDLESS = ["train.steps=1000000000", f"train.batch_size={BATCH}"]
AUGMENTED = [
    "augmentation.min_gain=0.5",
    "augmentation.max_gain=1.2",
    "augmentation.remix=0.5",
    "augmentation.flip_polarity=true",
]
PLACES = {"memory": "memory", "none": "shards"}

Rate = Callable[[], float]
"""Measures for a while; examples per second."""


@dataclass(frozen=True)
class Contestant:
    """One way to get batches."""

    slots: int
    place: str
    mixture: str
    rate: Rate


def make_records(folder: Path) -> Iterator[tuple[Config, Manifest, str]]:
    """Records in the sizes of the published networks, 4 slots and then 13."""
    corpora = {"musdb": (write_musdb, "musdb"), "urmp": (write_urmp, "urmp_labels")}
    for corpus, (write_corpus, experiment) in corpora.items():
        root, out = folder / corpus, folder / f"{corpus}_records"
        write_corpus(root, secs=FLAGS.track_secs)
        config = configs.load(
            experiment, [*ENDLESS, *(["data.splits=synthetic"] if corpus == "urmp" else [])]
        )
        yield config, write.write(config, corpus, root, out), str(out)


def make_contestants(config: Config, manifest: Manifest, folder: str) -> Iterator[Contestant]:
    """From memory and from the shards, as stored and augmented."""
    for cache, place in PLACES.items():
        excerpts = load_excerpts(manifest, folder, "train", cache)  # type: ignore[arg-type]
        for mixture, overrides in (("stored", []), ("augmented", AUGMENTED)):
            examples = make_batches(excerpts, configs.override(config, overrides), 0)
            batches = iter(distribute(examples, BATCH, tf.distribute.get_strategy()))
            yield Contestant(
                len(config.data.sources), place, mixture, _rate_of(partial(next, batches))
            )


def make_copy(config: Config, pool: ThreadPoolExecutor) -> Rate:
    """Copies the arrays of a batch, each core a share, from batches that no cache holds."""
    batch = train_step.make_batch(configs.override(config, [f"train.batch_size={BATCH}"]))
    copies = -(-COPIED_BYTES // sum(array.nbytes for array in batch.values()))
    sources = [{name: array.copy() for name, array in batch.items()} for _ in range(copies)]
    targets = [{name: array.copy() for name, array in batch.items()} for _ in range(copies)]
    turns = itertools.cycle(range(copies))
    shares = [
        slice(share[0], share[-1] + 1)
        for share in np.array_split(np.arange(BATCH), os.cpu_count() or 1)
    ]

    def copy_next() -> None:
        turn = next(turns)
        list(pool.map(lambda share: _copy(sources[turn], targets[turn], share), shares))

    return _rate_of(copy_next)


def _copy(batch: Batch, target: Batch, share: slice) -> None:
    for name, array in batch.items():
        np.copyto(target[name][share], array[share])


def make_step(config: Config) -> Rate:
    """The training step on this CPU."""
    small = configs.override(config, ["train.batch_size=2"])
    step = train_step.ours(small, train_step.make_weights(small), train_step.make_batch(small)).step
    step()
    return _rate_of(step, batch=2)


def _rate_of(call: Callable[[], object], batch: int = BATCH) -> Rate:
    def rate() -> float:
        call()  # what filled the buffers while others ran does not count, nor does a compilation
        started, count = time.perf_counter(), 0
        while time.perf_counter() - started < FLAGS.secs:
            call()
            count += batch
        return count / (time.perf_counter() - started)

    return rate


def report(
    contestants: Sequence[Contestant],
    rates: Sequence[Sequence[float]],
    limits: Mapping[int, Sequence[float]],
    steps: Mapping[int, Sequence[float]],
) -> None:
    """Prints a line for each contestant; ratios are medians over rounds."""
    print(
        f"\n{os.cpu_count()} CPUs, TensorFlow {tf.__version__}, examples per second, medians of "
        f"{FLAGS.rounds} rounds"
    )
    print(
        f"{'slots':>5} {'from':<7} {'mixture':<10} {'examples/s':>10} {'copying':>9} {'share':>7} "
        f"{'step':>7}  times"
    )
    for each, found in zip(contestants, rates, strict=True):
        limit, step = limits[each.slots], steps[each.slots]
        share = median(mine / its for mine, its in zip(found, limit, strict=True))
        times = median(mine / its for mine, its in zip(found, step, strict=True))
        print(
            f"{each.slots:>5} {each.place:<7} {each.mixture:<10} {median(found):>10,.0f} "
            f"{median(limit):>9,.0f} "
            f"{share:>7.1%} {median(step):>7.2f} {times:>7,.0f}"
        )


def main(_: Sequence[str]) -> None:
    """Records, contestants, rounds, table."""
    tf.config.set_visible_devices([], "GPU")
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        contestants: list[Contestant] = []
        copies, steps = {}, {}
        for config, manifest, out in make_records(Path(folder)):
            slots = len(config.data.sources)
            copies[slots], steps[slots] = make_copy(config, pool), make_step(config)
            contestants += make_contestants(config, manifest, out)
        calls = [*copies.values(), *steps.values(), *(each.rate for each in contestants)]
        rounds = [[call() for call in calls] for _ in range(FLAGS.rounds)]
    found = [list(each) for each in zip(*rounds, strict=True)]
    count = len(copies)
    limits, step_rates = (
        dict(zip(copies, found, strict=False)),
        dict(zip(steps, found[count:], strict=False)),
    )
    report(contestants, found[2 * count :], limits, step_rates)


if __name__ == "__main__":
    flags.DEFINE_integer("rounds", 5, "measurements of each", lower_bound=1)
    flags.DEFINE_float("secs", 2.0, "length of a measurement", lower_bound=0.1)
    flags.DEFINE_float(
        "track_secs", 40.0, "length of a track of the corpora that are made", lower_bound=1.0
    )
    command.run(main)
