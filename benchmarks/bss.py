"""Times BSS Eval, v3 against mir_eval and v4 against museval, and shows that they find the same.

python -m benchmarks.bss --references=2,4,13 --rounds=5 --segments=50

Segments of one second at 22.05 kHz, filters of 512 taps. All run in turn in every round, because
the speed of a machine drifts, and so does one Cholesky factorisation of the size of the Gram
matrix, the floor of whatever does not use that the matrix is block Toeplitz. With more than 4
references a rival runs once, and museval not at all: it takes minutes. The end is how long a test
set such as that of MUSDB18 takes with the two baselines of every report (50 tracks, about 200
minutes, 4 sources), from some segments, in one process.

Axes: J references, T frames, C channels.
"""

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import mir_eval  # type: ignore[import-untyped]
import museval.metrics  # type: ignore[import-untyped]
import numpy as np
import scipy.linalg
import scipy.signal
from absl import flags
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from configs.schema import Evaluation
from data_prep.runtime import command
from data_prep.runtime.memory import keep_freed_memory
from evaluation.metrics import bss_eval
from evaluation.metrics.delays import Floats
from evaluation.scoring.one_segment import score_track

FLAGS = flags.FLAGS
RATE = 22050
TAPS = 512
# References; with more of them the rivals take minutes.
MANY = 4
# Of the test set.
MINUTES = 200
SOURCES = 4

Call = Callable[[], Any]
Ratios = Sequence[NDArray[np.float64]]


@dataclass(frozen=True)
class Row:
    """Holds one version against its rival; seconds are medians over rounds."""

    version: str
    num_references: int
    channels: int
    rival: str
    rival_seconds: float
    seconds: float
    floor_seconds: float
    # Of the rival's seconds to ours, the median over rounds.
    ratio: float
    # The largest of any score.
    difference_db: float


def make_segments(num_references: int, num_frames: int, channels: int) -> tuple[Floats, Floats]:
    """Makes coloured noise that the channels share in part, and faulty estimates: (J, T, C)."""
    rng = np.random.default_rng(0)
    shape = (num_references, num_frames, channels)
    references = scipy.signal.lfilter([1.0], [1.0, -0.9], 0.01 * rng.standard_normal(shape), axis=1)
    references += 0.5 * references[..., ::-1]
    smeared = scipy.signal.lfilter([0.8, 0.3], [1.0], references, axis=1)
    return references, smeared + 0.2 * references.sum(axis=0) + 0.003 * rng.standard_normal(shape)


def timed(call: Call) -> tuple[Any, float]:
    """Returns what a call returns, and how many seconds it takes."""
    started = time.perf_counter()
    result = call()
    return result, time.perf_counter() - started


def mir_eval_sources(references: Floats, estimates: Floats) -> Ratios:
    """Computes SDR, SIR and SAR of v3, (J, T, 1) twice -> (J,) each."""
    with warnings.catch_warnings():
        # mir_eval announces that it will drop these metrics.
        warnings.simplefilter("ignore", FutureWarning)
        scores = mir_eval.separation.bss_eval_sources(
            references[..., 0], estimates[..., 0], compute_permutation=False
        )
    return scores[:3]


def museval_images(references: Floats, estimates: Floats) -> Ratios:
    """Computes SDR, ISR, SIR and SAR of v4, (J, T, C) twice -> (J,) each."""
    scores = museval.metrics.bss_eval(
        references, estimates, window=np.inf, hop=np.inf, filters_len=TAPS
    )
    return [ratio[:, 0] for ratio in scores[:4]]


def compare(version: str, num_references: int, channels: int) -> Row:
    """Times one version, its rival and the floor in every round."""
    references, estimates = make_segments(num_references, RATE, channels)
    ours: Call
    theirs: Call
    if version == "v3":
        rival = "mir_eval"
        ours = partial(
            bss_eval.bss_eval_sources, references[..., 0], estimates[..., 0], filter_taps=TAPS
        )
        theirs = partial(mir_eval_sources, references, estimates)
    else:
        rival = "museval"
        ours = partial(bss_eval.bss_eval_images, references, estimates, filter_taps=TAPS)
        theirs = partial(museval_images, references, estimates)
    scores: dict[str, Ratios] = {}
    size = num_references * channels * TAPS
    seconds: dict[str, list[float]] = {"theirs": [], "ours": [], "floor": []}
    for _ in range(FLAGS.rounds if num_references <= MANY else 1):
        # Factorised in place, as ours is.
        matrix = np.asfortranarray(np.eye(size) + 0.5)
        floor = partial(scipy.linalg.lapack.dpotrf, matrix, lower=1, clean=0, overwrite_a=1)
        calls: dict[str, Call] = {"theirs": theirs, "ours": ours, "floor": floor}
        for name, call in calls.items():
            scores[name], secs = timed(call)
            seconds[name].append(secs)
    pairs = zip(seconds["theirs"], seconds["ours"], strict=True)
    differences = np.abs(np.subtract(scores["ours"], scores["theirs"]))
    return Row(
        version=version,
        num_references=num_references,
        channels=channels,
        rival=rival,
        rival_seconds=median(seconds["theirs"]),
        seconds=median(seconds["ours"]),
        floor_seconds=median(seconds["floor"]),
        ratio=median(their_secs / our_secs for their_secs, our_secs in pairs),
        difference_db=float(np.max(differences)),
    )


def print_row(row: Row) -> None:
    """Prints a line of the table."""
    print(
        f"{row.version:<7} {row.num_references:>10} {row.channels:>8}  {row.rival:<8} "
        f"{row.rival_seconds:8.3f} {row.seconds:8.3f} {row.floor_seconds:8.3f} {row.ratio:7.1f} "
        f"{row.difference_db:13.1e}",
        flush=True,
    )


def print_test_set(channels: int, bss_v4: bool) -> None:
    """Prints the time to score a test set of the size of MUSDB18's: a system and the baselines."""
    references, estimates = make_segments(SOURCES, FLAGS.segments * RATE, channels)
    score = partial(
        score_track,
        track_name="noise",
        mixture=references.sum(axis=0),
        references=references,
        estimates={"model": estimates},
        vocabulary=[str(j) for j in range(SOURCES)],
        sample_rate=RATE,
        config=Evaluation(bss_v4=bss_v4),
    )
    _, seconds = timed(score)
    of_segment = seconds / FLAGS.segments
    versions = "v3 and v4" if bss_v4 else "v3"
    print(
        f"{versions:<9} {channels} channels: {of_segment:.3f} s per segment, "
        f"{of_segment * 60 * MINUTES:.0f} s per test set",
        flush=True,
    )


@threadpool_limits.wrap(limits=1)
def main(_: Sequence[str]) -> int:
    """Prints the comparisons, then the extrapolation."""
    # As the processes that score do.
    keep_freed_memory()
    print("version references channels  rival    rival s   ours s  floor s   ratio  difference dB")
    for num_references in map(int, FLAGS.references):
        print_row(compare("v3", num_references, 1))
        if num_references <= MANY:
            print_row(compare("v4", num_references, 1))
            print_row(compare("v4", num_references, 2))
    print(
        f"\nA test set of {MINUTES} minutes, {SOURCES} sources, segments of one second, a model "
        f"and the baselines:"
    )
    for channels in (1, 2):
        for bss_v4 in (False, True):
            print_test_set(channels, bss_v4)
    return command.FINISHED


if __name__ == "__main__":
    flags.DEFINE_list("references", "2,4,13", "numbers of references, 2 or more each")
    legal = "expected a list of numbers of 2 or more"
    flags.register_validator(
        "references", lambda ns: all(n.isdecimal() and int(n) > 1 for n in ns), legal
    )
    flags.DEFINE_integer("rounds", 5, "repetitions with up to 4 references", lower_bound=1)
    flags.DEFINE_integer(
        "segments", 50, "segments from which the time of a test set is extrapolated", lower_bound=1
    )
    command.run(main)
