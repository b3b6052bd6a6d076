"""Knows the tensors of BS-RoFormer and Mel-Band RoFormer, and where each belongs here.

Lu et al., "Music source separation with band-split RoPE transformer", ICASSP 2024, and Wang et al.,
"Mel-band RoFormer for music source separation", ISMIR 2023; names and shapes as in the package
BS-RoFormer 0.3.10 and 0.4.1, which are those of the files that people share.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.imports.tensor_file import Tensors

EXPECTED = (
    "weights of a BS-RoFormer or a Mel-Band RoFormer, as the package BS-RoFormer 0.3 saves them"
)
# Whether it has mel bands -> the name of the network.
SYSTEMS = {False: "BS-RoFormer", True: "Mel-Band RoFormer"}
# Of versions such as 1.2, in which blocks have several streams and values residuals.
_LATER = re.compile(r"\.branch\.|to_value_residual_mix|hyper_conn|pope_embed")
_FREQUENCIES = re.compile(r"layers\.\d+\.\d+\.layers\.\d+\.0\.rotary_embed\.freqs")
# Of the slowest pair of features that position turns, in radians a position: 1 / 10000 or more.
_SLOWEST = 10_000.0
# Files in half precision have these numbers rounded.
_ROUNDING = 0.01
# Feed-forward layers are so many times as wide as what lies between them.
_WIDER = 4


@dataclass(frozen=True)
class Sizes:
    """Holds what the names and shapes of tensors say of their network."""

    is_mel: bool
    width: int
    # Blocks, and how often each of their transformers attends.
    depth: int
    linear_depth: int
    time_depth: int
    frequency_depth: int
    # Where the first transformer stands among the children of its block: 1 in files of 0.4 that
    # have no linear attention, whose place stays empty.
    first_place: int
    num_heads: int
    head_size: int
    num_stems: int
    # Of each band: real and imaginary parts of its bins, in all channels.
    band_features: tuple[int, ...]
    # Dense layers of a mask, and the features between them; 0 where there is one layer alone.
    mask_layers: int
    hidden_features: int

    @property
    def mask_depth(self) -> int:
        """Returns the layers of a mask as the package counts them."""
        return self.mask_layers - self.is_mel

    @property
    def mask_wider(self) -> int | None:
        """Returns how many times as wide as a band its mask is between its layers, if it is."""
        if not self.hidden_features:
            return None
        return self.hidden_features // self.width

    @property
    def system(self) -> str:
        """Returns the name of the network."""
        return SYSTEMS[self.is_mel]

    @property
    def transformers(self) -> list[tuple[str, int, int]]:
        """Returns of each transformer of a block its name here, its place there and its depth."""
        found = [("along_time", self.time_depth), ("along_frequency", self.frequency_depth)]
        if self.linear_depth:
            found.insert(0, ("everywhere", self.linear_depth))
        places = range(self.first_place, self.first_place + len(found))
        return [(name, place, depth) for (name, depth), place in zip(found, places, strict=True)]


class Place(NamedTuple):
    """Says where a tensor belongs."""

    # Its own name and shape.
    name: str
    shape: tuple[int, ...]
    # Of the variable here, behind the name of the network.
    path: str
    # Whether it holds queries, keys and values whose pairs of features are turned by position.
    has_pairs: bool = False


def places(sizes: Sizes) -> Iterator[Place]:
    """Yields the place of every tensor that a network of such sizes has."""
    for i, size in enumerate(sizes.band_features):
        theirs = f"band_split.to_features.{i}"
        yield _norm(f"{theirs}.0", f"band_split/norm_{i + 1}", size)
        yield from _dense(f"{theirs}.1", f"band_split/band_{i + 1}", size, sizes.width)
        for stem in range(sizes.num_stems):
            yield from _mask(sizes, stem, i)
    for block in range(sizes.depth):
        for axis, place, depth in sizes.transformers:
            theirs = f"layers.{block}.{place}"
            ours = f"block_{block + 1}/{axis}"
            if sizes.is_mel:
                yield _norm(f"{theirs}.norm", f"{ours}/norm", sizes.width)
            for i in range(depth):
                attention = (f"{theirs}.layers.{i}.0", f"{ours}/attention_{i + 1}")
                yield from _attention(*attention, sizes, is_linear=axis == "everywhere")
                forward = (f"{theirs}.layers.{i}.1.net", f"{ours}/feed_forward_{i + 1}")
                yield from _feed_forward(*forward, sizes.width)
    if not sizes.is_mel:
        yield _norm("final_norm", "norm", sizes.width)


def _mask(sizes: Sizes, stem: int, band: int) -> Iterator[Place]:
    """Yields the layers of the mask that a stem has for a band."""
    hidden = [sizes.hidden_features] * (sizes.mask_layers - 1)
    # The sigmoid of one half multiplies the other.
    widths = [sizes.width, *hidden, 2 * sizes.band_features[band]]
    for i, (num_inputs, num_outputs) in enumerate(pairwise(widths)):
        # A tanh stands between two of them.
        theirs = f"mask_estimators.{stem}.to_freqs.{band}.0.{2 * i}"
        ours = f"masks_{stem + 1}/band_{band + 1}_{i + 1}"
        yield from _dense(theirs, ours, num_inputs, num_outputs)


def _norm(theirs: str, ours: str, size: int) -> Place:
    return Place(f"{theirs}.gamma", (size,), f"{ours}/gamma")


def _dense(theirs: str, ours: str, num_inputs: int, num_outputs: int) -> Iterator[Place]:
    yield Place(f"{theirs}.weight", (num_outputs, num_inputs), f"{ours}/kernel")
    yield Place(f"{theirs}.bias", (num_outputs,), f"{ours}/bias")


def _attention(theirs: str, ours: str, sizes: Sizes, is_linear: bool) -> Iterator[Place]:
    width = sizes.width
    heads = sizes.num_heads * sizes.head_size
    yield _norm(f"{theirs}.norm", f"{ours}/norm", width)
    entrance = f"{ours}/queries_keys_values/kernel"
    exit_ = f"{ours}/exit/kernel"
    if is_linear:
        yield Place(f"{theirs}.to_qkv.0.weight", (3 * heads, width), entrance)
        yield Place(f"{theirs}.temperature", (sizes.num_heads, 1, 1), f"{ours}/temperature")
        yield Place(f"{theirs}.to_out.1.weight", (width, heads), exit_)
    else:
        yield Place(f"{theirs}.to_qkv.weight", (3 * heads, width), entrance, has_pairs=True)
        yield from _dense(f"{theirs}.to_gates", f"{ours}/gates", width, sizes.num_heads)
        yield Place(f"{theirs}.to_out.0.weight", (width, heads), exit_)


def _feed_forward(theirs: str, ours: str, width: int) -> Iterator[Place]:
    yield _norm(f"{theirs}.0", f"{ours}/norm", width)
    yield from _dense(f"{theirs}.1", f"{ours}/entrance", width, _WIDER * width)
    yield from _dense(f"{theirs}.4", f"{ours}/exit", _WIDER * width, width)


def sizes_of(tensors: Tensors, path: object) -> Sizes:
    """Returns the sizes of a network, and requires that its tensors are of them, one for one.

    Args:
        tensors: by their names.
        path: names their file in errors.

    Raises:
        ValueError: one is missing, has no place, is of another shape, or holds what no weights are.
    """
    for name in tensors:
        if _LATER.search(name):
            raise ValueError(
                f"{path} is of a later version of the package BS-RoFormer, such as 1.2, whose "
                f"network is another ({name[:100]}); expected the names of 0.3 or 0.4, as MSST, "
                f"UVR and audio-separator use them."
            )
    sizes = _read_sizes(_Shapes(tensors, path))
    known = {place.name: place.shape for place in places(sizes)}
    for name, shape in known.items():
        _require_weights(tensors, name, shape, path)
    for name in tensors:
        if _FREQUENCIES.fullmatch(name):
            _require_frequencies(tensors[name], sizes, name, path)
        elif name not in known:
            raise ValueError(
                f"{path} has {name[:100]}, which has no place in a {sizes.system}; expected "
                f"{EXPECTED}."
            )
    return sizes


class _Shapes:
    """Answers what names there are, and of what shape one is."""

    def __init__(self, tensors: Tensors, path: object) -> None:
        self._tensors = tensors
        self._path = path

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def shape(self, name: str, num_axes: int) -> Sequence[int]:
        """Returns a shape of so many axes, none of them empty."""
        if name not in self._tensors:
            raise ValueError(f"{self._path} has no {name}; expected {EXPECTED}.")
        shape = self._tensors[name].shape
        if len(shape) != num_axes or 0 in shape:
            raise ValueError(
                f"{self._path} has {name} of the shape {shape}; expected {num_axes} axes that are "
                f"not empty, of {EXPECTED}."
            )
        return shape

    def numbers(self, before: str) -> set[int]:
        """Returns the numbers that follow a part of names."""
        pattern = re.compile(re.escape(before) + r"\.(\d{1,6})\.")
        found = (pattern.match(name) for name in self._tensors)
        return {int(match[1]) for match in found if match is not None}


def _read_sizes(shapes: _Shapes) -> Sizes:
    """Returns sizes as a few of the tensors say them."""
    num_bands = len(shapes.numbers("band_split.to_features"))
    # Without bands, the first one is missed.
    names = [f"band_split.to_features.{i}.0.gamma" for i in range(max(num_bands, 1))]
    band_features = tuple(shapes.shape(name, 1)[0] for name in names)
    is_linear = "layers.0.0.layers.0.0.to_qkv.0.weight" in shapes
    first_place = min(shapes.numbers("layers.0"), default=0)
    time = first_place + is_linear
    of_first = f"layers.0.{time}.layers.0.0"
    num_heads, width = shapes.shape(f"{of_first}.to_gates.weight", 2)
    num_rows = shapes.shape(f"{of_first}.to_qkv.weight", 2)[0]
    # Of the lowest band of the first stem.
    mask = "mask_estimators.0.to_freqs.0.0"
    mask_layers = len(shapes.numbers(mask))
    hidden_features = 0
    if mask_layers > 1:
        hidden_features = shapes.shape(f"{mask}.0.weight", 2)[0]
    linear_depth = 0
    if is_linear:
        linear_depth = len(shapes.numbers(f"layers.0.{first_place}.layers"))
    return Sizes(
        is_mel="final_norm.gamma" not in shapes,
        width=width,
        depth=len(shapes.numbers("layers")),
        linear_depth=linear_depth,
        time_depth=len(shapes.numbers(f"layers.0.{time}.layers")),
        frequency_depth=len(shapes.numbers(f"layers.0.{time + 1}.layers")),
        first_place=first_place,
        num_heads=num_heads,
        # Of queries, keys and values.
        head_size=max(num_rows // (3 * num_heads), 1),
        num_stems=len(shapes.numbers("mask_estimators")),
        band_features=band_features,
        mask_layers=mask_layers,
        hidden_features=hidden_features,
    )


def _require_weights(tensors: Tensors, name: str, shape: tuple[int, ...], path: object) -> None:
    if name not in tensors:
        raise ValueError(f"{path} has no {name}; expected {EXPECTED}.")
    found = tensors[name]
    if found.shape != shape:
        raise ValueError(
            f"{path} has {name} of the shape {found.shape}; expected {shape}, as its other tensors "
            f"are, of {EXPECTED}."
        )
    if not np.isfinite(found).all():
        raise ValueError(f"{path} has values in {name} that no weights are; expected {EXPECTED}.")


def _require_frequencies(found: NDArray[np.float32], sizes: Sizes, name: str, path: object) -> None:
    """Refuses positions that turn pairs of features at other rates than all such networks have."""
    expected = _SLOWEST ** (-np.arange(0, sizes.head_size, 2) / sizes.head_size)
    if found.shape != expected.shape or not np.allclose(found, expected, rtol=_ROUNDING, atol=0):
        raise ValueError(
            f"{path} has {name} of other values than 10000^(-2i / {sizes.head_size}), which no "
            f"network here has; expected {EXPECTED}."
        )


def values_by_path(tensors: Tensors, sizes: Sizes) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yields the path of every variable, behind the name of the network, with its values."""
    for place in places(sizes):
        values = tensors[place.name]
        if place.has_pairs:
            values = _in_halves(values, sizes)
        if place.path.endswith("/kernel"):
            values = values.T
        yield place.path, values


def _in_halves(weight: NDArray[np.float32], sizes: Sizes) -> NDArray[np.float32]:
    """Puts the rows of queries and keys in another order.

    There a pair that turns is features 2i and 2i + 1 of a head, here i and E / 2 + i. Products of
    queries with keys are the same in any order.

    Args:
        weight: of queries, keys and values, (3 H E, D).
        sizes: H heads of E features.
    """
    size = sizes.head_size
    # (3, H, E, D)
    split = weight.reshape(3, sizes.num_heads, size, -1).copy()
    order = [*range(0, size, 2), *range(1, size, 2)]
    split[:2] = split[:2][:, :, order]
    return split.reshape(weight.shape)
