"""Holds what Google documents of TPU chips: the ceilings that preflight compares a program with.

Source: the pages "TPU v4", "TPU v5e", "TPU v5p" and "TPU v6e" of the Cloud TPU documentation
(docs.cloud.google.com/tpu/docs/v4 and so on), the tables of key specifications.
"""

import math
from typing import NamedTuple


class Chip(NamedTuple):
    """Holds the documented peak rates of a chip, which a program sees as one core."""

    # Operations per second.
    bfloat16_flops: float
    # Of device memory (HBM).
    memory_bytes: float
    # To and from device memory.
    bytes_per_sec: float
    # How Cloud TPU names a slice, given its number of chips or of cores.
    accelerator: str
    # Edges of a topology.
    dimensions: int


# v4 and v5p slices are named by cores, of which the documentation counts two per chip.
CHIPS = {
    "v4": Chip(275e12, 32 * 2**30, 1200e9, "v4-{cores}", 3),
    "v5e": Chip(197e12, 16e9, 819e9, "v5litepod-{chips}", 2),
    "v5p": Chip(459e12, 95e9, 2765e9, "v5p-{cores}", 3),
    "v6e": Chip(918e12, 32e9, 1638e9, "v6e-{chips}", 2),
}

# As JAX calls them (jax.Device.device_kind). TensorFlow calls every chip TPU.
_OF_KIND = {
    "TPU v4": "v4",
    "TPU v5 lite": "v5e",
    "TPU v5e": "v5e",
    "TPU v5": "v5p",
    "TPU v5p": "v5p",
    "TPU v6 lite": "v6e",
    "TPU v6e": "v6e",
}


def chip_of_kind(kind: str) -> Chip | None:
    """Returns the chip that JAX calls so, None where it is not one of ours."""
    name = _OF_KIND.get(kind)
    return CHIPS[name] if name else None


def split_topology(topology: str) -> tuple[str, int]:
    """Returns generation and number of chips of a topology, as ``v5e:2x2`` or ``v4:2x2x1``.

    Raises:
        ValueError: it is not one of ours.
    """
    generation, _, sizes = topology.partition(":")
    edges = sizes.split("x")
    known = generation in CHIPS and all(edge.isdecimal() and int(edge) > 0 for edge in edges)
    if not known or len(edges) != CHIPS[generation].dimensions:
        raise ValueError(
            f"--topology is {topology!r}; expected v5e or v6e with two edges, such as v5e:2x2 (4 "
            f"chips), or v4 or v5p with three, such as v4:2x2x1."
        )
    return generation, math.prod(map(int, edges))


def accelerator_type(topology: str) -> str:
    """Returns the name of a topology when a TPU is asked for, such as ``v5litepod-4``."""
    generation, num_chips = split_topology(topology)
    return CHIPS[generation].accelerator.format(chips=num_chips, cores=2 * num_chips)
