"""Trains networks on six real songs, and shows them beside rivals that learn little or nothing.

python -m benchmarks.real_songs --out=build/real_songs --seeds=0,1,2 --torch_python=ENV/bin/python

The songs (benchmarks.corpora.songs) are fetched from Debian's packages: four train, two validate,
one of each band; with --without=muldjord or sectoid that band validates and the other one trains.
Of each song that trains there are copies, a minor third and half of that lower and higher, without
which networks soon know so few songs by heart. The networks of the project hear them in stereo at
22050 Hz for a fixed number of steps, about five minutes each on two quiet cores, and the last
checkpoint is scored: the improvement over the mixture in segments of one second, its median, and
the share of bins on the right side of the ideal binary mask. Beside them stand the mean of the
first two, the constant gain, silence, oracle masks, the methods that need no network, and panning
(benchmarks.trained.panning). With so few tracks every track and seed is shown, and no interval.

Where --torch_python names an interpreter with PyTorch and openunmix, Open-Unmix's own network
learns from the same batches (benchmarks/pytorch/train_open_unmix.py) for as long as the slower one
of the first two did, start included. It is only in the seconds of training that it depends on the
machine.

--networks=band_split_as_recorded stands beside band_split: what remixing and gains bring. Every run
appends its rows to OUT/rows.jsonl; the same command continues an interrupted one.
"""

from collections.abc import Sequence
from pathlib import Path

import soundfile
from absl import flags

import configs
from benchmarks.corpora.songs import BANDS, SOURCES, copy_at_other_pitches, fetch_songs
from benchmarks.trained.commands import evaluate_files, run, settings
from benchmarks.trained.open_unmix import train_open_unmix
from benchmarks.trained.panning import write_panning
from benchmarks.trained.results import ALL, Result, majority, results_of
from benchmarks.trained.trainings import CAREFUL, Network, Trainings
from data_prep.records.full_tracks import iter_full_tracks
from data_prep.records.manifest import load_manifest
from data_prep.runtime import command
from data_prep.storage.files import replacing
from evaluation.scores.table import MODEL

FLAGS = flags.FLAGS
# Of the records.
_RECORDED = ("audio.channels=2", "data.context_frames=21504")
# Of all networks, so that they learn from the same records.
_SHARED = (
    *_RECORDED,
    f"data.sources={','.join(SOURCES)}",
    "model.conditioning=none",
    "model.gate_heads=false",
    "augmentation.swap_channels=true",
    "augmentation.flip_polarity=true",
    "train.average_decay=0.995",
    *CAREFUL,
)
WAVE_UNET = Network("wave_unet", "smoke", ("model.conditioned_at=none",), 3100)
MASKS = Network("masks", "smoke_mask", (), 3700)
BAND_SPLIT = Network("band_split", "smoke_band_split", (), 850)
# Which hears the songs as they are, at five pitches: not remixed, at no other gains.
_AS_RECORDED = ("augmentation.remix=0", "augmentation.min_gain=1", "augmentation.max_gain=1")
AS_RECORDED = Network("band_split_as_recorded", "smoke_band_split", _AS_RECORDED, 850)
NETWORKS = {network.name: network for network in (WAVE_UNET, MASKS, BAND_SPLIT, AS_RECORDED)}
PANNING = "panning"
OPEN_UNMIX = "open-unmix"


def open_trainings(out: Path, split: str, networks: Sequence[Network]) -> Trainings:
    """Fetches the songs, copies those that train at other pitches, and writes records of all.

    Args:
        out: folder of everything.
        split: name of a split file of the songs.
        networks: that learn.
    """
    fetch_songs(out)
    pitched = out / f"pitched-{split}"
    splits = pitched / "splits.json"
    if not splits.exists():
        copy_at_other_pitches(out / "songs", out / f"{split}.json", pitched)
    shared = (*_SHARED, f"data.splits={splits}")
    records = out / f"records-{split}"
    if not (records / "manifest.json").exists():
        words = ["--config=smoke_mask", "--corpus=folder", f"--root={pitched}"]
        words += [f"--splits={splits}", f"--out={records}", *settings(*_RECORDED)]
        run("data_prep.write", *words)
    return Trainings(
        out,
        split,
        records,
        "valid",
        shared,
        networks,
        averaged=(WAVE_UNET, MASKS) if {WAVE_UNET, MASKS} <= set(networks) else (),
    )


def write_references(trainings: Trainings) -> Path:
    """Writes mixture and sources as the records hold them, for those who score files.

    Returns:
        The folder, of a folder per track.
    """
    references = trainings.folder / "references"
    records = str(trainings.records)
    manifest = load_manifest(records)
    for track in iter_full_tracks(manifest, records, trainings.scored):
        folder = references / track.name
        folder.mkdir(parents=True, exist_ok=True)
        sounds = {"mixture": track.mixture}
        sounds |= dict(zip(SOURCES, track.references, strict=True))
        for name, waveform in sounds.items():
            rate = manifest.layout.sample_rate
            with replacing(folder / f"{name}.wav") as path:
                soundfile.write(path, waveform, rate, subtype="FLOAT", format="WAV")
    return references


def measure_panning(trainings: Trainings, references: Path) -> None:
    """Separates by panning, and keeps the rows."""
    estimates = trainings.folder / PANNING
    write_panning(references, SOURCES, estimates)
    rows = evaluate_files(estimates, references, trainings.folder / "scores" / PANNING)
    trainings.keep(results_of(rows, MODEL, PANNING, trainings.split, 0, 0.0))


def measure_open_unmix(trainings: Trainings, references: Path, python: str, seed: int) -> None:
    """Trains Open-Unmix's network as long as the slower of our first two, and keeps the rows."""
    rivals = {WAVE_UNET.name, MASKS.name}
    own = [row for row in trainings.rows() if row.seed == seed and row.system in rivals]
    if not own:
        raise ValueError(
            f"Open-Unmix's network learns as long as {WAVE_UNET.name} or {MASKS.name}, of which "
            f"seed {seed} has no row: name one of them with --networks, too."
        )
    secs = max(row.secs for row in own)
    config = configs.load(MASKS.experiment, trainings.overrides(MASKS, seed))
    estimates = trainings.folder / f"{OPEN_UNMIX}-{seed}"
    steps = train_open_unmix(python, config, trainings.records, references, estimates, secs)
    print(f"Open-Unmix took {steps} steps in {secs:.0f} s", flush=True)
    rows = evaluate_files(estimates, references, trainings.folder / "scores" / estimates.name)
    trainings.keep(results_of(rows, MODEL, OPEN_UNMIX, trainings.split, seed, secs))


def print_table(results: Sequence[Result]) -> None:
    """Prints every track and seed of every system."""
    columns = sorted({(result.track, result.source) for result in results})
    print("improvement over the mixture in dB, median over segments of a second; bins in percent\n")
    heads = [f"{track[:14]} {source}" for track, source in columns]
    print(f"{'system':<16}{'seed':>5}{'secs':>6}{'bins':>7}" + "".join(f"{h:>23}" for h in heads))
    for system in dict.fromkeys(result.system for result in results):
        own = [result for result in results if result.system == system]
        for seed in sorted({result.seed for result in own}):
            of_seed = {(r.track, r.source): r for r in own if r.seed == seed}
            cells = [_figure(of_seed[column].improvement, "+.2f") for column in columns]
            whole = of_seed[ALL, ALL]
            line = f"{system:<16}{seed:>5}{whole.secs:>6.0f}{_figure(whole.bins, '.1%'):>7}"
            print(line + "".join(f"{cell:>23}" for cell in cells))
    print(f"\nThe better constant answer of each source is right in {majority(results):.1%}.")


def _figure(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def main(_: Sequence[str]) -> int:
    """Measures what is missing, and prints all rows of the split."""
    split = "songs"
    if FLAGS.without:
        split = f"without-{FLAGS.without}"
    networks = [NETWORKS[name] for name in FLAGS.networks]
    trainings = open_trainings(Path(FLAGS.out), split, networks)
    references = write_references(trainings)
    if not trainings.knows(PANNING, 0):
        measure_panning(trainings, references)
    for seed in map(int, FLAGS.seeds):
        trainings.measure(seed)
        if FLAGS.torch_python and not trainings.knows(OPEN_UNMIX, seed):
            measure_open_unmix(trainings, references, FLAGS.torch_python, seed)
    print_table(trainings.rows())
    return command.FINISHED


if __name__ == "__main__":
    flags.DEFINE_string("out", "build/real_songs", "folder of songs, records, runs and rows")
    flags.DEFINE_list("seeds", "0,1,2", "of the first weights and the order of examples")
    names = [WAVE_UNET.name, MASKS.name, BAND_SPLIT.name]
    flags.DEFINE_multi_enum("networks", names, [*NETWORKS], "network that learns; repeat it")
    flags.DEFINE_enum("without", None, [*BANDS], "band that is left out of training")
    flags.DEFINE_string("torch_python", "", "interpreter with PyTorch and openunmix")
    command.run(main)
