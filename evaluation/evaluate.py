"""Scores a trained network on the tracks of its records, segment by segment, and reports.

    python -m evaluation.evaluate --workdir=runs/urmp_labels --split=test

writes WORKDIR/evaluation/STEP-SPLIT/scores.csv, scores.json (how they were made: thresholds, rate,
channels, labels, schema version) and report.html. Beside the network stand the mixture, silence and
the constant gain, which is learnt once from the training records and kept in
WORKDIR/evaluation/constant_gain.json; and oracles, unless --baselines=none. --audit adds the table
of evaluation.audit to the report.

    python -m evaluation.evaluate --workdir=runs/urmp_labels --split=test --baselines=classical

adds methods that need no network, as far as they can separate such tracks: NMF with spectra that
are learnt once from the training records and kept beside them, NMF of the track itself, and for two
sources HPSS and REPET, in stereo ICA and PCA as well.

    python -m evaluation.evaluate --workdir=runs/musdb --split=test --root=/data/musdb18

scores full-length estimates against the original files, at the rate and channels of the corpus, and
writes to STEP-SPLIT-original. Only such scores may stand beside published ones.

    python -m evaluation.evaluate --workdir=runs/a --workdir=runs/b --split=test

scores the mean of the estimates of two or more runs with the same sources, rate and channels, by
the settings and on the records of the first. It writes to a folder of its own within the first run,
STEP-SPLIT-mean-of-2-DIGEST, where DIGEST stands for the others, or to --out. --wiener=1 scores what
a Wiener filter makes of the estimates, in STEP-SPLIT-wiener-1.

    python -m evaluation.evaluate --estimates=FOLDER --references=FOLDER --out=FOLDER

scores what any other system wrote: ESTIMATES/TRACK/SOURCE.wav against REFERENCES/TRACK/SOURCE.wav,
or files of any other kind that FFmpeg decodes, of any rate and channels; the mixture is
REFERENCES/TRACK/mixture.wav or the sum of the references.

A run that makes single sounds is set beside the sounds that it has learnt from, and draws --drawn
sounds by dice; --referee=RECORDS names one-shots of several classes, of which a classifier learns
whether a drawn snare is one.

An interrupted call is continued by the same one, track by track; of a finished one only the report
is made again, until scores.csv is deleted.
"""

from collections.abc import Sequence

from absl import flags

from data_prep.runtime import command

BASELINES = ("oracle", "classical", "none")
# The flags that only some tasks know.
_OPTIONS = (
    "baselines",
    "audit",
    "root",
    "wiener",
    "labels",
    "tagger",
    "puzzles",
    "drawn",
    "referee",
)

FLAGS = flags.FLAGS


def main(_: Sequence[str]) -> None:
    """Scores the run, or the folders, that the flags name."""
    if FLAGS.estimates or FLAGS.references:
        out = _evaluate_folders()
    else:
        out = _evaluate_run()
    print(f"scores: {out}/scores.csv\nreport: {out}/report.html")


# Imports are where they are needed: the processes that score import this module too, and scoring
# needs no TensorFlow.


def _evaluate_run() -> str:
    if not FLAGS.workdir:
        raise ValueError("name the run with --workdir, or --estimates, --references and --out.")
    # Quickly, to refuse a folder before the rest is imported.
    from trainer.loop.workdir import require_run

    for workdir in FLAGS.workdir:
        require_run(workdir)
    with command.importing():
        from evaluation.options import named_checkpoint
        from evaluation.tasks.pipeline import evaluate

    return evaluate(
        named_checkpoint(),
        processes=FLAGS.processes,
        **{name: FLAGS[name].value for name in _OPTIONS if FLAGS[name].present},
    )


def _evaluate_folders() -> str:
    is_complete = FLAGS.estimates and FLAGS.references and FLAGS.out
    # All but the one that both have.
    of_runs = ("workdir", "records", *(name for name in _OPTIONS if name != "baselines"))
    names_a_run = any(FLAGS[name].present and FLAGS[name].value for name in of_runs)
    if names_a_run or not is_complete:
        raise ValueError(
            "files are scored by --estimates, --references and --out, without a run, records or "
            "--wiener."
        )
    with command.importing():
        from evaluation.tasks.separation.folders import evaluate_folders

    return evaluate_folders(
        FLAGS.estimates,
        FLAGS.references,
        FLAGS.out,
        FLAGS.set,
        FLAGS.baselines,
        FLAGS.processes,
    )


if __name__ == "__main__":
    from evaluation.estimates.wiener_flag import define_wiener_flag
    from evaluation.options import define_flags
    from evaluation.recognition.recognition_flag import AUTO, define_tagger_flag

    define_flags(workdir_required=False, several=True)
    define_wiener_flag()
    define_tagger_flag()
    flags.DEFINE_enum(
        "labels", None, ["true", AUTO], "those of each track, or those that --tagger hears in it"
    )
    flags.DEFINE_string("root", "", "folder of the corpus, to score at its own rate and channels")
    flags.DEFINE_string(
        "estimates", "", "folder of a folder per track with estimates, instead of a run"
    )
    flags.DEFINE_string("references", "", "folder of a folder per track with references")
    flags.DEFINE_enum(
        "baselines",
        "oracle",
        BASELINES,
        "score oracle masks and filters beside the network; classical: also NMF and other methods "
        "that need no network; none: neither",
    )
    flags.DEFINE_bool(
        "audit", False, "show in the report what the labels do: the table of evaluation.audit"
    )
    flags.DEFINE_integer(
        "puzzles",
        1500,
        "that a run which orders clips is asked of all tracks together, and of each control",
        lower_bound=1,
    )
    flags.DEFINE_integer(
        "drawn",
        500,
        "sounds by dice of a run that makes single sounds",
        lower_bound=2,
    )
    flags.DEFINE_string(
        "referee",
        "",
        "records of one-shots of several classes, from which a judge of made sounds learns; needed "
        "where a run was trained on one class",
    )
    flags.DEFINE_integer(
        "processes",
        0,
        "that score at most; 0: one per core, fewer where memory is short",
        lower_bound=0,
    )
    command.run(main)
