"""Knows the bytes of a TFRecord file and of a ``tf.train.Example`` in it.

TensorFlow reads and writes both, but it does not tell where a waveform lies in a file, and its
writer copies what it is given more than once.
"""

from collections.abc import Iterator

import google_crc32c

# A TFRecord file holds before each record its length (8 bytes) with a checksum (4 bytes),
HEADER_BYTES = 12
# and behind it the checksum of the record.
FOOTER_BYTES = 4

_CRC_MASK = 0xA282EAD8


def framed(serialized: bytes) -> tuple[bytes, bytes, bytes]:
    """Returns what a TFRecord file holds of a record: its header, the record, its checksum.

    The format is described at
    https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details.
    """
    length = len(serialized).to_bytes(8, "little")
    return length + _masked_crc(length), serialized, _masked_crc(serialized)


def _masked_crc(data: bytes) -> bytes:
    """Returns the checksum of bytes as a TFRecord file states it."""
    crc = int(google_crc32c.value(data))
    # It is masked (turned right by 15 bits, then shifted) because data may hold checksums
    # themselves, and a checksum of checksums tells little.
    turned = crc >> 15 | crc << 17
    return ((turned + _CRC_MASK) % 2**32).to_bytes(4, "little")


def waveform_offsets(serialized: bytes, num_bytes: int, count: int) -> list[int]:
    """Returns where the mixture and each stored source begin in a serialized record.

    Raises:
        ValueError: there are not ``count`` waveforms of ``num_bytes`` bytes, or it is an Example of
            another kind.
    """
    try:
        by_name = _value_offsets(serialized, (b"audio/mixture", b"audio/encoded"))
        # A record without stored sources may leave their list out.
        offsets = by_name[b"audio/mixture"] + by_name.get(b"audio/encoded", [])
    except (IndexError, KeyError, ValueError) as error:
        raise ValueError(
            "the record is not laid out as data_prep.write does; write the records again."
        ) from error
    if len(offsets) != count or max(offsets) + num_bytes > len(serialized):
        raise ValueError(
            f"the record holds {len(offsets)} waveforms, or cut ones, where {count} were expected."
        )
    return offsets


def _value_offsets(serialized: bytes, names: tuple[bytes, ...]) -> dict[bytes, list[int]]:
    """Returns where the values of features of the given names begin, by name.

    Raises:
        IndexError: a length leads out of the bytes.
        ValueError: an entry of the map of features is not a name and a feature.
    """
    offsets: dict[bytes, list[int]] = {}
    # An Example is a message in a message: features > entries of a map > name and feature > list
    # > values. Each level is walked by its lengths, and no value is copied.
    for features in _iter_fields(serialized, slice(0, len(serialized))):
        for entry in _iter_fields(serialized, features):
            name_bytes, feature = _iter_fields(serialized, entry)
            name = serialized[name_bytes]
            if name in names:
                offsets[name] = [
                    value.start
                    for value_list in _iter_fields(serialized, feature)
                    for value in _iter_fields(serialized, value_list)
                ]
    return offsets


def _iter_fields(data: bytes, message: slice) -> Iterator[slice]:
    """Yields where the contents of the fields of a protocol buffer message lie.

    The message has strings, lists and messages alone: fields that say how long they are.
    """
    position = message.start
    while position < message.stop:
        # The first byte is the number and the type of the field.
        position += 1
        # The length follows, seven bits in each byte, the lowest first; all bytes of it but the
        # last have their highest bit set.
        length = 0
        shift = 0
        while data[position] >= 128:
            length |= (data[position] & 127) << shift
            shift += 7
            position += 1
        length |= data[position] << shift
        position += 1
        yield slice(position, position + length)
        position += length
