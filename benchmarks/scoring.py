"""The memory and the time that scoring a long track takes: everything that evaluation.evaluate does with files.

python -m benchmarks.scoring --active=4 --secs=600
python -m benchmarks.scoring --active=13 --secs=600

A stereo track of noise at 44.1 kHz with 13 slots, of which some sound throughout, a leaking
estimate for each, the mixture, silence and three oracles, BSS Eval v3 and v4. The peak is that of
the process tree (resident memory as Linux counts it, shared libraries once for each process),
looked at ten times a second. --secs=30 tells the peak in a minute, because it does not depend on
the length; the time is proportional to it.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
from absl import flags

from configs import instruments
from data_prep.runtime import command

FLAGS = flags.FLAGS
RATE, CHANNELS = 44100, 2
BLOCK_SECS = 10
LIMIT_BYTES = 4 * 10**9


def write_track(folder: Path, num_active: int, secs: int) -> None:
    """References and estimates of 13 sources, block by block."""
    rng = np.random.default_rng(0)
    names = instruments.URMP
    form = {"samplerate": RATE, "channels": CHANNELS, "subtype": "PCM_16", "format": "WAV"}
    files = {}
    for root in ("references", "estimates"):
        (folder / root / "Long").mkdir(parents=True)
        for name in names[:num_active] if root == "references" else names:
            files[root, name] = soundfile.SoundFile(
                folder / root / "Long" / f"{name}.wav", "w", **form
            )
    for _ in range(secs // BLOCK_SECS):
        noise = 0.03 * rng.standard_normal((len(names), BLOCK_SECS * RATE, CHANNELS))
        noise[:, 1:] += 0.8 * noise[:, :-1]  # coloured, so that no source is as easy as white noise
        for k, name in enumerate(names):
            if k < num_active:
                files["references", name].write(noise[k])
            estimate = noise[k] if k < num_active else 0.1 * noise[k]
            files["estimates", name].write(estimate + 0.1 * noise[(k + 1) % len(names)])
    for file in files.values():
        file.close()


def tree_bytes(pid: int) -> tuple[int, int]:
    """The resident memory of a process and all that it started, and their number."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return 0, 0
    own = [int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS")]
    total, count = sum(own), 1
    for child in children:
        more, number = tree_bytes(int(child))
        total, count = total + more, count + number
    return total, count


def main(_: Sequence[str]) -> int:
    """Write the track, score it, watch."""
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
        started, peak, most = time.monotonic(), 0, 0
        with subprocess.Popen(call, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None:
                used, count = tree_bytes(process.pid)
                peak, most = max(peak, used), max(most, count)
                time.sleep(0.1)
        if process.returncode:
            return process.returncode
    seconds = time.monotonic() - started
    print(
        f"{FLAGS.active} of 13 sources active, {FLAGS.secs} s: {seconds:.0f} s, "
        f"{seconds / FLAGS.secs:.2f} s per "
        f"segment of one second; peak {peak / 1e9:.2f} GB in up to {most} processes, limit "
        f"{LIMIT_BYTES / 1e9:.0f} GB"
    )
    return command.FINISHED if peak < LIMIT_BYTES else command.ERROR


if __name__ == "__main__":
    flags.DEFINE_integer("active", 4, "sources that sound", lower_bound=1, upper_bound=13)
    flags.DEFINE_integer("secs", 600, "length of the track, in tens of seconds", lower_bound=10)
    flags.DEFINE_integer("processes", 0, "as in evaluation.evaluate", lower_bound=0)
    flags.DEFINE_string("scratch", "", "folder for some GB of sound files; the system's if empty")
    command.run(main)
