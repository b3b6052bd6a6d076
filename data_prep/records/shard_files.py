"""Names and reads shards, the files that hold records one behind the other."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from data_prep.records.entries import ShardEntry
from data_prep.records.format import Layout, Record, parse
from data_prep.records.wire_format import FOOTER_BYTES, HEADER_BYTES, stated_digest
from data_prep.runtime.datasets import untuned
from data_prep.storage import Folder, is_bucket
from data_prep.storage.files import Digest

ADVICE = (
    "put the original back, or delete it and the manifest and give the command of data_prep.write "
    "again."
)


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


def require_shard(folder: Folder, shard: ShardEntry) -> None:
    """Refuses a shard that is not the one that was written, without reading its records.

    A bucket knows the checksums of its files. On a disk those in the file itself are believed here:
    whoever reads a record finds out where it is another.

    Raises:
        ValueError: the shard is missing, has another size, or holds other records.
    """
    path = f"{folder.url}/{shard.name}"
    try:
        if is_bucket(folder.url):
            present = folder.stat(shard.name)
        else:
            present = _stated_digest(Path(path))
    except ValueError as error:
        raise ValueError(f"{path} is not the shard that was written: {error}; {ADVICE}") from error
    if present is None:
        raise ValueError(f"the shard {path} is missing; {ADVICE}")
    if present.num_bytes != shard.num_bytes:
        raise ValueError(
            f"{path} has {present.num_bytes} bytes, {shard.num_bytes} were written; {ADVICE}"
        )
    if present.crc32c != shard.crc32c:
        raise ValueError(
            f"{path} is not the shard that was written: its checksum is another; {ADVICE}"
        )


def _stated_digest(path: Path) -> Digest | None:
    """Returns what a shard on a disk says of itself; None where there is none."""
    with suppress(FileNotFoundError), path.open("rb", buffering=0) as file:
        return stated_digest(file)
    return None


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
        for serialized in untuned(tf.data.TFRecordDataset(path)).as_numpy_iterator():
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
