"""Names and reads shards, the files that hold records one behind the other."""

from collections.abc import Iterator

from data_prep.records.format import Layout, Record, parse
from data_prep.records.wire_format import FOOTER_BYTES, HEADER_BYTES


class RecordError(ValueError):
    """Is raised for a record that cannot be read; ``what`` is wrong with it, without its place."""

    def __init__(self, path: str, index: int, what: str) -> None:
        # The arguments stay what they are: another process makes the error again from them.
        super().__init__(path, index, what)
        self.what = what

    def __str__(self) -> str:
        path, index, what = self.args
        return f"record {index} of {path} cannot be read: {what}"


def shard_name(split: str, index: int, count: int) -> str:
    """Returns the name of the file of a shard: ``train-00000-of-00008.tfrecord``."""
    return f"{split}-{index:05d}-of-{count:05d}.tfrecord"


def iter_records(path: str, layout: Layout, address: int = 0) -> Iterator[Record]:
    """Yields the records of one shard in order.

    Args:
        path: may be on a bucket.
        layout: is that of all records.
        address: is where the first byte of the shard lies.

    Raises:
        RecordError: the shard is truncated or corrupt.
        ValueError: it is missing.
    """
    import tensorflow as tf

    index = 0
    try:
        for serialized in tf.data.TFRecordDataset(path).as_numpy_iterator():
            yield parse(serialized, layout, address + HEADER_BYTES)
            address += HEADER_BYTES + len(serialized) + FOOTER_BYTES
            index += 1
    except tf.errors.NotFoundError as error:
        raise ValueError(f"the shard {path} is missing; write the records again.") from error
    except tf.errors.DataLossError as error:
        what = "its bytes are not those written."
        # TensorFlow has one error for a file that ends too early and for a wrong checksum.
        if "truncated" in error.message:
            what = "it is cut off."
        raise RecordError(path, index, what) from error
    except ValueError as error:
        raise RecordError(path, index, str(error)) from error
