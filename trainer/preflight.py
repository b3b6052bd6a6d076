"""Learn, without a TPU, whether a training step compiles for one, fits its memory, and how fast it can be at most.

make preflight ARGS="--config=urmp_labels --topology=v5e:2x2 --set train.batch_size=32"

or, in the environment that makes, python -m trainer.preflight --config=urmp_labels --topology=v5e:2x2. The step is that
of trainer.task with --set model.computation=tpu --set train.compute_dtype=bfloat16, which --set may change. A compilation
takes one to four minutes; the largest batch takes several (--nolargest_batch leaves it out). Exit status 1 where the
step does not compile or fit.
"""

import json
import signal
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from absl import flags

import configs
from configs import Config
from data_prep.runtime import command
from trainer.tpu.chips import CHIPS, Chip, split_topology
from trainer.tpu.compilation import DoesNotFitError, Program, compile_step, prepare_environment

FLAGS = flags.FLAGS
TPU_SETTINGS = ["model.computation=tpu", "train.compute_dtype=bfloat16"]
_LIMITS = """\
This is a ceiling, computed when the step was compiled, not a measurement: it takes every unit of the chip to be busy
all the time, and leaves out the sum of gradients over the chips, the input, checkpoints and validation. The program was
compiled for {generation}; for the other chips the same operations and bytes are divided by their documented peak rates
(trainer/tpu/chips.py), though they would get programs of their own."""


class Ceiling(NamedTuple):
    """How fast a program can be at most on as many chips of a kind."""

    chip: str
    arithmetic_secs: float  # per step
    traffic_secs: float
    examples_per_sec: float  # of all chips together
    hours: float  # for all steps


def ceilings(program: Program, num_steps: int) -> list[Ceiling]:
    """The roofline of a step on every chip: it takes as long as the slower of arithmetic and traffic."""

    def of_chip(name: str, chip: Chip) -> Ceiling:
        arithmetic, traffic = (
            program.flops / chip.bfloat16_flops,
            program.traffic_bytes / chip.bytes_per_sec,
        )
        secs = max(arithmetic, traffic)
        batch_size = program.batch_per_core * program.num_cores
        return Ceiling(name, arithmetic, traffic, batch_size / secs, secs * num_steps / 3600)

    return [of_chip(name, chip) for name, chip in CHIPS.items()]


def largest_batch(first: Program, fits: Callable[[int], bool]) -> tuple[int, int]:
    """The largest number of examples per core that is known to fit, and the smallest that is known not to.

    Bisection, begun where the memory of the first program points to, until the two are within a sixteenth.
    """
    low, high = first.batch_per_core, 0
    free = _capacity(first) - first.peak_bytes
    guess = low + int(free // (first.temporary_bytes / low))
    guess = max(guess, low + 1)
    while not high or high - low > max(1, low // 16):
        if fits(guess):
            low = guess
        else:
            high = guess
        guess = (low + high) // 2 if high else low + max(1, low // 16)
    return low, high


def print_program(program: Program, config: Config) -> None:
    """What the compiler says of a program."""
    capacity, mib = _capacity(program), 2**20
    print(
        f"\n{config.name} on {program.topology}: {program.num_cores} cores, {program.batch_per_core} examples each, "
        f"{config.train.compute_dtype}, model.computation={getattr(config.model, 'computation', None)}, {program.num_parameters:,} parameters\n"
        f"compiled in {program.compile_secs:.0f} s by {program.compiler}, with no TPU present\n\n"
        f"Per core and step:\n"
        f"  memory         {program.peak_bytes / mib:9,.1f} MiB, {program.peak_bytes / capacity:.1%} of the chip's "
        f"{capacity / mib:,.0f}\n"
        f"    arguments    {program.argument_bytes / mib:9,.1f} MiB: weights, optimizer, batch\n"
        f"    temporaries  {program.temporary_bytes / mib:9,.1f} MiB\n"
        f"    program      {program.program_bytes / mib:9,.1f} MiB\n"
        f"  arithmetic     {program.flops / 1e9:9,.1f} GFLOP\n"
        f"  device memory  {program.traffic_bytes / 1e9:9,.3f} GB to and fro\n"
    )


def print_ceilings(
    rows: Sequence[Ceiling], program: Program, config: Config, host_rate: float
) -> None:
    """The roofline on every chip, and what the host would have to keep up with."""
    print(f"At most, on {program.num_cores} chips:")
    print(
        f"  {'chip':5} {'TFLOP/s':>8} {'GB/s':>6} {'arithmetic':>11} {'traffic':>9} {'examples/s':>11}  "
        f"hours for {config.train.steps:,} steps"
    )
    for row in rows:
        chip = CHIPS[row.chip]
        print(
            f"  {row.chip:5} {chip.bfloat16_flops / 1e12:8.0f} {chip.bytes_per_sec / 1e9:6.0f} "
            f"{1e3 * row.arithmetic_secs:8.2f} ms {1e3 * row.traffic_secs:6.2f} ms {row.examples_per_sec:11,.0f} "
            f"{row.hours:6.2f}"
        )
    generation, _ = split_topology(program.topology)
    (here,) = (row for row in rows if row.chip == generation)
    num_bytes = program.example_bytes
    print(
        f"\nTo keep {generation} that busy the hosts must deliver {here.examples_per_sec:,.0f} examples of "
        f"{num_bytes / 1e6:.2f} MB a second: {here.examples_per_sec * num_bytes / 1e9:.2f} GB/s."
    )
    if host_rate:
        share = host_rate / here.examples_per_sec
        print(
            f"benchmarks.input_pipeline measured {host_rate:,.0f} a second on one host: {share:.0%} of that."
        )
    else:
        print(
            "python -m benchmarks.input_pipeline measures what a host delivers; --host_rate=N puts it here."
        )
    print("\n" + _LIMITS.format(generation=generation))


def _capacity(program: Program) -> float:
    return CHIPS[split_topology(program.topology)[0]].memory_bytes


def _print_largest_batch(config: Config, program: Program) -> tuple[int, int]:
    def fits(batch_per_core: int) -> bool:
        batch_size = batch_per_core * program.num_cores
        try:
            compile_step(
                configs.override(config, [f"train.batch_size={batch_size}"]), program.topology
            )
        except DoesNotFitError:
            print(f"  {batch_per_core} examples per core do not fit", flush=True)
            return False
        print(f"  {batch_per_core} examples per core fit", flush=True)
        return True

    print("\nLooking for the largest batch; every try is a compilation.", flush=True)
    low, high = largest_batch(program, fits)
    cores = program.num_cores
    print(
        f"train.batch_size={low * cores} fits ({low} examples per core), {high * cores} does not.",
        flush=True,
    )
    return low, high


def main(_: Sequence[str]) -> int:
    """Compile, print, look for the largest batch."""
    config = configs.load(FLAGS.config, [*TPU_SETTINGS, *FLAGS.set])
    prepare_environment(FLAGS.topology)
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # the compiler returns to Python after minutes; nothing is lost
        signal.signal(number, signal.SIG_DFL)
    print(f"Compiling {config.name} for {FLAGS.topology}, one to four minutes ...", flush=True)
    program = compile_step(config, FLAGS.topology)
    rows = ceilings(program, config.train.steps)
    print_program(program, config)
    print_ceilings(rows, program, config, FLAGS.host_rate)
    result = {"config": json.loads(configs.to_json(config)), "program": asdict(program)}
    result["ceilings"] = [row._asdict() for row in rows]
    if FLAGS.largest_batch:
        result["largest_batch_per_core"], result["too_large_per_core"] = _print_largest_batch(
            config, program
        )
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
