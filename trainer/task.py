"""Train an experiment; the same command continues an interrupted run.

python -m trainer.task --config=urmp_labels --records=records/urmp --workdir=runs/urmp_labels
"""

from collections.abc import Sequence

from absl import flags

import configs
from data_prep import command
from data_prep.manifest import load_manifest
from trainer.separation import SeparationTask
from trainer.strategy import make_strategy
from trainer.train import train
from trainer.workdir import open_run

FLAGS = flags.FLAGS


def main(_: Sequence[str]) -> int:
    """Flags -> config -> one call."""
    config = configs.load(FLAGS.config, FLAGS.set)
    manifest = load_manifest(FLAGS.records)
    strategy = make_strategy(FLAGS.tpu)
    task = SeparationTask(config, manifest, FLAGS.records)
    open_run(FLAGS.workdir, config, FLAGS.records, manifest)
    return 0 if train(task, config.train, FLAGS.workdir, strategy) else command.INTERRUPTED


if __name__ == "__main__":
    flags.DEFINE_string("config", None, f"experiment, one of {', '.join(configs.experiments())}", required=True)
    flags.DEFINE_string("records", None, "folder of the records", required=True)
    flags.DEFINE_string("workdir", None, "folder of the run", required=True)
    flags.DEFINE_string("tpu", "none", "local on a TPU VM, the name of a TPU, or none for GPUs and CPU")
    flags.DEFINE_multi_string("set", [], "override, section.field=value; may be repeated")
    command.run(main)
