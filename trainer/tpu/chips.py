"""What Google documents of a TPU chip: the ceilings that preflight compares a program with.

Source: the pages "TPU v4", "TPU v5e", "TPU v5p" and "TPU v6e" of the Cloud TPU documentation
(docs.cloud.google.com/tpu/docs/v4 and so on), the tables of key specifications.
"""

import math
from typing import NamedTuple


class Chip(NamedTuple):
    """The documented peak rates of a chip, which a program sees as one core."""

    bfloat16_flops: float  # per second
    memory_bytes: float  # device memory (HBM)
    bytes_per_sec: float  # to and from device memory
    accelerator: str  # how Cloud TPU names a slice, given its number of chips
    dimensions: int  # of a topology


CHIPS = {
    "v4": Chip(275e12, 32 * 2**30, 1200e9, "v4-{cores}", 3),
    "v5e": Chip(197e12, 16e9, 819e9, "v5litepod-{chips}", 2),
    "v5p": Chip(459e12, 95e9, 2765e9, "v5p-{cores}", 3),
    "v6e": Chip(918e12, 32e9, 1638e9, "v6e-{chips}", 2),
}


def split_topology(topology: str) -> tuple[str, int]:
    """The generation and the number of chips of a topology such as ``v5e:2x2`` or ``v4:2x2x1``.

    Raises:
        ValueError: it is not one of ours.
    """
    generation, _, sizes = topology.partition(":")
    edges = sizes.split("x")
    known = generation in CHIPS and all(edge.isdecimal() and int(edge) > 0 for edge in edges)
    if not known or len(edges) != CHIPS[generation].dimensions:
        raise ValueError(
            f"--topology is {topology!r}; expected v5e or v6e with two edges, such as v5e:2x2 (4 chips), or v4 or v5p "
            f"with three, such as v4:2x2x1."
        )
    return generation, math.prod(map(int, edges))


def accelerator_type(topology: str) -> str:
    """The name of a topology when a TPU is asked for, such as ``v5litepod-4``."""
    generation, num_chips = split_topology(topology)
    return CHIPS[generation].accelerator.format(chips=num_chips, cores=2 * num_chips)
