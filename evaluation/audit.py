"""Measures what labels or notes are worth: one network is told them rightly, wrongly or not.

    python -m evaluation.audit --workdir=runs/urmp_labels --split=test
    python -m evaluation.audit --workdir=runs/urmp_notes --split=test --of=notes

prints a table and writes WORKDIR/evaluation/STEP-SPLIT/audit.json (audit-notes.json), which the
report of evaluation.evaluate shows.

The network is told of each track:

``true``        the instruments of the piece, as everywhere else
``recognised``  those that the run of --tagger hears, where one is named
``unknown``     nothing, where it was trained for that
``empty``       that nothing plays
``full``        that all instruments play
``swapped``     for every instrument of the piece another one that has no part in it

With --of=notes it is told the labels of the track, and of its notes:

``true``         those of the records
``none``         that nobody knows them, where it was trained for that
``jittered_25``  those of the records, each onset and offset moved by up to 25 ms; also 50 to 200
``shifted``      all of them a second later
``another``      the notes of another track
``octave``       all of them an octave higher

Where estimates follow what is told, the truth must be better than all else; where they do not,
nothing changes.
"""

from collections.abc import Sequence

from absl import flags

from data_prep.runtime import command
from data_prep.storage.lock import keeping
from evaluation.options import define_flags, named_checkpoint
from evaluation.recognition.recognition_flag import define_tagger_flag, find_tagger
from evaluation.scores.conditions import Condition
from trainer.loop.workdir import load_run, require_run

FLAGS = flags.FLAGS


def table(conditions: Sequence[Condition], of: str = "labels") -> list[str]:
    """Returns the conditions as lines of text: medians in dB, each with its number of values."""
    lines = [f"{of:<12}{'improvement':>12}{'n':>9}{'leakage':>10}{'n':>9}{'tracks':>8}"]
    lines += [_line(condition) for condition in conditions]
    # Below the table, because only one of the conditions names instruments wrongly.
    for condition in conditions:
        if condition.num_misnamed:
            energy = f"{_decibels(condition.misnamed_db)} relative to the mixture"
            lines.append(
                f"{condition.labels}: the slots named wrongly get {energy} "
                f"(n {condition.num_misnamed})."
            )
    return lines


def _line(condition: Condition) -> str:
    if condition.not_measured:
        return f"{condition.labels:<12}not measured: {condition.not_measured}"
    improvement = _decibels(condition.improvement_db, "+")
    leakage = _decibels(condition.leakage_db)
    return (
        f"{condition.labels:<12}{improvement:>12}{condition.num_improvements:>9}"
        f"{leakage:>10}{condition.num_leakages:>9}{condition.num_tracks:>8}"
    )


def _decibels(value: float | None, sign: str = "") -> str:
    return "-" if value is None else f"{value:{sign}.1f} dB"


def main(_: Sequence[str]) -> None:
    """Audits the run that the flags name."""
    of = FLAGS.of
    if FLAGS.tagger and of != "labels":
        raise ValueError(f"--tagger hears labels; leave it out with --of={of}.")
    require_run(FLAGS.workdir)
    with command.importing():
        from evaluation.estimates.estimated_system import open_estimated_system
        from evaluation.recognition.recogniser import Recogniser
        from evaluation.scoring.audits import FILE_NAMES, audit
        from trainer.inference.separator import require_estimates
        from trainer.tasks.tagging.tagger import name_tagger

    named = named_checkpoint()
    require_estimates(load_run(FLAGS.workdir).config)
    system = open_estimated_system(named)
    recogniser = None
    if FLAGS.tagger:
        tagger = find_tagger(FLAGS.tagger, ())
        recogniser = Recogniser(name_tagger(tagger).load(), system.config.data.sources)
    with keeping(system.out, "--out"):
        print("\n".join(table(audit(system, recogniser, of), of)))
    print(f"audit: {system.out.url}/{FILE_NAMES[of]}")


if __name__ == "__main__":
    define_flags()
    define_tagger_flag()
    flags.DEFINE_enum("of", "labels", ["labels", "notes"], "what the network is told")
    command.run(main)
