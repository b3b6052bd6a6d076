"""Measures what averaging estimates is worth: shifts, polarity, swapped channels, several runs.

python -m benchmarks.passes --workdir=runs/smoke --workdir=runs/smoke1 --records=records/urmp

The figure is that of the scores, the improvement of the estimate over the mixture in segments of
one second in which several sources sound. Each way of averaging stands beside the single pass of
the first run, segment by segment: the median and the mean of the differences, with intervals over
tracks (bootstrap, 95 %), and every track by itself where there are fewer than six. The passes are
those of evaluation.separate --passes; polarity and swapped channels are measured beside them also
where the network has not learnt from such songs. Of several runs each is measured alone, too.

Every track that is estimated in a way is a row of --rows, which also says how long that took; the
same command continues an interrupted one, and measures nothing twice.
"""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from absl import flags
from numpy.typing import NDArray

from benchmarks.rows import append_row, load_rows
from configs.splits import SPLITS
from data_prep.records.full_tracks import FullTrack, iter_full_tracks
from data_prep.records.manifest import load_manifest
from data_prep.runtime import command
from evaluation.scores.bootstrap import intervals, why_none
from trainer.inference.average import AverageSeparator
from trainer.inference.passes import Pass, passes_of
from trainer.inference.separator import TrainedSeparator
from trainer.tasks.separation.validation import improvements

FLAGS = flags.FLAGS
SINGLE = "single pass"

Members = Sequence[tuple[TrainedSeparator, Sequence[Pass]]]


class Row(NamedTuple):
    """Holds what was measured of a track."""

    way: str
    track: str
    # Of the network and its passes, and of the records.
    identity: dict[str, Any]
    seconds: float
    # Of every segment and source that counts, in dB.
    improvements: list[float]


def ways_to_average(
    separators: Sequence[TrainedSeparator], counts: Sequence[int]
) -> dict[str, Members]:
    """Returns who is averaged, by what that is called; the single pass comes first."""
    first = separators[0]
    ways: dict[str, Members] = {SINGLE: [(first, [Pass()])]}
    for count in counts:
        ways[f"{count} passes"] = [(first, passes_of(first.config, count))]
    kinds = {"polarity": Pass(inverts=True)}
    if first.config.audio.channels == 2:
        kinds["swapped channels"] = Pass(swaps=True)
    for name, each in kinds.items():
        ways[f"{name} alone"] = [(first, [each])]
        ways[f"{name} and single"] = [(first, [Pass(), each])]
    for number, other in enumerate(separators[1:], start=2):
        ways[f"run {number} alone"] = [(other, [Pass()])]
        ways[f"{number} runs"] = [(each, [Pass()]) for each in separators[:number]]
        ways[f"{number} runs, {counts[0]} passes"] = [
            (each, passes_of(each.config, counts[0])) for each in separators[:number]
        ]
    return ways


def iter_rows(
    ways: dict[str, Members], tracks: Sequence[FullTrack], records: str, done: Sequence[Row]
) -> Iterator[Row]:
    """Measures what is not done, and yields a row for each way and track, also of what is."""
    known = {(row.way, row.track, json.dumps(row.identity)): row for row in done}
    for way, members in ways.items():
        separator = AverageSeparator(members)
        identity = {**separator.identity(), "records": records}
        for track in tracks:
            row = known.get((way, track.name, json.dumps(identity)))
            yield row or measure(way, separator, track, identity)


def measure(
    way: str, separator: AverageSeparator, track: FullTrack, identity: dict[str, Any]
) -> Row:
    """Estimates a track and compares it with its sources."""
    started = time.perf_counter()
    estimates = separator.estimate(track.mixture, track.labels)
    seconds = time.perf_counter() - started
    values = improvements(track, estimates, separator.config)
    return Row(way, track.name, identity, seconds, values.tolist())


def print_way(rows: Sequence[Row], single: Sequence[Row]) -> None:
    """Prints a line for a way to average, and one a track where there are few."""
    ours = np.concatenate([row.improvements for row in rows])
    theirs = np.concatenate([row.improvements for row in single])
    tracks = np.concatenate([[row.track] * len(row.improvements) for row in rows])
    differences = ours - theirs
    found = intervals(differences, tracks)
    cells = [f"{rows[0].way:<26}{np.median(ours):8.2f}"]
    for name in ("median", "mean"):
        value = getattr(np, name)(differences)
        bounds = getattr(found, name) if found else None
        interval = f"{bounds.low:+.2f} to {bounds.high:+.2f}" if bounds else ""
        cells.append(f"{value:+10.2f}{interval:>17}")
    ratios = [row.seconds / other.seconds for row, other in zip(rows, single, strict=True)]
    print("".join(cells) + f"{np.median(ratios):8.1f}", flush=True)
    if found is None:
        for row, other in zip(rows, single, strict=True):
            print_track(row, other)


def print_track(row: Row, single: Row) -> None:
    """Prints the figures of one track."""
    values: NDArray[np.float64] = np.array(row.improvements)
    differences = values - np.array(single.improvements)
    print(
        f"  {row.track:<24}{np.median(values):8.2f}{np.median(differences):+10.2f}{'':17}"
        f"{np.mean(differences):+10.2f}",
        flush=True,
    )


def main(_: Sequence[str]) -> int:
    """Measures what is missing, then prints a table."""
    separators = [
        TrainedSeparator(workdir, FLAGS.checkpoint) for workdir in dict.fromkeys(FLAGS.workdir)
    ]
    manifest = load_manifest(FLAGS.records)
    for separator in separators:
        manifest.require(separator.config, FLAGS.records)
    ways = ways_to_average(separators, [int(count) for count in FLAGS.passes])
    tracks = list(iter_full_tracks(manifest, FLAGS.records, FLAGS.split))
    shards = ",".join(shard.crc32c for shard in manifest.shards[FLAGS.split])
    path = Path(FLAGS.rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    done = [Row(**row) for row in load_rows(path)]
    by_way: dict[str, list[Row]] = {way: [] for way in ways}
    note = why_none(len(tracks))
    print(f"{len(tracks)} tracks" + (f"; no intervals ({note})" if note else ""))
    print(
        f"{'dB above the mixture':<26}{'median':>8}{'beside the single pass: median':>34}"
        f"{'mean':>20}{'time':>8}"
    )
    for row in iter_rows(ways, tracks, shards, done):
        if row not in done:
            append_row(path, row._asdict())
        by_way[row.way].append(row)
        if len(by_way[row.way]) == len(tracks):
            print_way(by_way[row.way], by_way[SINGLE])
    return command.FINISHED


if __name__ == "__main__":
    flags.DEFINE_multi_string(
        "workdir", None, "folder of the run; repeated: of several", required=True
    )
    flags.DEFINE_string("records", None, "folder of the records", required=True)
    flags.DEFINE_enum("split", "test", SPLITS, "which tracks to estimate")
    flags.DEFINE_string("checkpoint", "best", "best (in validation), latest, or a number of steps")
    flags.DEFINE_list("passes", "2,4,8", "numbers of passes to measure")
    flags.DEFINE_string("rows", "build/passes.jsonl", "file of what is measured")
    command.run(main)
