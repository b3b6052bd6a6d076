"""The contract between preparing and training: what one record holds, how it is written and how it is read.

A record is a ``tf.train.Example``. Audio is raw little-endian bytes in time-major order (T, C), int16 with one scale
per waveform or float32; a value times its scale is the sample. Silent sources are not stored.

    format_version        FORMAT_VERSION
    audio/file_basename   name of the track
    audio/sample_rate     frames per second
    audio/sample_idx      first owned frame of the track
    audio/num_samples     owned frames
    audio/context_before  frames stored before the first owned one
    audio/channels        channels of every waveform
    audio/labels          multi-hot over the vocabulary: the instruments of the whole piece, shape (K,)
    audio/num_sources     stored sources, S
    audio/source_names    their names, shape (S,)
    audio/mixture         bytes of the mixture
    audio/encoded         bytes of each stored source, shape (S,)
    audio/scale           scale of the mixture, then of each stored source, shape (1 + S,)
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from configs import instruments
from data_prep.audio.activity import peak
from data_prep.audio.tracks import Waveform
from data_prep.records.excerpts import Excerpt
from data_prep.storage.files import reason

FORMAT_VERSION = 1
_INT16_PEAK = 32767
_HEADER_BYTES, _FOOTER_BYTES = (
    12,
    4,
)  # what a TFRecord puts around a record: its length, and checksums


class Layout(NamedTuple):
    """What all records of one manifest have in common."""

    sample_rate: int
    channels: int
    sources: tuple[str, ...]  # the vocabulary, in slot order
    encoding: str

    @property
    def frame_bytes(self) -> int:
        """Bytes of a stored frame, all channels."""
        return self.channels * np.dtype(self.encoding).itemsize


class Record(NamedTuple):
    """One parsed record. Audio is as stored: multiply by ``scales`` to get samples."""

    track: str
    start: int
    owned_frames: int
    context_before: int
    labels: NDArray[np.float32]  # (K,)
    slots: NDArray[np.int64]  # (S,), the slot of each stored source
    mixture: NDArray[Any]  # (T, C)
    sources: NDArray[Any]  # (S, T, C)
    scales: NDArray[np.float32]  # (1 + S,), the mixture's first
    addresses: NDArray[
        np.int64
    ]  # (1 + S,), of the first byte of each waveform, the mixture's first

    def owned(self) -> slice:
        """Where the owned frames lie among the stored ones."""
        return slice(self.context_before, self.context_before + self.owned_frames)


class RecordError(ValueError):
    """A record that cannot be read; ``what`` is wrong with it, without its place."""

    def __init__(self, path: str, index: int, what: str) -> None:
        super().__init__(
            path, index, what
        )  # as they came, so that it can go from one process to another
        self.what = what

    def __str__(self) -> str:
        path, index, what = self.args
        return f"record {index} of {path} cannot be read: {what}"


def shard_name(split: str, index: int, count: int) -> str:
    """File name of a shard: ``train-00000-of-00008.tfrecord``."""
    return f"{split}-{index:05d}-of-{count:05d}.tfrecord"


def encode(excerpt: Excerpt, layout: Layout) -> bytes:
    """An excerpt as the bytes of one record.

    Raises:
        ValueError: a label is not in the vocabulary.
    """
    import tensorflow as tf

    waveforms = [excerpt.mixture, *excerpt.sources.values()]
    scales = [_scale(waveform, layout.encoding) for waveform in waveforms]
    stored = [
        _to_bytes(waveform, scale, layout.encoding)
        for waveform, scale in zip(waveforms, scales, strict=True)
    ]
    ints = {
        "format_version": (FORMAT_VERSION,),
        "audio/sample_rate": (excerpt.sample_rate,),
        "audio/sample_idx": (excerpt.start,),
        "audio/num_samples": (excerpt.owned_frames,),
        "audio/context_before": (excerpt.context_before,),
        "audio/channels": (layout.channels,),
        "audio/labels": instruments.multi_hot(excerpt.labels, layout.sources),
        "audio/num_sources": (len(excerpt.sources),),
    }
    strings = {
        "audio/file_basename": (excerpt.track.encode(),),
        "audio/source_names": [name.encode() for name in excerpt.sources],
        "audio/mixture": stored[:1],
        "audio/encoded": stored[1:],
    }
    # Filled in place: a message that is given to the constructor of another is copied whole, audio and all.
    example = tf.train.Example()
    features = example.features.feature
    for name, numbers in ints.items():
        features[name].int64_list.value.extend(numbers)
    for name, texts in strings.items():
        features[name].bytes_list.value.extend(texts)
    features["audio/scale"].float_list.value.extend(scales)
    return example.SerializeToString(deterministic=True)


def framed(serialized: bytes) -> tuple[bytes, bytes, bytes]:
    """What a TFRecord file holds of a record, in order: its length with a checksum, the record, its checksum.

    https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details. TensorFlow's own writer copies
    what it is given more than once, and does not tell of what bytes the file is.
    """
    length = len(serialized).to_bytes(8, "little")
    return length + _masked_crc(length), serialized, _masked_crc(serialized)


def parse(serialized: bytes, layout: Layout, address: int = 0) -> Record:
    """The record that ``encode`` wrote; ``address`` is that of its first byte.

    Raises:
        ValueError: the bytes are not a record of this format version and layout, or do not fit together.
    """
    import tensorflow as tf

    try:
        features = tf.io.parse_single_example(serialized, _feature_spec(len(layout.sources)))
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(f"not a record of {len(layout.sources)} slots: {reason(error)}") from error
    _check(features, layout)
    mixture, encoded = (
        _decode(features["audio/mixture"], layout),
        _decode(features["audio/encoded"], layout),
    )
    names = [name.decode() for name in features["audio/source_names"].numpy()]
    if mixture.size % layout.channels or encoded.size != len(names) * mixture.size:
        raise ValueError(f"the record's {len(names)} sources and its mixture do not fit in length.")
    shape = (-1, layout.channels)
    record = Record(
        track=features["audio/file_basename"].numpy().decode(),
        start=int(features["audio/sample_idx"]),
        owned_frames=int(features["audio/num_samples"]),
        context_before=int(features["audio/context_before"]),
        labels=features["audio/labels"].numpy().astype(np.float32),
        slots=np.array([instruments.slot_of(name, layout.sources) for name in names], np.int64),
        mixture=mixture.reshape(shape),
        sources=encoded.reshape(len(names), *mixture.reshape(shape).shape),
        scales=features["audio/scale"].numpy(),
        addresses=address
        + np.array(_audio_offsets(serialized, mixture.nbytes, 1 + len(names)), np.int64),
    )
    _require_sound(record)
    return record


def _require_sound(record: Record) -> None:
    """What the values of a record must satisfy, whoever wrote it."""
    if (
        not 0
        <= record.context_before
        <= record.context_before + record.owned_frames
        <= len(record.mixture)
    ):
        raise ValueError(f"the record owns frames beyond the {len(record.mixture)} it stores.")
    if len(record.scales) != 1 + len(record.slots):
        raise ValueError(
            f"the record has {len(record.scales)} scales for {1 + len(record.slots)} waveforms."
        )
    if not np.isfinite(record.scales).all():
        raise ValueError("the record has a scale that is no finite number.")
    if (
        len(set(record.slots.tolist())) < len(record.slots)
        or not np.isin(record.labels, (0, 1)).all()
    ):
        raise ValueError("the record names a source twice, or has labels other than 0 and 1.")


def iter_records(path: str, layout: Layout, address: int = 0) -> Iterator[Record]:
    """The records of one shard, in order; the path may be on a bucket; ``address`` is that of the shard's first byte.

    Raises:
        RecordError: the shard is truncated or corrupt.
        ValueError: it is missing.
    """
    import tensorflow as tf

    index = 0
    try:
        for serialized in tf.data.TFRecordDataset(path).as_numpy_iterator():
            yield parse(serialized, layout, address + _HEADER_BYTES)
            address += _HEADER_BYTES + len(serialized) + _FOOTER_BYTES
            index += 1
    except tf.errors.NotFoundError as error:
        raise ValueError(f"the shard {path} is missing; write the records again.") from error
    except tf.errors.DataLossError as error:
        is_cut = "truncated" in error.message
        raise RecordError(
            path, index, "it is cut off." if is_cut else "its bytes are not those written."
        ) from error
    except ValueError as error:
        raise RecordError(path, index, str(error)) from error


def _check(features: dict[str, Any], layout: Layout) -> None:
    """What the record says of itself against what the manifest says of all records."""
    expected = {
        "format_version": FORMAT_VERSION,
        "audio/sample_rate": layout.sample_rate,
        "audio/channels": layout.channels,
        "audio/num_sources": len(features["audio/source_names"]),
    }
    for name, value in expected.items():
        if int(features[name]) != value:
            raise ValueError(
                f"the record's {name} is {int(features[name])}, expected {value}; write the records again."
            )


def _decode(stored: Any, layout: Layout) -> NDArray[Any]:
    import tensorflow as tf

    try:
        return tf.io.decode_raw(stored, layout.encoding).numpy()
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(f"its audio is not {layout.encoding}: {reason(error)}") from error


def _audio_offsets(serialized: bytes, num_bytes: int, count: int) -> list[int]:
    """Where the bytes of the mixture and of each stored source begin in a ``tf.train.Example``.

    An Example is nested messages, the fields of each one after the other: features / entries of a map / name and
    feature / list of values.

    Raises:
        ValueError: there are not ``count`` waveforms of ``num_bytes`` bytes, or it is an Example of another kind.
    """
    offsets: dict[bytes, list[int]] = {}
    try:
        for features in _fields(serialized, slice(0, len(serialized))):
            for entry in _fields(serialized, features):
                name, feature = _fields(serialized, entry)
                if serialized[name] in (b"audio/mixture", b"audio/encoded"):
                    lists = _fields(serialized, feature)
                    values = (
                        value for one_list in lists for value in _fields(serialized, one_list)
                    )
                    offsets[serialized[name]] = [value.start for value in values]
        found = offsets[b"audio/mixture"] + offsets.get(b"audio/encoded", [])
    except (IndexError, KeyError, ValueError) as error:
        raise ValueError(
            "the record is not laid out as data_prep.write does; write the records again."
        ) from error
    if len(found) != count or max(found) + num_bytes > len(serialized):
        raise ValueError(
            f"the record holds {len(found)} waveforms, or cut ones, where {count} were expected."
        )
    return found


def _fields(data: bytes, message: slice) -> Iterator[slice]:
    """The contents of the fields of a protocol buffer message that has strings, lists and messages alone."""
    start = message.start
    while start < message.stop:
        start += 1  # the number and type of the field
        length = shift = 0
        while (
            data[start] >= 128
        ):  # seven bits of the length in each byte, the lowest first, the last below 128
            length, shift, start = length | (data[start] & 127) << shift, shift + 7, start + 1
        length, start = length | data[start] << shift, start + 1
        yield slice(start, start + length)
        start += length


def _masked_crc(data: bytes) -> bytes:
    crc = int(google_crc32c.value(data))
    return (((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32).to_bytes(4, "little")


def _scale(waveform: Waveform, encoding: str) -> float:
    """What a stored value is multiplied by; 1 for silence, so that it stays silent."""
    return peak(waveform) / _INT16_PEAK or 1.0 if encoding == "int16" else 1.0


def _to_bytes(waveform: Waveform, scale: float, encoding: str) -> bytes:
    values = waveform
    if encoding == "int16":
        values = waveform / np.float32(scale)
        np.rint(values, out=values)
    return values.astype({"int16": "<i2", "float32": "<f4"}[encoding]).tobytes()


def _feature_spec(num_slots: int) -> dict[str, Any]:
    import tensorflow as tf

    one_int, one_string = tf.io.FixedLenFeature([], tf.int64), tf.io.FixedLenFeature([], tf.string)
    many_strings = tf.io.FixedLenSequenceFeature([], tf.string, allow_missing=True)
    return {
        "format_version": one_int,
        "audio/file_basename": one_string,
        "audio/sample_rate": one_int,
        "audio/sample_idx": one_int,
        "audio/num_samples": one_int,
        "audio/context_before": one_int,
        "audio/channels": one_int,
        "audio/labels": tf.io.FixedLenFeature([num_slots], tf.int64),
        "audio/num_sources": one_int,
        "audio/source_names": many_strings,
        "audio/mixture": one_string,
        "audio/encoded": many_strings,
        "audio/scale": tf.io.FixedLenSequenceFeature([], tf.float32, allow_missing=True),
    }
