"""Knows the bytes of a TFRecord file and of a ``tf.train.Example`` in it.

TensorFlow reads and writes both, but it does not tell where a waveform lies in a file, and its
writer copies what it is given more than once.
"""

from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from typing import BinaryIO

import google_crc32c

from data_prep.storage.files import Digest

# A TFRecord file holds before each record its length (8 bytes) with a checksum (4 bytes),
HEADER_BYTES = 12
# and behind it the checksum of the record.
FOOTER_BYTES = 4

_CRC_MASK = 0xA282EAD8
# The polynomial of CRC-32C without its highest power; the lowest bit is the power 31.
_CRC_POLYNOMIAL = 0x82F63B78


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


def stated_digest(file: BinaryIO) -> Digest:
    """Returns the size and checksum of a TFRecord file as its headers and footers state them.

    The records themselves are not read: TensorFlow compares each with its footer when it reads it.

    Raises:
        ValueError: the file is cut off, or no TFRecord file.
    """
    num_bytes = file.seek(0, 2)
    crc = 0
    position = 0
    while position < num_bytes:
        file.seek(position)
        header = file.read(HEADER_BYTES)
        length = int.from_bytes(header[:8], "little")
        footer_position = position + HEADER_BYTES + length
        position = footer_position + FOOTER_BYTES
        if header[8:] != _masked_crc(header[:8]) or position > num_bytes:
            raise ValueError("it is cut off, or its bytes are not those of records")
        file.seek(footer_position)
        footer = file.read(FOOTER_BYTES)
        crc = google_crc32c.extend(crc, header)
        crc = _joined_crc(crc, _unmasked_crc(footer), length)
        crc = google_crc32c.extend(crc, footer)
    return Digest(num_bytes, b64encode(crc.to_bytes(4, "big")).decode())


def _unmasked_crc(footer: bytes) -> int:
    """Returns the checksum of which ``_masked_crc`` made four bytes."""
    turned = (int.from_bytes(footer, "little") - _CRC_MASK) % 2**32
    return (turned >> 17 | turned << 15) % 2**32


def _joined_crc(first: int, second: int, num_bytes: int) -> int:
    """Returns the checksum of two stretches of bytes, of which the second is so long.

    A checksum is the remainder of a polynomial over the integers modulo 2, and more bytes behind it
    multiply it by a power of x: as zlib's crc32_combine does.
    """
    return _product(_power_of_x(8 * num_bytes), first) ^ second


def _power_of_x(exponent: int) -> int:
    """Returns the remainder of x to a power."""
    # x to the power 0.
    power = 1 << 31
    for bit in range(exponent.bit_length()):
        if exponent >> bit & 1:
            power = _product(power, _repeated_square(bit))
    return power


@cache
def _repeated_square(times: int) -> int:
    """Returns the remainder of x that is squared so many times."""
    if not times:
        return 1 << 30
    root = _repeated_square(times - 1)
    return _product(root, root)


def _product(one: int, other: int) -> int:
    """Returns the remainder of the product of two remainders."""
    product = 0
    for power in range(32):
        if one >> (31 - power) & 1:
            product ^= other
        # Times x.
        is_divisible = other & 1
        other >>= 1
        if is_divisible:
            other ^= _CRC_POLYNOMIAL
    return product


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
