"""Is the PyTorch side of band_split: a network of the package BS-RoFormer, with random weights.

    python benchmarks/pytorch/separate_bands.py '{"kind": "bs", "folder": ..., "secs": 8, ...}'

It saves its weights and what describes them to FOLDER/weights.ckpt and FOLDER/weights.yaml, a chunk
of noise and its estimate to FOLDER/chunk.npz, and says that it is ready. Then it answers every line
on stdin with the seconds of one estimate, and at the end with the most memory it had, in bytes.
"""

import json
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from bs_roformer import BSRoformer, MelBandRoformer

_RATE = 44100
_HOP = 441
_KINDS = {"bs": BSRoformer, "mel": MelBandRoformer}


def main() -> None:
    """Makes the network, and answers."""
    settings = json.loads(sys.argv[1])
    folder = Path(settings["folder"])
    sizes = {"stereo": True, "num_stems": 1, "stft_hop_length": _HOP, **settings["sizes"]}
    torch.manual_seed(0)
    network = _KINDS[settings["kind"]](**sizes).eval()
    chunk = 0.1 * torch.randn(1, 2, settings["secs"] * _RATE)

    def separate() -> torch.Tensor:
        with torch.no_grad():
            return network(chunk)

    torch.save(network.state_dict(), folder / "weights.ckpt")
    described = {
        "audio": {"sample_rate": _RATE, "chunk_size": chunk.shape[-1], "num_channels": 2},
        "model": sizes,
        "training": {"instruments": ["vocals", "other"], "target_instrument": "vocals"},
    }
    # JSON is YAML.
    (folder / "weights.yaml").write_text(json.dumps(described), encoding="utf-8")
    np.savez(folder / "chunk.npz", chunk=chunk.numpy(), estimate=separate().numpy())
    print(
        f"PyTorch {torch.__version__}, BS-RoFormer {version('BS-RoFormer')}, "
        f"{torch.get_num_threads()} threads",
        flush=True,
    )
    for _ in sys.stdin:
        started = time.perf_counter()
        separate()
        print(time.perf_counter() - started, flush=True)
    # Windows does not say it.
    if sys.platform != "win32":
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, flush=True)


if __name__ == "__main__":
    main()
