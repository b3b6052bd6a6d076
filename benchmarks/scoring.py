"""Measures the memory and the time that scoring a long track takes.

python -m benchmarks.scoring --active=4 --secs=600
python -m benchmarks.scoring --active=13 --secs=600

A stereo track of noise at 44.1 kHz with 13 slots, of which some sound throughout, a leaking
estimate for each, the mixture, silence and three oracles, BSS Eval v3 and v4: everything that
evaluation.evaluate does with files. The peak is that of the process tree (resident memory as Linux
counts it, shared libraries once for each process), looked at ten times a second. --secs=30 tells
the peak in a minute, because it does not depend on the length; the time is proportional to it.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
from absl import flags

from configs import instruments
from data_prep.runtime import command

FLAGS = flags.FLAGS
RATE = 44100
CHANNELS = 2
BLOCK_SECS = 10
LIMIT_BYTES = 4 * 10**9


def write_track(folder: Path, num_active: int, secs: int) -> None:
    """Writes references and estimates of 13 sources, block by block."""
    rng = np.random.default_rng(0)
    names = instruments.URMP
    with ExitStack() as stack:
        references = open_files(stack, folder / "references" / "Long", names[:num_active])
        estimates = open_files(stack, folder / "estimates" / "Long", names)
        for _ in range(secs // BLOCK_SECS):
            # (K, T, C)
            noise = 0.03 * rng.standard_normal((len(names), BLOCK_SECS * RATE, CHANNELS))
            # Coloured, so that no source is as easy as white noise.
            noise[:, 1:] += 0.8 * noise[:, :-1]
            for k, name in enumerate(names):
                estimate = noise[k]
                if name in references:
                    references[name].write(noise[k])
                else:
                    estimate = 0.1 * noise[k]
                estimates[name].write(estimate + 0.1 * noise[(k + 1) % len(names)])


def open_files(
    stack: ExitStack, folder: Path, names: Sequence[str]
) -> dict[str, soundfile.SoundFile]:
    """Opens a sound file to be written for each name, until the end of the stack."""
    folder.mkdir(parents=True)
    files = {}
    for name in names:
        file = soundfile.SoundFile(
            folder / f"{name}.wav", "w", RATE, CHANNELS, subtype="PCM_16", format="WAV"
        )
        files[name] = stack.enter_context(file)
    return files


def tree_bytes(pid: int) -> tuple[int, int]:
    """Returns the resident memory of a process and all that it started, and their number."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except (FileNotFoundError, ProcessLookupError):
        # It has just ended.
        return 0, 0
    own = [int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS")]
    total = sum(own)
    count = 1
    for child in children:
        child_bytes, child_count = tree_bytes(int(child))
        total += child_bytes
        count += child_count
    return total, count


def watch(call: Sequence[str]) -> tuple[int, int, int]:
    """Runs a command; returns its status, its peak in bytes and the most processes it had."""
    peak = 0
    most = 0
    with subprocess.Popen(call, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            used, count = tree_bytes(process.pid)
            peak = max(peak, used)
            most = max(most, count)
            time.sleep(0.1)
    return process.returncode, peak, most


def main(_: Sequence[str]) -> int:
    """Writes the track, scores it and watches."""
    with TemporaryDirectory(dir=FLAGS.scratch or None) as made:
        folder = Path(made)
        write_track(folder, FLAGS.active, FLAGS.secs)
        paths = [f"--{name}={folder / name}" for name in ("estimates", "references", "out")]
        call = [
            sys.executable,
            "-m",
            "evaluation.evaluate",
            *paths,
            f"--processes={FLAGS.processes}",
        ]
        started = time.monotonic()
        status, peak, most = watch(call)
        seconds = time.monotonic() - started
    if status:
        return status
    print(
        f"{FLAGS.active} of 13 sources active, {FLAGS.secs} s: {seconds:.0f} s, "
        f"{seconds / FLAGS.secs:.2f} s per segment of one second; peak {peak / 1e9:.2f} GB in up "
        f"to {most} processes, limit {LIMIT_BYTES / 1e9:.0f} GB"
    )
    return command.FINISHED if peak < LIMIT_BYTES else command.ERROR


if __name__ == "__main__":
    flags.DEFINE_integer("active", 4, "sources that sound", lower_bound=1, upper_bound=13)
    flags.DEFINE_integer("secs", 600, "length of the track, in tens of seconds", lower_bound=10)
    flags.DEFINE_integer("processes", 0, "as in evaluation.evaluate", lower_bound=0)
    flags.DEFINE_string("scratch", "", "folder for some GB of sound files; the system's if empty")
    command.run(main)
