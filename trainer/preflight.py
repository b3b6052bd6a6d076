"""Tells, without a TPU, whether a training step compiles for one, fits it, and how fast it can be.

make preflight ARGS="--config=urmp_labels --topology=v5e:2x2 --set train.batch_size=32"

or, in the environment that makes, python -m trainer.preflight --config=urmp_labels
--topology=v5e:2x2. The step is that of trainer.task with --set train.compute_dtype=bfloat16, and
for a Wave-U-Net --set model.computation=tpu, which --set may change. A compilation takes one to
four minutes; the largest batch takes several (--nolargest_batch leaves it out). Exit status 1 where
the step does not compile or fit.
"""

import json
import signal
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from absl import flags

import configs
from configs import Config
from data_prep.runtime import command
from trainer.tpu.ceilings import capacity_bytes, ceilings, print_ceilings, print_program
from trainer.tpu.compilation import DoesNotFitError, Program, compile_step, prepare_environment

FLAGS = flags.FLAGS


def load_for_tpu(name: str, overrides: Sequence[str] = ()) -> Config:
    """Returns an experiment as it runs on a TPU; overrides change that, too."""
    config = configs.load(name, overrides)
    of_tpu = replace(
        config,
        model=config.model.for_tpu(),
        train=replace(config.train, compute_dtype="bfloat16"),
    )
    return configs.override(of_tpu, overrides)


def largest_batch(first: Program, fits: Callable[[int], bool]) -> tuple[int, int]:
    """Brackets the largest number of examples per core that fits, within a sixteenth.

    Where a batch is taken in parts, so are all that are tried.

    Args:
        first: a program that fits.
        fits: says of a number of examples of a part, per core, whether it fits.

    Returns:
        The largest number that is known to fit, and the smallest that is known not to.
    """
    low = first.batch_per_core // first.num_parts
    # 0 while no number is known that does not fit.
    high = 0
    # The first guess takes the temporaries to grow in proportion to the batch.
    free_bytes = capacity_bytes(first) - first.peak_bytes
    temporary_bytes_per_example = first.temporary_bytes / low
    guess = max(low + int(free_bytes // temporary_bytes_per_example), low + 1)
    while not high or high - low > max(1, low // 16):
        if fits(guess):
            low = guess
        else:
            high = guess
        if high:
            guess = (low + high) // 2
        else:
            guess = low + max(1, low // 16)
    return low, high


def _find_largest_batch(config: Config, program: Program) -> tuple[int, int]:
    """Compiles the step with other batches, and prints which of them fit.

    Returns:
        Of examples per core the largest number known to fit, the smallest known not to.
    """
    num_cores = program.num_cores

    def fits(examples_per_part: int) -> bool:
        batch_per_core = examples_per_part * program.num_parts
        batch_size = batch_per_core * num_cores
        changed = configs.override(config, [f"train.batch_size={batch_size}"])
        try:
            compile_step(changed, program.topology)
        except DoesNotFitError:
            print(f"  {batch_per_core} examples per core do not fit", flush=True)
            return False
        print(f"  {batch_per_core} examples per core fit", flush=True)
        return True

    print("\nLooking for the largest batch; every try is a compilation.", flush=True)
    low, high = (count * program.num_parts for count in largest_batch(program, fits))
    print(
        f"train.batch_size={low * num_cores} fits ({low} examples per core), {high * num_cores} "
        f"does not.",
        flush=True,
    )
    return low, high


def main(_: Sequence[str]) -> int:
    """Compiles, prints, looks for the largest batch."""
    config = load_for_tpu(FLAGS.config, FLAGS.set)
    prepare_environment(FLAGS.topology)
    # The compiler returns to Python after minutes. So interruptions end it at once; nothing is
    # lost.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    print(f"Compiling {config.name} for {FLAGS.topology}, one to four minutes ...", flush=True)
    program = compile_step(config, FLAGS.topology)
    rows = ceilings(program, config.train.steps)
    print_program(program, config)
    print_ceilings(rows, program, config, FLAGS.host_rate)
    result: dict[str, Any] = {
        "config": asdict(config),
        "program": asdict(program),
        "ceilings": [row._asdict() for row in rows],
    }
    if FLAGS.largest_batch:
        low, high = _find_largest_batch(config, program)
        result["largest_batch_per_core"] = low
        result["too_large_per_core"] = high
    if FLAGS.json:
        Path(FLAGS.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return command.FINISHED


if __name__ == "__main__":
    flags.DEFINE_string(
        "config", None, f"experiment, one of {', '.join(configs.experiments())}", required=True
    )
    flags.DEFINE_string(
        "topology", "v5e:2x2", "v5e:2x2, v5e:2x4, v6e:2x2, v4:2x2x1, v5p:2x2x1, ..."
    )
    flags.DEFINE_bool("largest_batch", True, "look for the largest batch that fits, by bisection")
    flags.DEFINE_float(
        "host_rate", 0, "examples per second that benchmarks.input_pipeline measured", lower_bound=0
    )
    flags.DEFINE_string(
        "json", None, "write the figures to this file, for trainer.benchmark --ceilings"
    )
    flags.DEFINE_multi_string("set", [], "override, section.field=value; may be repeated")
    command.run(main)
