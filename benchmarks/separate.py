"""Times the separation of songs, reading and writing included, beside Open-Unmix and Demucs.

python -m benchmarks.separate --secs=60,600 --rounds=3 --torch_python=ENV/bin/python

A song of noise, 44.1 kHz, stereo, 16 bits, becomes four stems of float wav. Ours is what
evaluation.separate does, with the published network of ``musdb_hq`` (44.1 kHz, stereo) and of
``musdb`` (22.05 kHz, mono, which hears both channels apart). The rivals are those of the packages
openunmix (four targets, with and without its Wiener filter) and demucs (htdemucs as its command
applies it, without shifts), with random weights, in a process of their own. All run in turn in
every round, because the speed of a machine drifts; each is made, and has separated some seconds,
before. The limit of a network is its arithmetic at the speed of a large matrix product.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import soundfile
import tensorflow as tf
from absl import flags

import configs
from benchmarks.rivals import has_torch
from configs import Config, WaveUNetSettings
from data_prep.runtime import command
from evaluation.songs.batch import Destination, separate_songs
from evaluation.songs.choice import parse_stems
from evaluation.songs.stems import Wanted
from trainer.inference.memory import MEMORY_MB, frames_in
from trainer.inference.separator import Separator, compute_in_turn
from trainer.inference.tiling import long_window
from trainer.networks import make_network

FLAGS = flags.FLAGS
RATE = 44100
EXPERIMENTS = ("musdb_hq", "musdb")
RIVALS = ("openunmix", "openunmix wiener", "htdemucs")
WARM_UP_SECS = 10
MATRIX_SIZE = 4096


@dataclass(frozen=True)
class Entrant:
    """Is a system that separates songs."""

    name: str
    # (path of a song, folder for its stems) -> how many seconds it took.
    separate: Callable[[Path, Path], float]
    # Seconds of audio per second that its arithmetic allows; None: it is not counted.
    limit: float | None = None


def make_song(path: Path, secs: int) -> None:
    """Writes noise that changes its level."""
    rng = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", RATE, 2, subtype="PCM_16") as file:
        for _ in range(secs):
            file.write(rng.uniform(0.05, 0.3) * rng.standard_normal((RATE, 2)).clip(-3, 3))


def product_rate() -> float:
    """Returns the operations per second of a large matrix product in float32."""
    matrix = tf.random.normal((MATRIX_SIZE, MATRIX_SIZE))
    tf.linalg.matmul(matrix, matrix).numpy()
    times = []
    for _ in range(5):
        started = time.perf_counter()
        tf.linalg.matmul(matrix, matrix).numpy()
        times.append(time.perf_counter() - started)
    return 2 * MATRIX_SIZE**3 / median(times)


def make_ours(experiment: str, rate: float) -> Entrant:
    """Returns the network of an experiment with random weights.

    Args:
        experiment: names it.
        rate: operations per second of the machine.
    """
    config = configs.load(experiment, [])
    separator = Separator(config, make_network(config))
    wanted = Wanted(None, parse_stems(None, None, config.data.sources))

    def separate(song: Path, folder: Path) -> float:
        started = time.perf_counter()
        separate_songs(separator, [song], wanted, Destination(str(folder), overwrite=True))
        return time.perf_counter() - started

    return Entrant(experiment, separate, rate / _flops_per_sec(config))


def _flops_per_sec(config: Config) -> float:
    """Returns the operations for a second of stereo, in the long windows of a song."""
    network = make_network(config)
    window = long_window(network, frames_in(MEMORY_MB, network))
    assert isinstance(config.model, WaveUNetSettings)
    model = replace(config.model, estimate_frames=window.estimate_frames)
    flops = make_network(replace(config, model=model)).forward_flops(pruned=True)
    passes = 2 / config.audio.channels
    return passes * flops * config.audio.sample_rate / window.hop_frames


@contextmanager
def rivals(python: str) -> Iterator[list[Entrant]]:
    """Yields the rivals, in a process of an interpreter that has them."""
    script = Path(__file__).with_name("pytorch") / "separate_songs.py"
    arguments = [python, str(script)]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def answer() -> str:
            assert process.stdout
            line = process.stdout.readline()
            if not line:
                raise ValueError(f"the process of {python} ended; what it said stands above.")
            return line.strip()

        def separate(name: str, song: Path, folder: Path) -> float:
            folder.mkdir(parents=True, exist_ok=True)
            print(name, song, folder, sep="\t", file=process.stdin, flush=True)
            return float(answer())

        print(answer(), flush=True)
        yield [Entrant(name, partial(separate, name)) for name in RIVALS]
        assert process.stdin
        process.stdin.close()


def print_table(entrants: Sequence[Entrant], secs: int, times: list[list[float]]) -> None:
    """Prints a line per entrant.

    Args:
        entrants: ours first.
        secs: of the song.
        times: of each round, the seconds of each entrant.
    """
    print(f"\n{secs} s of stereo; seconds of audio per second, median and range of rounds")
    print(f"{'system':<18} {'median':>7} {'range':>13} {'/ ' + EXPERIMENTS[0]:>11}  of its limit")
    for i, entrant in enumerate(entrants):
        speeds = [secs / of_round[i] for of_round in times]
        # Round by round: what slows the machine for a while slows both.
        ratio = median(of_round[0] / of_round[i] for of_round in times)
        span = f"{min(speeds):.1f}-{max(speeds):.1f}"
        line = f"{entrant.name:<18} {median(speeds):7.1f} {span:>13} {ratio:11.2f}"
        if entrant.limit is not None:
            line += f"  {median(speeds) / entrant.limit:.0%} of {entrant.limit:.1f}"
        print(line, flush=True)


def main(_: Sequence[str]) -> int:
    """Times all systems with songs of each length, in rounds."""
    tf.config.set_visible_devices([], "GPU")
    compute_in_turn()
    rate = product_rate()
    print(
        f"{os.cpu_count()} CPUs, TensorFlow {tf.__version__}; a product: {rate / 1e9:.1f} GFLOP/s"
    )
    torch_python = FLAGS.torch_python or sys.executable
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        entrants = [make_ours(experiment, rate) for experiment in EXPERIMENTS]
        if has_torch(torch_python):
            entrants += stack.enter_context(rivals(torch_python))
        else:
            print("PyTorch is not installed: left out (--torch_python names who has it)")
        for secs in [WARM_UP_SECS, *map(int, FLAGS.secs)]:
            song = folder / f"{secs}.wav"
            make_song(song, secs)
            is_timed = secs != WARM_UP_SECS
            times = [
                [each.separate(song, folder / each.name) for each in entrants]
                for _ in range(FLAGS.rounds if is_timed else 1)
            ]
            if is_timed:
                print_table(entrants, secs, times)
    return command.FINISHED


if __name__ == "__main__":
    flags.DEFINE_list("secs", "60,600", "lengths of the songs in seconds")
    flags.DEFINE_integer("rounds", 3, "of which each system separates every song", lower_bound=1)
    flags.DEFINE_string(
        "torch_python",
        None,
        "Python interpreter that has torch, openunmix, demucs and soundfile; this one by default",
    )
    command.run(main)
