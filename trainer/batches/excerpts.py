"""Holds the excerpts of a split: what their records say, and where their waveforms lie.

A waveform is known by its address, the position of its first byte among the bytes of all shards
laid end to end. Waveforms lie in the shards or in memory, where the cache is these same bytes. So a
patch is read from both in the same way, and is the same.

Axes: R records, K slots, N waveforms of an example.
"""

from collections.abc import Callable, Sequence
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

# TensorFlow uses memory in place only where it begins at a multiple of this.
_ALIGNMENT = 64


class Excerpts(NamedTuple):
    """Holds what records say; waveform 0 of a record is its mixture, 1 + k slot k."""

    layout: Layout
    read: Reader
    # (R, 1 + K), int64.
    addresses: tf.Tensor
    # (R,), float32: a stored value times its scale is the sample.
    mixture_scales: tf.Tensor
    # (R, K), float32, 0 for a silent slot.
    source_scales: tf.Tensor
    # (R, K), float32.
    labels: tf.Tensor
    # (R, K), float32, the labels, or how much there is of an instrument.
    grades: tf.Tensor
    # (R,), int64, of each of the record's waveforms.
    stored_frames: tf.Tensor
    # (R,), int64, stored frames before the first owned one.
    context_before: tf.Tensor
    # (R,), int64.
    owned_frames: tf.Tensor
    # (R,), int64, the same number for records of one track.
    tracks: tf.Tensor
    # (M, 3), int32: onset and offset, counted from the first owned frame, and cents of every note,
    # record after record and of a record slot after slot.
    notes: tf.Tensor
    # (R K + 1,), int64: those of slot k of record r lie from entry r K + k to the next one.
    note_splits: tf.Tensor
    # (R, K, D), float32.
    context: tf.Tensor
    # The most sources or labels of any record.
    max_sounding: int

    def count_notes(self) -> tf.Tensor:
        """Returns how many notes each slot of each record has, (R, K)."""
        counts = self.note_splits[1:] - self.note_splits[:-1]
        return tf.reshape(counts, self.source_scales.shape)


class _RecordRow(NamedTuple):
    """Holds the row of one record in the arrays of ``Excerpts``."""

    # (1 + K,)
    addresses: NDArray[np.int64]
    scales: NDArray[np.float32]
    # (K,)
    labels: NDArray[np.float32]
    grades: NDArray[np.float32]
    stored_frames: int
    context_before: int
    owned_frames: int
    track: str
    # (M, 4): onset and offset from the first owned frame, cents, slot; by slots.
    notes: NDArray[np.int32]
    # (K, D)
    context: NDArray[np.float32]


def load_excerpts(
    manifest: Manifest, folder: str, split: str, cache: Literal["auto", "memory", "none"] = "auto"
) -> Excerpts:
    """Reads the records of a split once, all checksums included, and looks at those of the others.

    Args:
        manifest: of the records.
        folder: theirs, on a disk or in a bucket.
        split: train, valid or test.
        cache: whether waveforms are kept in memory; auto: where they take less than half of it.

    Raises:
        ValueError: the split has no records, one of them cannot be read, or a shard of the folder
            is not the one that was written.
    """
    if not manifest.tracks(split):
        raise ValueError(
            f"the records in {folder} have no {split} tracks; check the splits they were written "
            f"with."
        )
    # Those of other splits are read much later.
    manifest.require_shards(folder)
    num_bytes = sum(shard.num_bytes for shard in manifest.shards[split])
    memory = None
    if cache == "memory" or (cache == "auto" and _fits(num_bytes)):
        memory = _allocate(num_bytes)
    rows = []
    for record in manifest.iter_records(folder, split):
        rows.append(_row(record))
        if memory is not None:
            _keep(record, memory)
    if memory is None:
        read = _shard_reader(manifest, folder, split)
    else:
        read = _memory_reader(memory)
    return _stack(rows, manifest.layout, read)


def read_stretches(
    excerpts: Excerpts,
    records: tf.Tensor,
    waveforms: tf.Tensor,
    begins: tf.Tensor,
    frames: int,
    is_wanted: tf.Tensor,
) -> tf.Tensor:
    """Reads stretches of stored waveforms, (N, frames, C) float32, zeros outside of the stored.

    Args:
        excerpts: of a split.
        records: (N,), in which the waveforms lie.
        waveforms: (N,), columns of ``addresses``.
        begins: (N,), int64, counted from the first stored frames.
        frames: of each stretch.
        is_wanted: (N,), false for one that is not read and is zeros.
    """
    layout = excerpts.layout
    ends = begins + frames
    # What is stored of [begins, ends): nothing before the track, nothing behind it, nothing of
    # silence.
    first = tf.maximum(begins, 0)
    stored_until = tf.minimum(ends, tf.gather(excerpts.stored_frames, records))
    last = tf.where(is_wanted, stored_until, first)
    cells = tf.stack([records, waveforms], axis=1)
    addresses = tf.gather_nd(excerpts.addresses, cells) + first * layout.frame_bytes
    stored = excerpts.read(addresses, (last - first) * layout.frame_bytes)
    # (N, 1, 2): bytes of zeros before and behind each.
    around = tf.stack([first - begins, ends - last], axis=1)[:, None] * layout.frame_bytes
    pairs = zip(stored, tf.unstack(around), strict=True)
    padded = tf.stack([tf.pad(values, paddings) for values, paddings in pairs])
    # (N, bytes) -> (N, frames, C)
    dtype = tf.as_dtype(layout.encoding)
    by_sample = tf.reshape(padded, [len(stored), frames, layout.channels, dtype.size])
    return tf.cast(tf.bitcast(by_sample, dtype), tf.float32)


def _stack(rows: Sequence[_RecordRow], layout: Layout, read: Reader) -> Excerpts:
    scales = np.stack([row.scales for row in rows])
    labels = np.stack([row.labels for row in rows])
    # (R, K) -> (R,)
    num_sources = (scales[:, 1:] > 0).sum(axis=1)
    num_labels = (labels > 0).sum(axis=1)
    names = dict.fromkeys(row.track for row in rows)
    numbers = {name: number for number, name in enumerate(names)}
    num_slots = labels.shape[1]
    counts = [np.bincount(row.notes[:, 3], minlength=num_slots) for row in rows]
    notes = np.concatenate([row.notes[:, :3] for row in rows])
    # An accelerator has no use for them.
    with tf.device("CPU:0"):
        return Excerpts(
            layout=layout,
            read=read,
            addresses=tf.constant(np.stack([row.addresses for row in rows])),
            mixture_scales=tf.constant(scales[:, 0]),
            source_scales=tf.constant(scales[:, 1:]),
            labels=tf.constant(labels),
            grades=tf.constant(np.stack([row.grades for row in rows])),
            stored_frames=tf.constant([row.stored_frames for row in rows], tf.int64),
            context_before=tf.constant([row.context_before for row in rows], tf.int64),
            owned_frames=tf.constant([row.owned_frames for row in rows], tf.int64),
            tracks=tf.constant([numbers[row.track] for row in rows], tf.int64),
            notes=tf.constant(notes),
            note_splits=tf.constant(np.cumsum([0, *np.concatenate(counts)]), tf.int64),
            context=tf.constant(np.stack([row.context for row in rows])),
            max_sounding=int(max(num_sources.max(), num_labels.max())),
        )


def _row(record: Record) -> _RecordRow:
    num_waveforms = 1 + len(record.labels)
    # The mixture, and the slots that are stored; the others keep address and scale 0.
    stored = [0, *(1 + record.slots)]
    addresses = np.zeros(num_waveforms, np.int64)
    addresses[stored] = record.addresses
    scales = np.zeros(num_waveforms, np.float32)
    scales[stored] = record.scales
    return _RecordRow(
        addresses=addresses,
        scales=scales,
        labels=record.labels,
        grades=record.grades,
        stored_frames=len(record.mixture),
        context_before=record.context_before,
        owned_frames=record.owned_frames,
        track=record.track,
        notes=_notes_by_slot(record),
        context=record.context,
    )


def _notes_by_slot(record: Record) -> NDArray[np.int32]:
    """Returns the notes (M, 4) of a record, counted from its first owned frame, slot by slot."""
    order = np.argsort(record.notes[:, 3], kind="stable")
    return record.notes[order] - np.array([record.start, record.start, 0, 0], np.int32)


def _keep(record: Record, memory: Bytes) -> None:
    """Copies the waveforms of a record to their addresses."""
    waveforms = (record.mixture, *record.sources)
    for waveform, address in zip(waveforms, record.addresses, strict=True):
        memory[address : address + waveform.nbytes] = waveform.ravel().view(np.uint8)


def _fits(num_bytes: int) -> bool:
    """Decides whether to keep so many bytes in memory, and says so."""
    available = available_memory()
    fits = num_bytes < available / 2
    compared = "less" if fits else "not less"
    where = "kept there" if fits else "read from the shards"
    print(
        f"The training excerpts take {scaled(num_bytes, 'B', 1024)}, {compared} than half of the "
        f"{scaled(available, 'B', 1024)} of memory available: they are {where} (train.cache=auto).",
        flush=True,
    )
    return fits


def _allocate(num_bytes: int) -> Bytes:
    """Allocates memory that TensorFlow can use in place."""
    memory = np.empty(num_bytes + _ALIGNMENT, np.uint8)
    first = -memory.ctypes.data % _ALIGNMENT
    return memory[first : first + num_bytes]


def _memory_reader(memory: Bytes) -> Reader:
    # tf.constant would copy it, and the excerpts may fill half of the memory.
    shared = tf.experimental.dlpack.from_dlpack(memory.__dlpack__())

    def read(addresses: tf.Tensor, sizes: tf.Tensor) -> list[tf.Tensor]:
        # One dimension: a slice of several is copied element by element, five times slower.
        begins = tf.unstack(addresses[:, None])
        lengths = tf.unstack(sizes[:, None])
        return [
            tf.slice(shared, begin, length) for begin, length in zip(begins, lengths, strict=True)
        ]

    return read


def _shard_reader(manifest: Manifest, folder: str, split: str) -> Reader:
    """Makes a reader of the bytes asked for alone; the system caches what it can."""
    shards = manifest.shards[split]
    opened = open_folder(folder)
    starts = np.cumsum([0, *(shard.num_bytes for shard in shards)])

    def read_one(address: int, size: int) -> Bytes:
        if not size:
            return np.zeros(0, np.uint8)
        shard = int(np.searchsorted(starts, address, side="right")) - 1
        begin = address - int(starts[shard])
        return np.frombuffer(opened.read_part(shards[shard].name, begin, size), np.uint8)

    def read_all(addresses: NDArray[np.int64], sizes: NDArray[np.int64]) -> list[Bytes]:
        pairs = zip(addresses.tolist(), sizes.tolist(), strict=True)
        return [read_one(address, size) for address, size in pairs]

    def read(addresses: tf.Tensor, sizes: tf.Tensor) -> list[tf.Tensor]:
        # One call of Python for all waveforms of an example: TensorFlow has no operation that reads
        # part of a file.
        types = [tf.uint8] * addresses.shape[0]
        return tf.numpy_function(read_all, [addresses, sizes], types, stateful=False)

    return read
