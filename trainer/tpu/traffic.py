"""The traffic to device memory of a program that XLA has compiled for a TPU, read off its scheduled instructions.

The compiler's own ``bytes accessed`` will not do: it counts what stays in on-chip memory, and both halves of every
prefetch. Here an instruction costs its operands and results as far as they live in device memory, with the padding of
their tiles: layouts such as ``{2,0,1:T(8,128)(2,1)}``; those with ``S(1)`` are on the chip. An asynchronous copy
counts once, where it starts; of a slice, its own bytes.

The text is that of ``jax.stages.Compiled.as_text``; the grammar of shapes and layouts: openxla.org/xla/shapes and
openxla.org/xla/tiled_layout.
"""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

_COMPUTATION = re.compile(r"^(ENTRY )?%(\S+) \(.*\{$")
_INSTRUCTION = re.compile(r"^\s+(?:ROOT )?%(\S+) = (.+?) ([a-z][a-z0-9-]*)\(([^()]*)\)(.*)$")
_OPERAND = re.compile(r"%([^\s,)]+)")
_SHAPE = re.compile(r"([a-z]+[0-9]*)\[([\d,]*)\](?:\{([\d,]*)(?::([^{}]*))?\})?")
_TILE = re.compile(r"T\(([\d,]+)\)")
_ON_CHIP = "S("
_BITS = re.compile(r"\d+")
_CALLED = re.compile(r"(?:body|to_apply|calls)=%([^,\s)]+)")
_BRANCHES = re.compile(r"branch_computations=\{([^}]*)\}")
_TRIPS = re.compile(r"known_trip_count\D*(\d+)")
# They name memory, or wait for what has been counted where it started.
_FREE = {
    "parameter",
    "constant",
    "tuple",
    "get-tuple-element",
    "bitcast",
    "after-all",
    "partition-id",
    "replica-id",
}


class Instruction(NamedTuple):
    """One line of a computation."""

    name: str
    shape: str  # with its layout
    opcode: str
    arguments: str
    attributes: str

    @property
    def operands(self) -> list[str]:
        """The names of the instructions whose results it takes."""
        return _OPERAND.findall(self.arguments)


Computations = dict[str, list[Instruction]]


class Traffic(NamedTuple):
    """Bytes to and from device memory of one instruction, every time that the program runs it."""

    instruction: Instruction
    num_bytes: int


def iter_traffic(text: str) -> Iterator[Traffic]:
    """What each scheduled instruction of a program costs.

    Raises:
        ValueError: the text is not a scheduled program, or has a loop that does not say how often it runs.
    """
    entry, computations = parse(text)
    yield from _iter_computation(computations, entry, 1)


def parse(text: str) -> tuple[str, Computations]:
    """The name of the entry computation, and the instructions of every computation in their order."""
    entry, current, computations = "", "", Computations()
    for line in text.splitlines():
        if match := _COMPUTATION.match(line):
            current = match[2]
            computations[current] = []
            entry = current if match[1] else entry
        elif match := _INSTRUCTION.match(line):
            computations[current].append(Instruction(*match.groups()))
    if "is_scheduled=true" not in text.partition("\n")[0] or not entry:
        raise ValueError(
            "this is not the text of a scheduled XLA program; the version of jax may not fit."
        )
    return entry, computations


def _iter_computation(computations: Computations, name: str, repeats: int) -> Iterator[Traffic]:
    shapes = {instruction.name: instruction.shape for instruction in computations[name]}
    for instruction in computations[name]:
        if instruction.opcode in ("while", "conditional", "call"):
            for called, times in _called(instruction):
                yield from _iter_computation(computations, called, repeats * times)
        elif cost := _bytes_of(instruction, shapes, computations):
            yield Traffic(instruction, repeats * cost)


def _called(instruction: Instruction) -> list[tuple[str, int]]:
    """The computations that control flow runs, and how often; of the branches of a condition, all."""
    if instruction.opcode == "conditional":
        branches = _BRANCHES.search(instruction.attributes)
        names = (
            branches[1].split(",")
            if branches
            else re.findall(r"_computation=(%\S+?),", instruction.attributes)
        )
        return [(name.strip().lstrip("%"), 1) for name in names]
    trips = _TRIPS.search(instruction.attributes)
    if instruction.opcode == "while" and not trips:
        raise ValueError(
            f"the loop {instruction.name} of the compiled program does not say how often it runs."
        )
    return [
        (name, int(trips[1]) if trips else 1) for name in _CALLED.findall(instruction.attributes)
    ]


def _bytes_of(instruction: Instruction, shapes: dict[str, str], computations: Computations) -> int:
    opcode, operands = instruction.opcode, [shapes[name] for name in instruction.operands]
    if (
        opcode in _FREE
        or opcode.endswith("-done")
        or 'custom_call_target="ConcatBitcast"' in instruction.attributes
    ):
        return 0
    if opcode == "copy-start":  # (where to, where from, a counter)
        return device_bytes(instruction.shape)
    if (
        opcode == "slice-start"
    ):  # ((where from), where to, a counter): from there no more is read than goes here
        source, target = _SHAPE.findall(instruction.shape)[:2]
        slice_bytes = _padded_bytes(target)
        return sum(slice_bytes for _, _, _, layout in (source, target) if _ON_CHIP not in layout)
    read = sum(map(device_bytes, operands))
    if opcode == "fusion":
        fused = computations[_CALLED.findall(instruction.attributes)[0]]
        read = sum(_bytes_read(fused, i, shape, computations) for i, shape in enumerate(operands))
    return read + device_bytes(instruction.shape)


def _bytes_read(
    fused: list[Instruction], index: int, shape: str, computations: Computations
) -> int:
    """What a fusion reads of an operand of this shape: all of it, or the slices of it if it uses nothing else."""
    whole = device_bytes(shape)
    (name,) = (i.name for i in fused if i.opcode == "parameter" and i.arguments == str(index))
    total = 0
    for user in (i for i in fused if whole and name in i.operands):
        if user.opcode in ("slice", "dynamic-slice"):
            total += device_bytes(user.shape)
        elif user.opcode == "fusion":
            inner = computations[_CALLED.findall(user.attributes)[0]]
            total += _bytes_read(inner, user.operands.index(name), shape, computations)
        else:
            return whole
    return min(total, whole)


def device_bytes(shape: str) -> int:
    """Bytes in device memory of a shape with its layout, or of all shapes of a tuple."""
    return sum(_padded_bytes(array) for array in _SHAPE.findall(shape) if _ON_CHIP not in array[3])


def _padded_bytes(array: tuple[str, str, str, str]) -> int:
    """Bytes of an array whose layout tiles its last dimensions, in memory order, and pads them to whole tiles."""
    dtype, dims, order, layout = array
    sizes = [int(size) for size in dims.split(",") if size]
    ordered = [sizes[int(axis)] for axis in order.split(",") if axis][
        ::-1
    ]  # the order names the minor one first
    if tile := _TILE.search(layout):
        edges = [int(edge) for edge in tile[1].split(",")]
        ordered = [1] * (len(edges) - len(ordered)) + ordered
        for i, edge in enumerate(reversed(edges), start=1):
            ordered[-i] = -(-ordered[-i] // edge) * edge
    bits = _BITS.search(dtype)
    return math.prod(ordered) * (int(bits[0]) if bits else 8) // 8
