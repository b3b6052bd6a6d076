"""Tells four styles apart in clips of 6 s, an artist out at a time.

    python -m benchmarks.style --out=build/style --wheel=musicnn-0.1.0-py3-none-any.whl

Metal, orchestral, electronic music and speech are of Debian's packages (benchmarks.style.clips),
all through the same low-pass and at the same level. The layers of the taggers in the wheel of
musicnn hear them, through ``trainer.import_musicnn`` and ``evaluation.classify``, and a linear
classifier learns the styles from what they hear. A figure is the balanced accuracy where all clips
of an artist are held out, and beside it where single clips are, which the neighbours of the same
recordings give away.

Rows: all layers of each network; what is chosen of all of them within what is learnt from (which
network, all of its layers or one, which penalty), for each artist that is held out anew; MFCC with
the same classifier; the bandwidth alone, of the clips and before the low-pass; the majority.

Rows are appended to OUT/rows.jsonl; the same command continues an interrupted one.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from absl import flags

from benchmarks.rows import Rows
from benchmarks.style.clips import RATE, Clip, write_clips
from benchmarks.style.experiment import (
    ARTIST,
    CLIP,
    Labels,
    Result,
    layers_of,
    measure,
    results_of_command,
)
from benchmarks.style.features import bandwidth
from benchmarks.trained.commands import run
from data_prep.runtime import command
from evaluation.classes.held_out import LAYERS, MAJORITY, MFCC
from evaluation.classes.linear import Floats
from trainer.imports.musicnn_wheel import MODELS

FLAGS = flags.FLAGS
CHOSEN = "chosen of all layers"
BANDWIDTH = "bandwidth"
WIDE_BANDWIDTH = "bandwidth before the low-pass"


def hear(out: Path, wheel: str, model: str, num_artists: int) -> float:
    """Imports a network, and lets it hear and learn the clips, as a user does.

    Returns:
        The seconds of the second command.
    """
    workdir = out / "runs" / model
    if not (workdir / "config.json").exists():
        words = [f"--wheel={wheel}", f"--model={model}", f"--workdir={workdir}"]
        run("trainer.import_musicnn", *words)
    words = [f"--root={out / 'clips'}", "--groups=folder", "--ungrouped", f"--folds={num_artists}"]
    words += [f"--workdir={workdir}", f"--out={heard_in(out, model)}"]
    return run("evaluation.classify", "train", *words)


def heard_in(out: Path, model: str) -> Path:
    """Returns the folder of what was learnt from what a network heard."""
    return out / "heard" / model


def measure_networks(
    out: Path, rows: Rows[Result], wheel: str, models: Sequence[str], artists: int
) -> None:
    """Measures each network, and the rivals that evaluation.classify measures beside it."""
    for model in models:
        if rows.know(system=model, held_out=CLIP):
            continue
        secs = hear(out, wheel, model, artists)
        names = {MAJORITY: MAJORITY, MFCC: MFCC, LAYERS: model}
        names[f"{LAYERS} less {MFCC}"] = f"{model} less {MFCC}"
        # The rivals are the same beside every network.
        results = results_of_command(heard_in(out, model), names, secs)
        known = {row.system for row in rows.load()}
        rows.keep([each for each in results if each.system not in known])


def measure_bandwidth(out: Path, rows: Rows[Result], clips: Sequence[Clip]) -> None:
    """Measures what the edges of the spectrum say of a clip, and said before the low-pass."""
    labels = Labels([clip.file for clip in clips])
    narrow = [soundfile.read(out / "clips" / clip.file, dtype="float32")[0] for clip in clips]
    edges = {
        BANDWIDTH: [bandwidth(signal, RATE) for signal in narrow],
        WIDE_BANDWIDTH: [clip.edges for clip in clips],
    }
    for name, values in edges.items():
        for held_out in (ARTIST, CLIP):
            if not rows.know(system=name, held_out=held_out):
                rows.keep([measure(name, {name: np.array(values)}, labels, held_out)])


def measure_choice(
    out: Path, rows: Rows[Result], models: Sequence[str], clips: Sequence[Clip]
) -> None:
    """Measures what is reached where layers are chosen within what is learnt from."""
    features: dict[str, Floats] = {}
    for model in models:
        features |= layers_of(heard_in(out, model), model)
    labels = Labels(sorted(clip.file for clip in clips))
    for held_out in (ARTIST, CLIP):
        if not rows.know(system=CHOSEN, held_out=held_out):
            rows.keep([measure(CHOSEN, features, labels, held_out)])


def print_table(rows: Sequence[Result]) -> None:
    """Prints a line for every way of hearing, and what was chosen without the held out clips."""
    print(f"\nbalanced accuracy of {rows[0].num_clips} clips of {rows[0].num_artists} artists\n")
    print(f"{'system':<32}{'an artist out':>15}{'95 % over artists':>20}{'clips out':>12}")
    for system in dict.fromkeys(row.system for row in rows):
        own = {row.held_out: row for row in rows if row.system == system}
        by_artist = own[ARTIST]
        interval = ""
        if by_artist.low is not None:
            interval = f"{by_artist.low:.3f} to {by_artist.high:.3f}"
        clips = f"{own[CLIP].balanced_accuracy:.3f}" if CLIP in own else ""
        line = f"{system:<32}{by_artist.balanced_accuracy:>15.3f}{interval:>20}{clips:>12}"
        print(line)
    for row in rows:
        if row.system == CHOSEN:
            print(f"\nchosen where {row.held_out}s are held out, never by what is held out:")
            for name, count in sorted(row.choices.items(), key=lambda item: -item[1]):
                print(f"  {name}: {count} folds")


def main(_: Sequence[str]) -> int:
    """Measures what is missing, and prints all rows."""
    out = Path(FLAGS.out)
    out.mkdir(parents=True, exist_ok=True)
    clips = write_clips(out)
    num_artists = len({clip.file.split("/")[1] for clip in clips})
    rows = Rows(out / "rows.jsonl", Result)
    measure_bandwidth(out, rows, clips)
    measure_networks(out, rows, FLAGS.wheel, FLAGS.models, num_artists)
    measure_choice(out, rows, FLAGS.models, clips)
    print_table(rows.load())
    return command.FINISHED


if __name__ == "__main__":
    flags.DEFINE_string("out", "build/style", "folder of sounds, clips, runs and rows")
    flags.DEFINE_string("wheel", None, "the wheel of musicnn 0.1.0", required=True)
    flags.DEFINE_list("models", list(MODELS), "networks in the wheel, of which one may be chosen")
    command.run(main)
