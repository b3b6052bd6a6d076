"""Counts the traffic to device memory of a program that XLA has compiled for a TPU.

The figure is read off the program's scheduled instructions. The compiler's own ``bytes accessed``
will not do: it counts what stays in on-chip memory, and both halves of every prefetch. Here an
instruction costs its operands and results as far as they live in device memory, with the padding of
their tiles: layouts such as ``{2,0,1:T(8,128)(2,1)}``; those with ``S(1)`` are on the chip. An
asynchronous copy counts once, where it starts; of a slice, its own bytes.

The text is that of ``jax.stages.Compiled.as_text``; the grammar of shapes and layouts:
openxla.org/xla/shapes and openxla.org/xla/tiled_layout.
"""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

# %main (a: f32[8]) -> f32[8] {
_COMPUTATION = re.compile(r"^(ENTRY )?%(\S+) \(.*\{$")
# %sum = f32[8]{0:T(128)} add(%a, %b), attributes
_INSTRUCTION = re.compile(r"^\s+(?:ROOT )?%(\S+) = (.+?) ([a-z][a-z0-9-]*)\(([^()]*)\)(.*)$")
_OPERAND = re.compile(r"%([^\s,)]+)")
# Type, sizes, order of the axes, and the rest of a layout: bf16 [8,100,96] {2,0,1 :T(8,128)(2,1)}
_SHAPE = re.compile(r"([a-z]+[0-9]*)\[([\d,]*)\](?:\{([\d,]*)(?::([^{}]*))?\})?")
_TILE = re.compile(r"T\(([\d,]+)\)")
_ON_CHIP = "S("
_BITS = re.compile(r"\d+")
_CALLED = re.compile(r"(?:body|to_apply|calls)=%([^,\s)]+)")
_BRANCHES = re.compile(r"branch_computations=\{([^}]*)\}")
_BRANCH = re.compile(r"_computation=(%\S+?),")
_TRIPS = re.compile(r"known_trip_count\D*(\d+)")
# These name memory, or wait for what has been counted where it started.
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
    """Holds one line of a computation."""

    name: str
    # With its layout.
    shape: str
    opcode: str
    arguments: str
    attributes: str

    @property
    def operands(self) -> list[str]:
        """Returns the names of the instructions whose results it takes."""
        return _OPERAND.findall(self.arguments)


Computations = dict[str, list[Instruction]]


class Traffic(NamedTuple):
    """Holds the bytes to and from device memory of one instruction in one run of the program."""

    instruction: Instruction
    num_bytes: int


def iter_traffic(text: str) -> Iterator[Traffic]:
    """Yields what each scheduled instruction of a program costs.

    A loop that does not say how often it runs counts as if it ran once (``count_loops``).

    Raises:
        ValueError: the text is not a scheduled program.
    """
    entry, computations = parse(text)
    yield from _iter_computation(computations, entry, 1)


class Loops(NamedTuple):
    """Counts the loops of a program."""

    # How often each runs that says it.
    told: tuple[int, ...]
    # Of those that do not, as the compiler makes of some Fourier transforms.
    num_untold: int


def count_loops(text: str) -> Loops:
    """Counts the loops of a program; ``ValueError`` where the text is no scheduled program."""
    _, computations = parse(text)
    instructions = (each for computation in computations.values() for each in computation)
    loops = [each for each in instructions if each.opcode == "while"]
    trips = [_TRIPS.search(each.attributes) for each in loops]
    told = tuple(int(each[1]) for each in trips if each)
    return Loops(told, len(loops) - len(told))


def parse(text: str) -> tuple[str, Computations]:
    """Returns the name of the entry computation, and all computations by name.

    The instructions of each are in their order.

    Raises:
        ValueError: the text is not a scheduled program.
    """
    entry = ""
    current = ""
    computations = Computations()
    for line in text.splitlines():
        head = _COMPUTATION.match(line)
        instruction = _INSTRUCTION.match(line)
        if head:
            current = head[2]
            computations[current] = []
            if head[1]:
                entry = current
        elif instruction:
            computations[current].append(Instruction(*instruction.groups()))
    if "is_scheduled=true" not in text.partition("\n")[0] or not entry:
        raise ValueError(
            "this is not the text of a scheduled XLA program; the version of jax may not fit."
        )
    return entry, computations


def _iter_computation(computations: Computations, name: str, repeats: int) -> Iterator[Traffic]:
    """Yields the costs of a computation that runs so often, what it calls included."""
    shapes = {instruction.name: instruction.shape for instruction in computations[name]}
    for instruction in computations[name]:
        if instruction.opcode in ("while", "conditional", "call"):
            for called, times in _called(instruction):
                yield from _iter_computation(computations, called, repeats * times)
            continue
        num_bytes = _bytes_of(instruction, shapes, computations)
        if num_bytes:
            yield Traffic(instruction, repeats * num_bytes)


def _called(instruction: Instruction) -> list[tuple[str, int]]:
    """Returns the computations that control flow runs, and how often each.

    Of the branches of a condition these are all: which one runs is not known.
    """
    if instruction.opcode == "conditional":
        branches = _BRANCHES.search(instruction.attributes)
        if branches:
            names = branches[1].split(",")
        else:
            # A condition of two branches names each by an attribute of its own.
            names = _BRANCH.findall(instruction.attributes)
        return [(name.strip().lstrip("%"), 1) for name in names]
    trips = _TRIPS.search(instruction.attributes)
    times = int(trips[1]) if trips else 1
    return [(name, times) for name in _CALLED.findall(instruction.attributes)]


def _bytes_of(instruction: Instruction, shapes: dict[str, str], computations: Computations) -> int:
    """Returns what an instruction costs, given the shapes of all results of its computation."""
    opcode = instruction.opcode
    is_concatenated_in_place = 'custom_call_target="ConcatBitcast"' in instruction.attributes
    if opcode in _FREE or opcode.endswith("-done") or is_concatenated_in_place:
        return 0
    if opcode == "copy-start":
        # (where to, where from, a counter)
        return device_bytes(instruction.shape)
    if opcode == "slice-start":
        # ((where from), where to, a counter): no more is read there than is written here.
        source, target = _SHAPE.findall(instruction.shape)[:2]
        ends = [layout for _, _, _, layout in (source, target)]
        return _padded_bytes(target) * sum(_ON_CHIP not in layout for layout in ends)
    operands = [shapes[name] for name in instruction.operands]
    num_bytes = device_bytes(instruction.shape)
    if opcode != "fusion":
        return num_bytes + sum(map(device_bytes, operands))
    fused = computations[_CALLED.findall(instruction.attributes)[0]]
    for index, shape in enumerate(operands):
        num_bytes += _bytes_read(fused, index, shape, computations)
    return num_bytes


def _bytes_read(
    fused: list[Instruction], index: int, shape: str, computations: Computations
) -> int:
    """Returns what a fusion reads of an operand: all of it, or the slices that are all it uses.

    Args:
        fused: the instructions of the fusion.
        index: the number of the operand.
        shape: its shape.
        computations: all computations, for fusions within the fusion.
    """
    whole = device_bytes(shape)
    if not whole:
        return 0
    (name,) = (i.name for i in fused if i.opcode == "parameter" and i.arguments == str(index))
    total = 0
    for user in fused:
        if name not in user.operands:
            continue
        if user.opcode in ("slice", "dynamic-slice"):
            total += device_bytes(user.shape)
        elif user.opcode == "fusion":
            inner = computations[_CALLED.findall(user.attributes)[0]]
            total += _bytes_read(inner, user.operands.index(name), shape, computations)
        else:
            return whole
    # Slices may overlap.
    return min(total, whole)


def device_bytes(shape: str) -> int:
    """Returns the bytes in device memory of a shape with its layout, or of all of a tuple."""
    arrays = _SHAPE.findall(shape)
    return sum(_padded_bytes(array) for array in arrays if _ON_CHIP not in array[3])


def _padded_bytes(array: tuple[str, str, str, str]) -> int:
    """Returns the bytes of an array whose layout pads its last dimensions to whole tiles."""
    dtype, dims, order, layout = array
    sizes = [int(size) for size in dims.split(",") if size]
    # The order names the minor axis first; in memory order it is the last.
    ordered = [sizes[int(axis)] for axis in order.split(",") if axis]
    ordered.reverse()
    tile = _TILE.search(layout)
    if tile:
        edges = [int(edge) for edge in tile[1].split(",")]
        # Fewer dimensions than the tile has fill one of its rows.
        ordered = [1] * (len(edges) - len(ordered)) + ordered
        for i, edge in enumerate(reversed(edges), start=1):
            ordered[-i] = -(-ordered[-i] // edge) * edge
    bits = _BITS.search(dtype)
    # A predicate, which names no number of bits, takes a byte.
    num_bits = int(bits[0]) if bits else 8
    return math.prod(ordered) * num_bits // 8
