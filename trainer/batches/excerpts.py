"""The excerpts of a split: what their records say, and their waveforms where they lie, in memory or in the shards.

A waveform is known by its address, the place of its first byte among the bytes of all shards laid
end to end. The cache is these bytes in memory. So a patch is read from both in the same way, and is
the same.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from data_prep.records.format import Layout, Record
from data_prep.records.manifest import Manifest
from data_prep.runtime.memory import available_memory
from data_prep.runtime.quantities import scaled
from data_prep.storage import open_folder

Bytes = NDArray[np.uint8]
Reader = Callable[[tf.Tensor, tf.Tensor], list[tf.Tensor]]
"""Addresses (N,) and numbers of bytes (N,), int64, to N vectors of bytes, in a graph."""


class Excerpts(NamedTuple):
    """The excerpts of a split. R records, K slots; waveform 0 of a record is its mixture, 1 + k that of slot k."""

    layout: Layout
    read: Reader
    addresses: tf.Tensor  # (R, 1 + K), int64
    mixture_scales: tf.Tensor  # (R,), float32: a stored value times its scale is the sample
    source_scales: tf.Tensor  # (R, K), float32, 0 for a silent slot
    labels: tf.Tensor  # (R, K), float32
    stored_frames: tf.Tensor  # (R,), int64, of each of the record's waveforms
    context_before: tf.Tensor  # (R,), int64, stored frames before the first owned one
    owned_frames: tf.Tensor  # (R,), int64
    max_sounding: int  # the most sources or labels of any record


def load_excerpts(
    manifest: Manifest, folder: str, split: str, cache: Literal["auto", "memory", "none"] = "auto"
) -> Excerpts:
    """Read the records of a split once, all checksums included, and keep their waveforms in memory or leave them.

    Raises:
        ValueError: the split has no records, or one of them cannot be read.
    """
    if not manifest.tracks(split):
        raise ValueError(
            f"the records in {folder} have no {split} tracks; check the splits they were written with."
        )
    num_bytes = sum(shard.num_bytes for shard in manifest.shards[split])
    memory = (
        _allocate(num_bytes)
        if cache == "memory" or (cache == "auto" and _fits(num_bytes))
        else None
    )
    rows = []
    for record in manifest.iter_records(folder, split):
        rows.append(_row(record))
        if memory is not None:
            for waveform, address in zip(
                (record.mixture, *record.sources), record.addresses, strict=True
            ):
                memory[address : address + waveform.nbytes] = waveform.ravel().view(np.uint8)
    addresses, scales, labels, stored_frames, context_before, owned_frames = map(
        np.stack, zip(*rows, strict=True)
    )
    with tf.device("CPU:0"):
        return Excerpts(
            layout=manifest.layout,
            read=_shard_reader(manifest, folder, split)
            if memory is None
            else _memory_reader(memory),
            addresses=tf.constant(addresses),
            mixture_scales=tf.constant(scales[:, 0]),
            source_scales=tf.constant(scales[:, 1:]),
            labels=tf.constant(labels),
            stored_frames=tf.constant(stored_frames, tf.int64),
            context_before=tf.constant(context_before, tf.int64),
            owned_frames=tf.constant(owned_frames, tf.int64),
            max_sounding=int(max((scales[:, 1:] > 0).sum(axis=1).max(), labels.sum(axis=1).max())),
        )


def _row(record: Record) -> tuple[NDArray[np.generic] | int, ...]:
    waveforms = [0, *(1 + record.slots)]
    addresses, scales = (
        np.zeros(1 + len(record.labels), np.int64),
        np.zeros(1 + len(record.labels), np.float32),
    )
    addresses[waveforms], scales[waveforms] = record.addresses, record.scales
    return (
        addresses,
        scales,
        record.labels,
        len(record.mixture),
        record.context_before,
        record.owned_frames,
    )


def _fits(num_bytes: int) -> bool:
    """Whether to keep so many bytes in memory, saying so."""
    available = available_memory()
    fits = num_bytes < available / 2
    compared, place = ("less", "kept there") if fits else ("not less", "read from the shards")
    print(
        f"The training excerpts take {scaled(num_bytes, 'B', 1024)}, {compared} than half of the "
        f"{scaled(available, 'B', 1024)} of memory available: they are {place} (train.cache=auto).",
        flush=True,
    )
    return fits


def _allocate(num_bytes: int) -> Bytes:
    """Memory that TensorFlow can use in place: it wants it aligned."""
    alignment = 64
    memory = np.empty(num_bytes + alignment, np.uint8)
    first = -memory.ctypes.data % alignment
    return memory[first : first + num_bytes]


def _memory_reader(memory: Bytes) -> Reader:
    # tf.constant would copy it, and the excerpts may fill half of the memory.
    stored = tf.experimental.dlpack.from_dlpack(memory.__dlpack__())

    def read(addresses: tf.Tensor, sizes: tf.Tensor) -> list[tf.Tensor]:
        # One dimension: a slice of several is copied element by element, five times slower.
        places = zip(tf.unstack(addresses[:, None]), tf.unstack(sizes[:, None]), strict=True)
        return [tf.slice(stored, *place) for place in places]

    return read


def _shard_reader(manifest: Manifest, folder: str, split: str) -> Reader:
    """Reads the bytes asked for and no others; the operating system caches what it can."""
    shards, opened = manifest.shards[split], open_folder(folder)
    starts = np.cumsum([0, *(shard.num_bytes for shard in shards)])

    def read_one(address: int, size: int) -> Bytes:
        shard = int(np.searchsorted(starts, address, side="right")) - 1
        found = (
            opened.read_part(shards[shard].name, address - int(starts[shard]), size)
            if size
            else b""
        )
        return np.frombuffer(found, np.uint8)

    def read_all(addresses: NDArray[np.int64], sizes: NDArray[np.int64]) -> list[Bytes]:
        return [read_one(*place) for place in zip(addresses.tolist(), sizes.tolist(), strict=True)]

    def read(addresses: tf.Tensor, sizes: tf.Tensor) -> list[tf.Tensor]:
        # One call of Python for all waveforms of an example: TensorFlow has no operation that reads
        # part of a file.
        return tf.numpy_function(
            read_all, [addresses, sizes], [tf.uint8] * addresses.shape[0], stateful=False
        )

    return read
