"""Says whether runs differ, segment by segment on the same tracks; the first is the reference.

    python -m evaluation.compare runs/plain/evaluation/20000-test runs/film/evaluation/20000-test \
        --metric=snr --report=compared.html

A RUN is a folder with a scores.csv, such a file, or a folder of the JSON files that museval writes,
one per track, in which published systems come. Museval's figures are those of BSS Eval v4: its SDR,
the plain ratio of signal to noise, is our snr; its ISR, SIR and SAR are our isr, sir_v4 and sar_v4.
Compare with them only what was scored at their rate and channels (published: 44.1 kHz, stereo).

The metric bins is a share of time-frequency bins, printed in %, its differences in percentage
points; what one answer for all bins would reach, the majority, is printed with it.

Segments in which a source sounds alone are left out, as in the improvement. For every source the
median difference of each track is taken, and for all sources the mean of these (a median would not
see one source of four change). What is printed is their median over tracks with a bootstrap
interval over tracks and, for all sources, the p-value of Wilcoxon's signed-rank test, as it is and
corrected for the number of runs (Holm 1979).

With --ratings=FILE, which may be repeated, stands beside this what listeners think: each FILE is a
table of blind ratings that the page of a run or of a comparison saved.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from data_prep.runtime import command
from evaluation.document.render import SUFFIXES
from evaluation.scores.saved import task_of
from evaluation.tasks.comparisons import comparison_of

FLAGS = flags.FLAGS


def _require_writable(report: str, out: str) -> None:
    """Refuses paths that cannot be written, before anything is computed."""
    if report:
        page = Path(report)
        if page.suffix != ".html":
            raise ValueError(f"--report is {report}; expected a name that ends in .html.")
        written = [page.absolute().with_suffix(suffix) for suffix in SUFFIXES]
        if out and Path(out).absolute() in written:
            raise ValueError(
                f"--out is {out}, which --report={report} writes too; choose another name."
            )
    for name in (report, out):
        if name and not Path(name).absolute().parent.is_dir():
            raise ValueError(
                f"there is no folder {Path(name).parent} for {name}; make it or choose another."
            )


def main(arguments: Sequence[str]) -> None:
    """Compares the runs that the command line names, by the rules of their task."""
    sources = [name.strip() for name in FLAGS.sources.split(",") if name.strip()]
    _require_writable(FLAGS.report, FLAGS.out)
    # The first argument is the name of the command.
    names = arguments[1:]
    compare_runs = comparison_of({task_of(name) for name in names})
    compare_runs(names, FLAGS.metric, sources, FLAGS.report, FLAGS.out, FLAGS.ratings)


if __name__ == "__main__":
    flags.DEFINE_string(
        "metric", "snr", "which column of the scores to compare: bins, or one in dB"
    )
    flags.DEFINE_string("sources", "", "the sources to compare, separated by commas; all if empty")
    flags.DEFINE_string(
        "report", "", "page to write, such as compared.html, with figures and sounds"
    )
    flags.DEFINE_multi_string(
        "ratings", [], "table of ratings that a page saved; may be repeated, for each listener"
    )
    flags.DEFINE_string("out", "", "file to write the comparison to, as JSON")
    command.run(main, takes_files=True)
