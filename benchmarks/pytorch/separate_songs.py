"""Is the PyTorch side of separate: Open-Unmix and Demucs, from their packages, with random weights.

    python benchmarks/pytorch/separate_songs.py

It says which packages it has, then answers every line on stdin, NAME, SONG and FOLDER with tabs
between them, with the seconds from the opening of the song to the last stem, float wavs all.
"""

import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from demucs.apply import apply_model
from demucs.htdemucs import HTDemucs
from openunmix import umxhq_spec
from openunmix.model import Separator as UnmixSeparator

RATE = 44100
TARGETS = ("vocals", "drums", "bass", "other")
# Of htdemucs, where its published weights differ from the defaults of the class: demucs.grids.mmi.
DEMUCS = {"bottom_channels": 512, "t_layers": 5, "segment": 7.8, "dconv_mode": 3}


class Unmix:
    """Is Open-Unmix with four targets, with so many iterations of its Wiener filter."""

    def __init__(self, num_iterations: int) -> None:
        models = umxhq_spec(list(TARGETS), pretrained=False)
        self.separator = UnmixSeparator(models, niter=num_iterations, sample_rate=RATE).eval()

    def __call__(self, mixture: Any) -> Any:
        """(C, T) -> (K, C, T)."""
        return self.separator(mixture[None])[0]


class Demucs:
    """Is htdemucs as its command applies it: by segments that overlap, once."""

    def __init__(self) -> None:
        self.model = HTDemucs(list(TARGETS), **DEMUCS).eval()

    def __call__(self, mixture: Any) -> Any:
        """(C, T) -> (K, C, T)."""
        # As the command does.
        mean = mixture.mean(0)
        normal = (mixture - mean.mean()) / mean.std()
        estimates = apply_model(self.model, normal[None], shifts=0, split=True, overlap=0.25)[0]
        return estimates * mean.std() + mean.mean()


def main() -> None:
    """Answers the lines on stdin."""
    torch.manual_seed(0)
    systems: dict[str, Any] = {
        "openunmix": Unmix(0),
        "openunmix wiener": Unmix(1),
        "htdemucs": Demucs(),
    }
    millions = sum(weight.numel() for weight in systems["htdemucs"].model.parameters()) / 1e6
    print(
        f"PyTorch {torch.__version__}, Open-Unmix {version('openunmix')}, Demucs "
        f"{version('demucs')} ({millions:.1f} million weights), {torch.get_num_threads()} threads",
        flush=True,
    )
    for line in sys.stdin:
        name, song, folder = line.rstrip("\n").split("\t")
        started = time.perf_counter()
        waveform, _ = soundfile.read(song, dtype="float32", always_2d=True)
        with torch.no_grad():
            estimates = systems[name](torch.from_numpy(np.ascontiguousarray(waveform.T)))
        for target, estimate in zip(TARGETS, estimates, strict=True):
            path = Path(folder) / f"{target}.wav"
            soundfile.write(path, estimate.T.numpy(), RATE, subtype="FLOAT")
        print(time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    main()
