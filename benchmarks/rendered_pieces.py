"""Trains networks on rendered pieces for ten minutes each, and shows them beside other methods.

    apt-get install fluidsynth fluid-soundfont-gm
    python -m benchmarks.rendered_pieces --out=build/rendered_pieces --seeds=0,1,2

The pieces are the large set of benchmarks.rendered_corpora: 40 train, 8 validate, 12 test, of 30 s
and up to thirteen instruments. Networks learn for a fixed number of steps, about ten minutes of two
quiet cores, and the last checkpoint is scored on the test pieces, with their labels: the
improvement over the mixture in segments of one second. Beside them stand NMF with spectra learnt
from the training pieces, blind NMF in the best assignment, oracle masks, the constant gain and
silence.

A figure is a mean over the test pieces of the median of each over its segments, of a network the
mean over the seeds too; its interval is one over pieces, of 95 %, by the bootstrap. What is printed
stands on one page as well: OUT/compared.html, of every run.

Every run appends its rows to OUT/rows.jsonl; the same command continues an interrupted one.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import scipy.stats
from absl import flags

from benchmarks.trained.commands import run
from benchmarks.trained.results import ALL, Result
from benchmarks.trained.trainings import CAREFUL, Network, Trainings
from data_prep.runtime import command

FLAGS = flags.FLAGS
_NUM_PIECES = 60
_RESAMPLES = 10_000
# Of the records; that of masks is the longer one.
_SHARED = ("data.context_frames=21504",)
NETWORKS = (
    Network("wave_unet", "smoke", CAREFUL, 5000),
    Network("masks", "smoke_mask", (), 4100),
)


def open_trainings(out: Path) -> Trainings:
    """Renders the pieces, and writes their records."""
    corpus = out / "pieces"
    splits = corpus / "splits.json"
    words = ["--corpus=urmp", f"--pieces={_NUM_PIECES}", f"--out={corpus}"]
    run("benchmarks.rendered_corpora", *words)
    records = out / "records"
    if not (records / "manifest.json").exists():
        words = ["--config=smoke_mask", "--corpus=urmp", f"--root={corpus}"]
        run("data_prep.write", *words, f"--splits={splits}", f"--out={records}")
    shared = (*_SHARED, f"data.splits={splits}")
    return Trainings(out, "pieces", records, "test", shared, NETWORKS)


def print_table(results: Sequence[Result]) -> None:
    """Prints a line for every system."""
    print("improvement over the mixture in dB: mean over pieces, 95 % over pieces; every seed\n")
    for system in dict.fromkeys(result.system for result in results):
        own = [result for result in results if result.system == system and result.source == ALL]
        # (pieces, seeds)
        pieces = sorted({result.track for result in own} - {ALL})
        seeds = sorted({result.seed for result in own})
        known = {(result.track, result.seed): result.improvement for result in own}
        values = np.array([[known[piece, seed] for seed in seeds] for piece in pieces], np.float64)
        of_pieces = values.mean(axis=1)
        bounds = scipy.stats.bootstrap(
            (of_pieces,),
            np.mean,
            n_resamples=_RESAMPLES,
            method="percentile",
            rng=np.random.default_rng(0),
        ).confidence_interval
        by_seed = " ".join(f"{value:+.2f}" for value in values.mean(axis=0))
        figure = f"{of_pieces.mean():+.2f} ({bounds.low:+.2f} to {bounds.high:+.2f})"
        print(f"{system:<16}{figure:<28}{len(pieces)} pieces, seeds {by_seed}")


def main(_: Sequence[str]) -> int:
    """Measures what is missing, and prints all rows."""
    trainings = open_trainings(Path(FLAGS.out))
    seeds = [int(seed) for seed in FLAGS.seeds]
    for seed in seeds:
        trainings.measure(seed)
    print_table(trainings.rows())
    scores = trainings.folder / "scores"
    runs = [
        str(scores / trainings.workdir(network, seed).name)
        for network in NETWORKS
        for seed in seeds
    ]
    run("evaluation.compare", *runs, f"--report={trainings.out / 'compared.html'}")
    return command.FINISHED


if __name__ == "__main__":
    flags.DEFINE_string("out", "build/rendered_pieces", "folder of pieces, records, runs and rows")
    flags.DEFINE_list("seeds", "0,1,2", "of the first weights and the order of examples")
    command.run(main)
