"""Score a trained network on the tracks of its records, segment by segment, and report.

    python -m evaluation.evaluate --workdir=runs/urmp_labels --split=test

writes WORKDIR/evaluation/STEP-SPLIT/scores.csv, scores.json (how they were made: thresholds, rate, channels, labels,
schema version) and report.html. --audit adds the table of evaluation.audit to the report.
"""

from collections.abc import Sequence

from absl import flags

from data_prep import command

BASELINES = ("oracle", "none")

FLAGS = flags.FLAGS


def main(_: Sequence[str]) -> None:
    """Flags -> one call."""
    # Here, because the processes that score import this module, and need neither TensorFlow nor a report.
    from evaluation.evaluate_run import evaluate
    from evaluation.options import flag_values

    out = evaluate(*flag_values(), FLAGS.baselines, FLAGS.audit, FLAGS.processes)
    print(f"scores: {out}/scores.csv\nreport: {out}/report.html")


if __name__ == "__main__":
    from evaluation.options import define_flags

    define_flags()
    flags.DEFINE_enum("baselines", "oracle", BASELINES, "score oracle masks and filters beside the network, or not")
    flags.DEFINE_bool("audit", False, "show in the report what the labels do: the table of evaluation.audit")
    flags.DEFINE_integer(
        "processes", 0, "that score at most; 0: one per core, fewer where memory is short", lower_bound=0
    )
    command.run(main)
