"""Is the PyTorch side of real_songs: trains Open-Unmix's own network on batches it is given.

    python benchmarks/pytorch/train_open_unmix.py '{"seed": 0, ...}'

``openunmix.model.OpenUnmix`` in its published sizes, one for each source, learns by Adam at 1e-3
from the mean squared error of the waveforms, as ours do. Its package has no training loop; what
differs from the published one is this loss, and that the rate stays.

The argument holds seed, sources, sample_rate, mixture_frames, estimate_frames, batch_size and
channels, and the folders references and estimates. Stdin holds batch after batch, float32: mixture
(B, T_mix, C), then sources (B, K, T_est, C), of the middle of it. Of the first of them the mean and
the deviation of every bin are taken. When stdin ends, REFERENCES/TRACK/mixture.wav of every track
is separated to ESTIMATES/TRACK/SOURCE.wav. It says when it can begin, and how many steps it took.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from openunmix.model import OpenUnmix
from openunmix.transforms import make_filterbanks

# Of the spectra: 93 ms and a quarter of it, as published for 44.1 kHz.
_WINDOW_SECS = 4096 / 44100
_OVERLAP = 4
# Of the published files.
_HIDDEN = 512
_LAYERS = 3
_HIGHEST_HZ = 16000
_RATE = 1e-3
_NUM_STATISTICS = 20


class Unmix(torch.nn.Module):
    """Is a network for each source, between spectra: (B, C, T) -> (B, K, C, T)."""

    def __init__(self, settings: dict[str, Any], mean: Any, deviation: Any) -> None:
        super().__init__()
        self.frames = frames_of(settings["sample_rate"])
        self.columns, self.waveforms = filterbanks(settings)
        num_bins = self.frames // 2 + 1
        heard = min(num_bins, 1 + _HIGHEST_HZ * self.frames // settings["sample_rate"])
        self.bodies = torch.nn.ModuleList(
            OpenUnmix(
                nb_bins=num_bins,
                nb_channels=settings["channels"],
                hidden_size=_HIDDEN,
                nb_layers=_LAYERS,
                input_mean=mean,
                # The package divides by what it is given.
                input_scale=deviation,
                max_bin=heard,
            )
            for _ in settings["sources"]
        )

    def forward(self, mixture: Any) -> Any:
        """Masks the spectrum of the mixture, whose phase stays."""
        spectrum = self.columns(mixture)
        magnitudes = torch.linalg.vector_norm(spectrum, dim=-1)
        # The phase, of length 1, or 0 where nothing sounds.
        phases = spectrum / magnitudes.clamp(min=1e-8)[..., None]
        estimates = [body(magnitudes)[..., None] * phases for body in self.bodies]
        return self.waveforms(torch.stack(estimates, dim=1), length=mixture.shape[-1])


def frames_of(sample_rate: int) -> int:
    """Returns the frames of an analysis window, a power of two."""
    return 2 ** round(np.log2(_WINDOW_SECS * sample_rate))


def filterbanks(settings: dict[str, Any]) -> Any:
    """Returns the transforms there and back."""
    frames = frames_of(settings["sample_rate"])
    hop = frames // _OVERLAP
    return make_filterbanks(frames, hop, center=True, sample_rate=settings["sample_rate"])


def iter_batches(settings: dict[str, Any]) -> Any:
    """Yields mixtures (B, C, T_mix) and sources (B, K, C, T_est) until stdin ends."""
    batch, channels = settings["batch_size"], settings["channels"]
    of_mixture = (batch, settings["mixture_frames"], channels)
    of_sources = (batch, len(settings["sources"]), settings["estimate_frames"], channels)
    while True:
        arrays = []
        for shape in (of_mixture, of_sources):
            num_bytes = 4 * int(np.prod(shape))
            content = sys.stdin.buffer.read(num_bytes)
            if len(content) < num_bytes:
                return
            array = np.frombuffer(content, np.float32).reshape(shape)
            arrays.append(torch.from_numpy(array.copy()).transpose(-1, -2).contiguous())
        yield arrays


def statistics_of(mixtures: list[Any], settings: dict[str, Any]) -> Any:
    """Returns mean and deviation of the magnitudes in every bin, (F,) each, as the package does."""
    columns, _ = filterbanks(settings)
    magnitudes = torch.linalg.vector_norm(columns(torch.cat(mixtures)), dim=-1)
    # (B, C, F, M) -> (F, B C M)
    of_bins = magnitudes.permute(2, 0, 1, 3).flatten(1)
    deviations = of_bins.std(dim=1)
    # As its training has it: no bin counts for more than ten thousand times the largest.
    return of_bins.mean(dim=1).numpy(), deviations.clamp(min=1e-4 * deviations.max()).numpy()


def separate(network: Unmix, settings: dict[str, Any]) -> None:
    """Writes the estimates of every track."""
    network.eval()
    for path in sorted(Path(settings["references"]).glob("*/mixture.wav")):
        waveform, rate = soundfile.read(path, dtype="float32", always_2d=True)
        with torch.no_grad():
            estimates = network(torch.from_numpy(waveform.T.copy())[None])[0]
        folder = Path(settings["estimates"]) / path.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        for source, estimate in zip(settings["sources"], estimates, strict=True):
            soundfile.write(folder / f"{source}.wav", estimate.numpy().T, rate, subtype="FLOAT")


def main() -> None:
    """Trains as long as batches come, then separates."""
    settings = json.loads(sys.argv[1])
    torch.manual_seed(settings["seed"])
    print("ready", flush=True)
    batches = iter_batches(settings)
    first = [next(batches) for _ in range(_NUM_STATISTICS)]
    network = Unmix(settings, *statistics_of([mixture for mixture, _ in first], settings))
    optimizer = torch.optim.Adam(network.parameters(), _RATE)
    margin = (settings["mixture_frames"] - settings["estimate_frames"]) // 2
    num_steps = 0
    for batch in (first, batches):
        for mixture, sources in batch:
            optimizer.zero_grad()
            estimates = network(mixture)[..., margin : margin + sources.shape[-1]]
            loss = torch.mean(torch.square(estimates - sources))
            loss.backward()
            optimizer.step()
            num_steps += 1
    separate(network, settings)
    print(num_steps, flush=True)


if __name__ == "__main__":
    main()
