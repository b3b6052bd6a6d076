"""Trains an experiment; the same command continues an interrupted run.

python -m trainer.task --config=urmp_labels --records=records/urmp --workdir=runs/urmp_labels
"""

import io
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from typing import TYPE_CHECKING, Any

from absl import flags

import configs
from configs import Config
from data_prep.records.manifest import load_manifest
from data_prep.runtime import command
from data_prep.runtime.system import not_on_windows
from data_prep.storage import Folder, open_folder
from data_prep.storage.lock import Hold, held
from trainer.devices.chosen import choose_backend, require_backend

if TYPE_CHECKING:
    from trainer.loop.protocol import Devices

FLAGS = flags.FLAGS


def _choose_backend(config: Config) -> None:
    """Lets Keras be imported with the backend that the flags name, and joins other processes.

    Raises:
        ValueError: the experiment needs another, or the flags do not fit each other.
    """
    others = FLAGS.num_processes is not None or FLAGS.process is not None
    if FLAGS.backend == "tensorflow":
        if others or FLAGS.coordinator:
            raise ValueError("--coordinator, --num_processes and --process need --backend=jax.")
        return
    if FLAGS.tpu != "none":
        raise ValueError(
            f"--tpu={FLAGS.tpu} is for TensorFlow; JAX takes what devices it sees, give "
            f"--backend=jax alone."
        )
    if others and not FLAGS.coordinator:
        raise ValueError(
            "--num_processes and --process need --coordinator, the address of process 0."
        )
    require_backend(config, FLAGS.backend)
    if FLAGS.coordinator:
        with command.importing():
            from trainer.devices.processes import join_processes

        join_processes(FLAGS.coordinator, FLAGS.num_processes, FLAGS.process)
    choose_backend(FLAGS.backend)


def main(_: Sequence[str]) -> int:
    """Trains, or describes, the experiment that the flags name."""
    if sys.platform == "win32":
        raise not_on_windows("training")
    config = configs.load(FLAGS.config, FLAGS.set)
    _choose_backend(config)
    records = open_folder(FLAGS.records).url
    workdir = open_folder(FLAGS.workdir)
    manifest = load_manifest(records)
    manifest.require(config, records)
    with command.importing():
        from trainer.devices.found import find_devices
        from trainer.loop.dry_run import dry_run, overfit
        from trainer.loop.train import train
        from trainer.loop.workdir import open_run
        from trainer.tasks.registry import make_task

    if not FLAGS.dry_run and not FLAGS.overfit:
        # Before anything that takes minutes.
        workdir.check()
    devices = find_devices(FLAGS.tpu)
    with _telling(devices):
        task = make_task(config, manifest, records)
        if FLAGS.dry_run:
            dry_run(task, config, devices)
            return command.FINISHED
        if FLAGS.overfit:
            overfit(task, config, devices)
            return command.FINISHED
        print(f"Training on {devices.name}.", flush=True)
        with _held(workdir, devices) as hold:
            if devices.is_writer:
                open_run(workdir.url, config, records, manifest)
            # From here on there is a run for all processes.
            devices.agree(False)
            done = train(task, config.train, workdir.url, devices, hold)
    return command.FINISHED if done else command.INTERRUPTED


def _telling(devices: "Devices") -> AbstractContextManager[Any]:
    """Returns the context in which one of several processes tells of their run."""
    return nullcontext() if devices.is_writer else redirect_stdout(io.StringIO())


def _held(workdir: Folder, devices: "Devices") -> AbstractContextManager[Hold]:
    """Keeps the folder to this run: the process that writes holds it for all."""
    return held(workdir.url) if devices.is_writer else nullcontext(Hold())


if __name__ == "__main__":
    flags.DEFINE_string(
        "config", None, f"experiment, one of {', '.join(configs.experiments())}", required=True
    )
    flags.DEFINE_string("records", None, "folder of the records", required=True)
    flags.DEFINE_string("workdir", None, "folder of the run", required=True)
    flags.DEFINE_string(
        "tpu", "none", "local on a TPU VM, the name of a TPU, or none for GPUs and CPU"
    )
    flags.DEFINE_enum(
        "backend", "tensorflow", ["tensorflow", "jax"], "what computes; a run may change it"
    )
    flags.DEFINE_string(
        "coordinator",
        None,
        "of several hosts, by JAX: address:port of the first, or auto on a TPU slice",
    )
    flags.DEFINE_integer("num_processes", None, "how many processes work together", lower_bound=1)
    flags.DEFINE_integer("process", None, "number of this one, from 0", lower_bound=0)
    flags.DEFINE_bool(
        "dry_run",
        False,
        "say what the run is and costs, measured on a few steps, and write nothing",
    )
    flags.DEFINE_bool(
        "overfit", False, "train on one batch until its loss collapses, and write nothing"
    )
    flags.DEFINE_multi_string("set", [], "override, section.field=value; may be repeated")
    command.run(main)
