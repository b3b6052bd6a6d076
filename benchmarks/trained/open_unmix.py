"""Trains Open-Unmix's own network on batches of ours, in a process of PyTorch."""

import json
import subprocess
import time
from pathlib import Path

import numpy as np

from configs import Config
from data_prep.records.manifest import load_manifest
from trainer.batches.excerpts import load_excerpts
from trainer.batches.patches import make_batches
from trainer.tasks.separation.step import batch_shapes

_SCRIPT = Path(__file__).parents[1] / "pytorch" / "train_open_unmix.py"


def train_open_unmix(
    python: str, config: Config, records: Path, references: Path, estimates: Path, secs: float
) -> int:
    """Trains for some time, then writes ESTIMATES/TRACK/SOURCE.wav; returns the steps it took.

    Args:
        python: an interpreter that has PyTorch and openunmix.
        config: of whose batches it learns.
        records: their folder.
        references: holds REFERENCES/TRACK/mixture.wav, of the rate and channels of the records.
        estimates: the folder that is made.
        secs: how long it trains, from the start of its process on.

    Raises:
        ValueError: the process did not finish.
    """
    shapes = batch_shapes(config, config.train.batch_size)
    settings = {
        "seed": config.train.seed,
        "sources": list(config.data.sources),
        "sample_rate": config.audio.sample_rate,
        "channels": config.audio.channels,
        "batch_size": config.train.batch_size,
        "mixture_frames": shapes["mixture"][1],
        "estimate_frames": shapes["sources"][2],
        "references": str(references),
        "estimates": str(estimates),
    }
    excerpts = load_excerpts(load_manifest(str(records)), str(records), "train", "memory")
    examples = make_batches(excerpts, config, 0).batch(config.train.batch_size).prefetch(2)
    started = time.perf_counter()
    with subprocess.Popen(
        [python, str(_SCRIPT), json.dumps(settings)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin and process.stdout
        try:
            process.stdout.readline()
            for batch in examples.as_numpy_iterator():
                for name in ("mixture", "sources"):
                    process.stdin.write(batch[name].astype(np.float32).tobytes())
                if time.perf_counter() - started > secs:
                    break
            process.stdin.close()
        except BrokenPipeError:
            pass
        answer = process.stdout.read()
    if process.returncode:
        raise ValueError(f"the process of {python} ended; what it said stands above.")
    return int(answer)
