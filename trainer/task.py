"""Trains an experiment; the same command continues an interrupted run.

python -m trainer.task --config=urmp_labels --records=records/urmp --workdir=runs/urmp_labels
"""

import sys
from collections.abc import Sequence

from absl import flags

import configs
from data_prep.records.manifest import load_manifest
from data_prep.runtime import command
from data_prep.runtime.system import not_on_windows
from data_prep.storage import open_folder
from data_prep.storage.lock import held

FLAGS = flags.FLAGS


def main(_: Sequence[str]) -> int:
    """Trains, or describes, the experiment that the flags name."""
    if sys.platform == "win32":
        raise not_on_windows("training")
    config = configs.load(FLAGS.config, FLAGS.set)
    records = open_folder(FLAGS.records).url
    workdir = open_folder(FLAGS.workdir)
    manifest = load_manifest(records)
    manifest.require(config, records)
    with command.importing():
        from trainer.loop.dry_run import dry_run, overfit
        from trainer.loop.strategy import make_strategy
        from trainer.loop.train import train
        from trainer.loop.workdir import open_run
        from trainer.tasks.registry import make_task

    if not FLAGS.dry_run and not FLAGS.overfit:
        # Before anything that takes minutes.
        workdir.check()
    strategy = make_strategy(FLAGS.tpu)
    task = make_task(config, manifest, records)
    if FLAGS.dry_run:
        dry_run(task, config, strategy)
        return command.FINISHED
    if FLAGS.overfit:
        overfit(task, config, strategy)
        return command.FINISHED
    with held(workdir.url) as hold:
        open_run(workdir.url, config, records, manifest)
        done = train(task, config.train, workdir.url, strategy, hold)
    return command.FINISHED if done else command.INTERRUPTED


if __name__ == "__main__":
    flags.DEFINE_string(
        "config", None, f"experiment, one of {', '.join(configs.experiments())}", required=True
    )
    flags.DEFINE_string("records", None, "folder of the records", required=True)
    flags.DEFINE_string("workdir", None, "folder of the run", required=True)
    flags.DEFINE_string(
        "tpu", "none", "local on a TPU VM, the name of a TPU, or none for GPUs and CPU"
    )
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
