"""Makes weights of Open-Unmix at random, and what its own package makes of a mixture with them.

    PYTHON tests/trainer/imports/make_reference.py OUT tiny|published pth|safetensors

PYTHON has torch, openunmix and safetensors; nothing of this project is needed. Running statistics
of the normalisation are random, too. tests/trainer/imports/files was made by it, with Open-Unmix
1.3.0 and PyTorch 2.15:

    PYTHON tests/trainer/imports/make_reference.py tests/trainer/imports/files tiny safetensors
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from openunmix.model import OpenUnmix, Separator
from safetensors.torch import save_file

SIZES = {
    "tiny": {
        "nfft": 64,
        "hidden_size": 8,
        "nb_layers": 2,
        "max_bin": 23,
        "sample_rate": 4000,
        "targets": ["vocals", "drums"],
        "frames": 2000,
    },
    "published": {
        "nfft": 4096,
        "hidden_size": 512,
        "nb_layers": 3,
        "max_bin": 1487,
        "sample_rate": 44100,
        "targets": ["vocals"],
        # Ten seconds, in whole hops.
        "frames": 431 * 1024,
    },
}


def random_target(sizes):
    """A target with all its numbers at random, as large as they are after training."""
    model = OpenUnmix(
        nb_bins=sizes["nfft"] // 2 + 1,
        nb_channels=2,
        hidden_size=sizes["hidden_size"],
        nb_layers=sizes["nb_layers"],
        max_bin=sizes["max_bin"],
    )
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name.endswith("running_var"):
                # So small that what the normalisation adds to it counts.
                value.uniform_(0.001, 2)
            elif name.endswith("_scale"):
                value.uniform_(0.5, 2)
            elif name.startswith("bn") and value.is_floating_point():
                value.normal_(0, 0.5)
            elif name.endswith("_mean"):
                value.normal_(0.3, 0.5)
    return model.eval()


def main(out, size, kind):
    torch.manual_seed(0)
    sizes = SIZES[size]
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    models = {target: random_target(sizes) for target in sizes["targets"]}
    for target, model in models.items():
        if kind == "pth":
            torch.save(model.state_dict(), out / f"{target}.pth")
        else:
            save_file(model.state_dict(), out / f"{target}.safetensors")
    described = {"nfft": sizes["nfft"], "nhop": sizes["nfft"] // 4, "nb_channels": 2}
    arguments = {
        "args": {**described, "hidden_size": sizes["hidden_size"], "unidirectional": False}
    }
    for target in models:
        (out / f"{target}.json").write_text(json.dumps(arguments))
    described["sample_rate"] = sizes["sample_rate"]
    (out / "separator.json").write_text(json.dumps(described))
    mixture = np.random.default_rng(0).uniform(-1, 1, (sizes["frames"], 2)).astype(np.float32)
    separator = Separator(
        models,
        niter=0,
        n_fft=sizes["nfft"],
        n_hop=sizes["nfft"] // 4,
        sample_rate=sizes["sample_rate"],
    ).eval()
    with torch.no_grad():
        estimates = separator(torch.from_numpy(mixture.T.copy())[None])[0]
    # (K, C, T) -> (K, T, C)
    by_target = dict(zip(models, estimates.numpy().transpose(0, 2, 1), strict=True))
    np.savez_compressed(out / "expected.npz", **by_target)
    print(torch.__version__, {target: np.abs(each).max() for target, each in by_target.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
