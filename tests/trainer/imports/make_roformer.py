"""Makes weights of RoFormers at random, their yaml, and what their package makes of a mixture.

    PYTHON tests/trainer/imports/make_roformer.py OUT CASE safetensors|ckpt [PACKAGE]

PYTHON has torch, BS-RoFormer 0.3.10 and safetensors; nothing of this project is needed. PACKAGE is a
folder with another version of BS-RoFormer, such as its wheel of 0.4.1 unpacked. The scales of norms
are random, too. tests/trainer/imports/roformers was made by it, with PyTorch 2.15:

    PYTHON tests/trainer/imports/make_roformer.py tests/trainer/imports/roformers/bs tiny_bs \
        safetensors
    PYTHON tests/trainer/imports/make_roformer.py tests/trainer/imports/roformers/mel tiny_mel \
        safetensors BS_ROFORMER_0.4.1
"""

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

BANDS = (*(2,) * 24, *(4,) * 12, *(12,) * 8, *(24,) * 8, *(48,) * 8, 128, 129)
ONCE = {"time_transformer_depth": 1, "freq_transformer_depth": 1}
TWICE = {"time_transformer_depth": 2, "freq_transformer_depth": 2}
SMALL = {
    **ONCE,
    "dim": 32,
    "depth": 2,
    "heads": 4,
    "dim_head": 16,
    "stft_hop_length": 441,
}
SMALL_BS = {**SMALL, "freqs_per_bands": BANDS}
SMALL_MEL = {**SMALL, "num_bands": 60, "sample_rate": 44100, "mask_estimator_depth": 2}
TWO = {"stereo": True, "num_stems": 2}
TINY = {
    "dim": 4,
    "dim_head": 4,
    "heads": 2,
    "stft_n_fft": 32,
    "stft_hop_length": 8,
    "stft_win_length": 32,
}
PUBLISHED = {
    **SMALL,
    "stereo": True,
    "num_stems": 1,
    "heads": 8,
    "dim_head": 64,
    "stft_win_length": 2048,
}
# The arguments of the class, hops of the mixture, and its rate.
CASES = {
    "tiny_bs": ({**TINY, **TWO, **ONCE, "depth": 2, "freqs_per_bands": (2, 3, 12)}, 40, 4000),
    "tiny_mel": (
        {
            **TINY,
            "depth": 1,
            "stereo": False,
            "num_stems": 1,
            "time_transformer_depth": 2,
            "freq_transformer_depth": 1,
            "linear_transformer_depth": 1,
            "num_bands": 3,
            "sample_rate": 8000,
            "mask_estimator_depth": 1,
        },
        40,
        8000,
    ),
    # Two seconds.
    "bs_mono": ({**SMALL_BS, "stereo": False, "num_stems": 1}, 200, 44100),
    "bs_two": ({**SMALL_BS, **TWO, **TWICE, "mask_estimator_depth": 3}, 200, 44100),
    "bs_normalised": (
        {**SMALL_BS, "stereo": True, "num_stems": 1, "stft_normalized": True},
        200,
        44100,
    ),
    "mel_mono": ({**SMALL_MEL, "stereo": False, "num_stems": 2}, 200, 44100),
    "mel_stereo": ({**SMALL_MEL, **TWICE, "stereo": True, "num_stems": 1}, 200, 44100),
    # These two need 0.4.
    "mel_linear": ({**SMALL_MEL, **TWO, **TWICE, "linear_transformer_depth": 2}, 200, 44100),
    "mel_no_linear": ({**SMALL_MEL, **TWO, "linear_transformer_depth": 0}, 200, 44100),
    # One second.
    "bs_published": ({**PUBLISHED, "dim": 512, "depth": 12, "freqs_per_bands": BANDS}, 100, 44100),
    "mel_published": (
        {
            **PUBLISHED,
            "dim": 384,
            "depth": 6,
            "num_bands": 60,
            "sample_rate": 44100,
            "mask_estimator_depth": 2,
        },
        100,
        44100,
    ),
}
INSTRUMENTS = {1: ["vocals", "other"], 2: ["drums", "vocals"]}


def random_model(arguments):
    """A network whose norms scale, too, and with linear attention of other temperatures than 1."""
    from bs_roformer import BSRoformer, MelBandRoformer

    kind = MelBandRoformer if "num_bands" in arguments else BSRoformer
    model = kind(**arguments).eval()
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.endswith("gamma"):
                value.uniform_(0.5, 1.5)
            elif name.endswith("temperature"):
                value.normal_(0, 0.3)
    return model


def field(name, value):
    """A line of yaml, or more."""
    if isinstance(value, tuple):
        return "".join([f"  {name}: !!python/tuple\n", *(f"  - {each}\n" for each in value)])
    return f"  {name}: {str(value).lower() if isinstance(value, bool) else value}\n"


def described(arguments, num_frames, sample_rate):
    """The yaml, as MSST has it."""
    num_stems = arguments["num_stems"]
    target = "vocals" if num_stems == 1 else "null"
    names = "".join(f"  - {name}\n" for name in INSTRUMENTS[num_stems])
    model = "".join(field(name, value) for name, value in arguments.items())
    return (
        f"audio:\n  chunk_size: {num_frames}\n  dim_t: 801 # don't work (use in model)\n"
        f"  num_channels: {1 + arguments['stereo']}\n  sample_rate: {sample_rate}\n\n"
        f"model:\n{model}  attn_dropout: 0.1\n  flash_attn: true\n"
        f"  multi_stft_resolutions_window_sizes: !!python/tuple\n  - 4096\n  - 2048\n\n"
        f"training:\n  instruments:\n{names}  lr: 1.0e-05\n  target_instrument: {target}\n"
        f"  use_amp: true\n\ninference:\n  batch_size: 4\n  dim_t: 801\n  num_overlap: 4\n"
    )


def main(out, case, kind, package=None):
    if package is not None:
        sys.path.insert(0, package)
    torch.manual_seed(0)
    arguments, num_hops, sample_rate = CASES[case]
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    model = random_model(arguments)
    num_frames = num_hops * arguments["stft_hop_length"]
    (out / "model.yaml").write_text(described(arguments, num_frames, sample_rate))
    if kind == "ckpt":
        torch.save(model.state_dict(), out / "model.ckpt")
    else:
        # The rates at which pairs turn are one tensor in all places.
        tensors = {name: value.clone() for name, value in model.state_dict().items()}
        save_file(tensors, out / "model.safetensors")
    shape = (1 + arguments["stereo"], num_frames)
    mixture = 0.1 * np.random.default_rng(0).standard_normal(shape, np.float32)
    with torch.no_grad():
        estimates = model(torch.from_numpy(mixture)[None])
    # (1, C, T) where there is one stem: (K, C, T) -> (K, T, C)
    estimates = estimates.reshape(arguments["num_stems"], *shape).numpy().transpose(0, 2, 1)
    np.savez_compressed(out / "expected.npz", mixture=mixture.T, estimates=estimates)
    num_weights = sum(value.numel() for value in model.parameters())
    print(torch.__version__, case, num_weights, np.abs(estimates).max())


if __name__ == "__main__":
    main(*sys.argv[1:])
