"""Measures how many examples per second this machine trains on, by backend, dtype and batch size.

python -m trainer.benchmark --config=musdb --backend=both --batches=1,2,4 --out=build/benchmark.json

The step is that of a training, input and all: forward pass, loss, backward pass and optimizer, on
all devices of the machine. A table goes to the screen, the numbers to --out, and a figure beside
it, as SVG. --backend=both measures TensorFlow and JAX one after the other, each in a process of its
own, into files of their own, and joins them; --beside=FILE joins what was measured before, as in
another image. --ceilings=FILE, which trainer.preflight --json has written, puts beside it what TPUs
can reach at most. On a TPU or a GPU add --set model.computation=tpu.
"""

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from absl import flags

import configs
from configs import Config
from data_prep.runtime import command
from data_prep.runtime.subcommand import give
from trainer.devices.chosen import choose_backend, require_backend
from trainer.tpu.ceilings import load_ceilings
from trainer.tpu.rates import (
    BACKENDS,
    COLOURS,
    Series,
    draw,
    load,
    ratio_lines,
    save,
    table_head,
)

FLAGS = flags.FLAGS
BOTH = "both"
PACKAGES = (
    "jax",
    "jaxlib",
    "keras",
    "libtpu",
    "numpy",
    "tensorflow",
    "tensorflow-cpu",
    "tensorflow-tpu",
)


def main(_: Sequence[str]) -> int:
    """Measures, prints, draws."""
    config = configs.load(FLAGS.config, FLAGS.set)
    require_backend(config, FLAGS.backend)
    ceilings = load_ceilings(FLAGS.ceilings) if FLAGS.ceilings else {}
    out = Path(FLAGS.out)
    series = [each for path in FLAGS.beside for each in load(Path(path), asdict(config))]
    if FLAGS.backend == BOTH:
        for backend in BACKENDS:
            of_backend = out.with_name(f"{out.stem}-{backend}.json")
            # Of a flag that is given twice the last counts. Keras has one backend in a process.
            own = [f"--backend={backend}", f"--out={of_backend}", "--beside=", "--ceilings="]
            status = give(["trainer.benchmark", *sys.argv[1:], *own])
            if status != command.FINISHED:
                return status
            series += load(of_backend, asdict(config))
    else:
        series.append(_measure_here(config))
    for line in ratio_lines(series):
        print(line)
    for name, rate in ceilings.items():
        print(f"at most on {name}: {rate:,.0f} examples/s (trainer.preflight)")
    save(out, asdict(config), series, ceilings)
    draw(series, ceilings, config.name, out.with_suffix(".svg"))
    print(f"{out}, {out.with_suffix('.svg')}")
    return command.FINISHED


def _measure_here(config: Config) -> Series:
    """Measures all batch sizes and dtypes in this process."""
    choose_backend(FLAGS.backend)
    command.import_first([FLAGS.backend])
    with command.importing():
        from trainer.devices.found import find_devices
        from trainer.tpu.measuring import device_name, measure_all

    devices = find_devices(FLAGS.tpu)
    device = device_name(devices)
    computation = getattr(config.model, "computation", None)
    print(f"{config.name} on {device}, {FLAGS.backend}, model.computation={computation}")
    print(table_head())
    batches = sorted({int(size) for size in FLAGS.batches})
    rows = measure_all(config, devices, FLAGS.dtypes, batches, FLAGS.secs, FLAGS.rounds)
    return Series(FLAGS.backend, device, _packages(), rows)


def _packages() -> dict[str, str]:
    """Returns the versions of what computes, as far as it is installed."""
    found = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


if __name__ == "__main__":
    flags.DEFINE_string(
        "config", None, f"experiment, one of {', '.join(configs.experiments())}", required=True
    )
    flags.DEFINE_list("batches", "1,2,4", "batch sizes over all devices")
    flags.register_validator(
        "batches",
        lambda sizes: bool(sizes) and all(size.isdecimal() and int(size) > 0 for size in sizes),
        "expected 1,2,4",
    )
    flags.DEFINE_list("dtypes", "float32,bfloat16", "what to compute in")
    flags.register_validator(
        "dtypes",
        lambda names: bool(names) and set(names) <= set(COLOURS),
        "expected float32,bfloat16",
    )
    flags.DEFINE_enum(
        "backend", "tensorflow", [*BACKENDS, BOTH], "what computes; both, one after the other"
    )
    flags.DEFINE_string(
        "tpu",
        "none",
        "of TensorFlow: local on a TPU VM, the name of a TPU, or none for GPUs and CPU",
    )
    flags.DEFINE_string("ceilings", None, "file that trainer.preflight --json wrote")
    flags.DEFINE_list("beside", [], "files of this command, whose lines are drawn, too")
    flags.DEFINE_string(
        "out", "build/benchmark.json", "file of the results; the figure is beside it"
    )
    flags.register_validator(
        "out", lambda path: Path(path).suffix == ".json", "expected a name that ends in .json"
    )
    flags.DEFINE_float("secs", 10, "how long to measure each batch size, about", lower_bound=0)
    flags.DEFINE_integer("rounds", 3, "in how many rounds", lower_bound=1)
    flags.DEFINE_multi_string("set", [], "override, section.field=value; may be repeated")
    command.run(main)
