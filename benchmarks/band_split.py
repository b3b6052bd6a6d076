"""Times an estimate of band-split attention against PyTorch, with the same weights.

    python -m benchmarks.band_split --width=256 --depth=6 --secs=8 --rounds=3
        --torch_python=ENV/bin/python

The interpreter has PyTorch and the package BS-RoFormer, whose network with random weights is
imported as a run. Each contestant has a process of its own, and they compute in turn in every
round, because the speed of a machine drifts: the package, ours, and ours compiled by XLA. One that
does not give the same estimate is not timed: that is an error. The process that waits takes no
processor. Memory is the most that a process had, its libraries and the reading of weights included.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import numpy as np
from absl import flags

from benchmarks.trained.commands import run
from data_prep.runtime import command
from data_prep.runtime.system import peak_memory

FLAGS = flags.FLAGS
_SCRIPT = Path(__file__).with_name("pytorch") / "separate_bands.py"
# Of the largest sample; what is asked of an import is a tenth of it, on two seconds.
_TOLERANCE = 1e-4


class Answering:
    """Is a process that answers a line with the seconds of one estimate."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def answer(self) -> str:
        """Returns the next line that it says."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise ValueError("a process of a contestant ended; what it said stands above.")
        return line.strip()

    def estimate(self) -> float:
        """Lets it compute; returns the seconds."""
        print("again", file=self._process.stdin, flush=True)
        return float(self.answer())

    def end(self) -> float:
        """Ends it; returns the most memory that it had, in bytes."""
        assert self._process.stdin
        self._process.stdin.close()
        return float(self.answer())


@contextmanager
def answering(words: Sequence[str]) -> Iterator[Answering]:
    """Yields a process, which has said that it is ready."""
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        found = Answering(process)
        print(found.answer(), flush=True)
        yield found


def serve(workdir: str, compiled: bool) -> None:
    """Answers every line on stdin with the seconds of one estimate of a run."""
    # A process that only asks others needs none of it.
    import tensorflow as tf

    from trainer.inference.separator import TrainedSeparator

    network = TrainedSeparator(workdir).network
    known = np.load(Path(workdir).with_name("chunk.npz"))
    # (1, C, T) -> (1, T, C)
    mixture = tf.constant(known["chunk"].transpose(0, 2, 1))

    @tf.function(jit_compile=compiled)
    def separate(mixture: tf.Tensor) -> tf.Tensor:
        return network(mixture, {}, training=False)["estimates"]

    # (1, 2, T, C): what is asked for, then the rest.
    estimate = separate(mixture).numpy()[0, 0].T
    expected = known["estimate"][0]
    error = np.abs(estimate - expected).max() / np.abs(expected).max()
    if error > _TOLERANCE:
        raise ValueError(f"the estimate differs by {error:.1e} of its largest sample.")
    print(f"TensorFlow {tf.__version__}, XLA {compiled}: differs by {error:.1e}", flush=True)
    for _ in sys.stdin:
        started = time.perf_counter()
        separate(mixture)
        print(time.perf_counter() - started, flush=True)
    print(peak_memory(), flush=True)


def main(_: Sequence[str]) -> int:
    """Times all contestants in rounds."""
    if FLAGS.serve:
        serve(FLAGS.serve, FLAGS.xla)
        return command.FINISHED
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sizes = {"dim": FLAGS.width, "depth": FLAGS.depth}
        sizes |= {"time_transformer_depth": 1, "freq_transformer_depth": 1}
        settings = {"kind": FLAGS.kind, "folder": str(folder), "secs": FLAGS.secs, "sizes": sizes}
        torch_side = [FLAGS.torch_python, str(_SCRIPT), json.dumps(settings)]
        contestants = {"PyTorch": stack.enter_context(answering(torch_side))}
        workdir = folder / "run"
        words = [f"--weights={folder / 'weights.ckpt'}", f"--config={folder / 'weights.yaml'}"]
        words += [f"--workdir={workdir}", f"--torch_python={FLAGS.torch_python}"]
        run("trainer.import_roformer", *words)
        ours = [sys.executable, "-m", "benchmarks.band_split", f"--serve={workdir}"]
        contestants["ours"] = stack.enter_context(answering(ours))
        contestants["ours, XLA"] = stack.enter_context(answering([*ours, "--xla"]))
        times: dict[str, list[float]] = {name: [] for name in contestants}
        for _round in range(FLAGS.rounds):
            for name, contestant in contestants.items():
                times[name].append(contestant.estimate())
        print(f"\n{FLAGS.kind} {FLAGS.width} x {FLAGS.depth}, {FLAGS.secs} s of stereo")
        print(f"{'':<12}{'seconds':>9}{'range':>16}{'/ PyTorch':>11}{'memory':>10}")
        for name, contestant in contestants.items():
            own = times[name]
            # Round by round: what slows the machine for a while slows both.
            ratio = median(a / b for a, b in zip(times["PyTorch"], own, strict=True))
            span = f"{min(own):.1f} to {max(own):.1f}"
            gigabytes = contestant.end() / 1e9
            print(f"{name:<12}{median(own):>9.1f}{span:>16}{ratio:>11.2f}{gigabytes:>7.1f} GB")
    return command.FINISHED


if __name__ == "__main__":
    flags.DEFINE_enum("kind", "bs", ["bs", "mel"], "bands side by side, or mel bands")
    flags.DEFINE_integer("width", 256, "features of a band")
    flags.DEFINE_integer("depth", 6, "blocks")
    flags.DEFINE_integer("secs", 8, "of a chunk")
    flags.DEFINE_integer("rounds", 3, "in each of which every contestant computes once")
    flags.DEFINE_string("torch_python", sys.executable, "interpreter with PyTorch and BS-RoFormer")
    flags.DEFINE_string("serve", "", "run whose estimates are timed by another process")
    flags.DEFINE_boolean("xla", False, "whether they are compiled by XLA")
    command.run(main)
