"""Writes the tensors of PyTorch's files as safetensors. It is run by an interpreter with PyTorch.

    python -I save_tensors.py FROM TO [FROM TO ...]

It needs nothing of this project, nor NumPy. PyTorch reads weights alone: a file that would run code
is refused. What cannot be read is one line on stderr, and status 1.
"""

import ctypes
import json
import sys
from typing import Any

import torch


def main(paths: list[str]) -> None:
    """Reads every first path and writes every second one."""
    for source, target in zip(paths[::2], paths[1::2], strict=True):
        try:
            state = torch.load(source, map_location="cpu", weights_only=True)
        # Whatever is wrong with a file, PyTorch has many exceptions for it.
        except Exception as error:
            lines = str(error).strip().splitlines()
            reason = lines[0] if lines else "no reason given"
            sys.exit(f"{source} cannot be read by PyTorch {torch.__version__}: {reason}")
        # Where training can go on from a file, the weights are one of several things in it.
        for name in ("state", "state_dict", "model_state_dict"):
            if isinstance(state, dict) and isinstance(state.get(name), dict):
                state = state[name]
        if not isinstance(state, dict):
            sys.exit(f"{source} holds a {type(state).__name__}; expected tensors by their names.")
        write(state, target)


def write(state: dict[Any, Any], path: str) -> None:
    """Writes those values of a dictionary that are tensors, as float32."""
    header = {}
    tensors = []
    reached = 0
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            continue
        tensor = value.detach().to(torch.float32).contiguous()
        num_bytes = 4 * tensor.numel()
        header[name] = {
            "dtype": "F32",
            "shape": list(tensor.shape),
            "data_offsets": [reached, reached + num_bytes],
        }
        tensors.append(tensor)
        reached += num_bytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:  # noqa: PTH123 (as plain as the rest)
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for tensor in tensors:
            file.write(ctypes.string_at(tensor.data_ptr(), 4 * tensor.numel()))


if __name__ == "__main__":
    main(sys.argv[1:])
