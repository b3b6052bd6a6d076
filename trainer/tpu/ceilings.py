"""Computes how fast a compiled step can be at most on each kind of chip, and prints it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from configs import Config
from configs.reading import read_object
from data_prep.runtime.quantities import pluralized
from trainer.tpu.chips import CHIPS, Chip, split_topology
from trainer.tpu.compilation import Program

_LIMITS = (
    "This is a ceiling, computed when the step was compiled, not a measurement: it takes every "
    "unit of the chip to be busy\n"
    "all the time, and leaves out the sum of gradients over the chips, the input, checkpoints and "
    "validation. The program was\n"
    "compiled for {generation}; for the other chips the same operations and bytes are divided by "
    "their documented peak rates\n"
    "(trainer/tpu/chips.py), though they would get programs of their own."
)


class Ceiling(NamedTuple):
    """Holds how fast a program can be at most on as many chips of a kind."""

    chip: str
    # Of one step.
    arithmetic_secs: float
    traffic_secs: float
    # Of all chips together.
    examples_per_sec: float
    # Of all steps.
    hours: float


def ceilings(program: Program, num_steps: int) -> list[Ceiling]:
    """Returns the roofline of a training of so many steps on every kind of chip."""
    return [_ceiling(program, num_steps, name, chip) for name, chip in CHIPS.items()]


def _ceiling(program: Program, num_steps: int, name: str, chip: Chip) -> Ceiling:
    arithmetic_secs = program.flops / chip.bfloat16_flops
    traffic_secs = program.traffic_bytes / chip.bytes_per_sec
    # Arithmetic and traffic go on at the same time: a step takes as long as the slower one.
    step_secs = max(arithmetic_secs, traffic_secs)
    batch_size = program.batch_per_core * program.num_cores
    return Ceiling(
        chip=name,
        arithmetic_secs=arithmetic_secs,
        traffic_secs=traffic_secs,
        examples_per_sec=batch_size / step_secs,
        hours=step_secs * num_steps / 3600,
    )


def load_ceilings(path: str) -> dict[str, float]:
    """Reads examples per second at most by the name of a line, such as ``4 x v5e, bfloat16``.

    Raises:
        ValueError: the file is not what preflight writes.
    """
    try:
        result = read_object(Path(path))
        num_chips = result["program"]["num_cores"]
        dtype = result["config"]["train"]["compute_dtype"]
        return {
            f"{num_chips} x {row['chip']}, {dtype}": float(row["examples_per_sec"])
            for row in result["ceilings"]
        }
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is not what trainer.preflight --json writes ({error})."
        ) from error


def capacity_bytes(program: Program) -> float:
    """Returns the device memory of the chip that a program was compiled for."""
    generation, _ = split_topology(program.topology)
    return CHIPS[generation].memory_bytes


def print_program(program: Program, config: Config) -> None:
    """Prints what the compiler says of a program."""
    capacity = capacity_bytes(program)
    mib = 2**20
    # Of a network that can be computed in several ways.
    computation = ""
    if hasattr(config.model, "computation"):
        computation = f"model.computation={config.model.computation}, "
    parts = ""
    if program.num_parts > 1:
        parts = f" in {program.num_parts} parts"
    print(
        f"\n{config.name} on {program.topology}: {program.num_cores} cores, "
        f"{program.batch_per_core} examples each{parts}, {config.train.compute_dtype}, "
        f"{computation}{program.num_parameters:,} parameters\n"
        f"compiled in {program.compile_secs:.0f} s by {program.compiler}, with no TPU present\n\n"
        f"Per core and step:\n"
        f"  memory         {program.peak_bytes / mib:9,.1f} MiB, "
        f"{program.peak_bytes / capacity:.1%} of the chip's {capacity / mib:,.0f}\n"
        f"    arguments    {program.argument_bytes / mib:9,.1f} MiB: weights, optimizer, batch\n"
        f"    temporaries  {program.temporary_bytes / mib:9,.1f} MiB\n"
        f"    program      {program.program_bytes / mib:9,.1f} MiB\n"
        f"  arithmetic     {program.flops / 1e9:9,.1f} GFLOP\n"
        f"  device memory  {program.traffic_bytes / 1e9:9,.3f} GB to and fro\n"
    )
    if program.num_untold_loops:
        print(
            f"  {pluralized(program.num_untold_loops, 'loop')} of the program, as of Fourier "
            "transforms, run nobody says how often: counted once in the traffic, which is more.\n"
        )


def print_ceilings(
    rows: Sequence[Ceiling], program: Program, config: Config, host_rate: float
) -> None:
    """Prints the roofline on every chip, and what the hosts would have to keep up with.

    Args:
        rows: what ``ceilings`` returns.
        program: the compiled step.
        config: its experiment.
        host_rate: examples per second that a host was measured to deliver, 0 if none was.
    """
    print(f"At most, on {program.num_cores} chips:")
    print(
        f"  {'chip':5} {'TFLOP/s':>8} {'GB/s':>6} {'arithmetic':>11} {'traffic':>9} "
        f"{'examples/s':>11}  hours for {config.train.steps:,} steps"
    )
    for row in rows:
        chip = CHIPS[row.chip]
        print(
            f"  {row.chip:5} {chip.bfloat16_flops / 1e12:8.0f} {chip.bytes_per_sec / 1e9:6.0f} "
            f"{1e3 * row.arithmetic_secs:8.2f} ms {1e3 * row.traffic_secs:6.2f} ms "
            f"{row.examples_per_sec:11,.0f} {row.hours:6.2f}"
        )
    generation, _ = split_topology(program.topology)
    rates = {row.chip: row.examples_per_sec for row in rows}
    _print_host(program, generation, rates[generation], host_rate)
    print("\n" + _LIMITS.format(generation=generation))


def _print_host(program: Program, generation: str, rate: float, host_rate: float) -> None:
    """Prints what the hosts must deliver for so many examples per second, and what one does."""
    num_bytes = program.example_bytes
    print(
        f"\nTo keep {generation} that busy the hosts must deliver {rate:,.0f} examples of "
        f"{num_bytes / 1e6:.2f} MB a second: {rate * num_bytes / 1e9:.2f} GB/s."
    )
    if host_rate:
        print(
            f"benchmarks.input_pipeline measured {host_rate:,.0f} a second on one host: "
            f"{host_rate / rate:.0%} of that."
        )
    else:
        print(
            "python -m benchmarks.input_pipeline measures what a host delivers; --host_rate=N puts "
            "it here."
        )
