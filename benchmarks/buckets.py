"""Reads and writes records in a bucket on this machine, beside a disk: what gs:// costs.

python -m benchmarks.buckets --mib=256 --rounds=5

Shards of noise as data_prep.write stores it. In every round, in turn: TensorFlow reads all records
from the disk (where they are in its cache), then from the bucket by gs://, and Google's client
library downloads the same shards, which is what the server on the other side can give at most; all
of them one shard after the other. Then the shards are uploaded again under other names. The server
is that of the tests, written in Python, on the loopback address, with TLS, and shares the cores
with whoever reads: these are not the figures of Cloud Storage, but a reader that is slow here is
slow there.
"""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from absl import flags

from data_prep.runtime import command
from data_prep.storage.folder import making
from tests.support.gcs import Gcs

FLAGS = flags.FLAGS
RECORD_BYTES = 2**20
NUM_SHARDS = 8


def write_shards(folder: Path, num_bytes: int) -> list[Path]:
    """Shards of noise, in records of a mebibyte."""
    import tensorflow as tf

    noise, paths = np.random.default_rng(0), []
    for i in range(NUM_SHARDS):
        paths.append(folder / f"train-{i:05}-of-{NUM_SHARDS:05}.tfrecord")
        with tf.io.TFRecordWriter(str(paths[-1])) as writer:
            for _ in range(num_bytes // NUM_SHARDS // RECORD_BYTES):
                writer.write(noise.bytes(RECORD_BYTES))
    return paths


def read_records(folder: str, paths: Sequence[Path]) -> int:
    """Reads all records with TensorFlow; returns their bytes."""
    import tensorflow as tf

    addresses = [f"{folder}/{path.name}" for path in paths]
    return sum(len(record) for record in tf.data.TFRecordDataset(addresses).as_numpy_iterator())


def download(folder: Any, paths: Sequence[Path]) -> int:
    """Downloads all shards with the client library; returns their bytes."""
    return sum(len(folder._blob(path.name).download_as_bytes()) for path in paths)


def upload(folder: Any, paths: Sequence[Path]) -> int:
    """Uploads all shards as data_prep.write does, one after the other; returns their bytes."""
    num_bytes = 0
    for path in paths:
        with making(folder, path.name, overwrite=False) as copy:
            copy.write_bytes(path.read_bytes())
            num_bytes += copy.stat().st_size
    return num_bytes


def rate(act: Callable[[], int]) -> float:
    """MiB a second."""
    began = time.monotonic()
    num_bytes = act()
    return num_bytes / 2**20 / (time.monotonic() - began)


def main(_: Sequence[str]) -> None:
    """Flags -> server -> table."""
    with tempfile.TemporaryDirectory() as name:
        server = Gcs(Path(name))
        os.environ.update(server.variables)
        try:
            rates = measure(server, Path(name))
        finally:
            server.stop()
    print(f"{FLAGS.mib} MiB in {NUM_SHARDS} shards, medians of {FLAGS.rounds} rounds")
    for way, each in rates.items():
        beside = median(a / b for a, b in zip(each, rates["disk"], strict=True))
        print(f"{way:10}{median(each):9.0f} MiB/s   {beside:6.3f} of the disk")


def measure(server: Gcs, place: Path) -> dict[str, list[float]]:
    """MiB a second of every way, in every round."""
    from data_prep.storage.bucket import BucketFolder

    paths = write_shards(place, FLAGS.mib * 2**20)
    bucket = f"gs://{server.create()}"
    folder = BucketFolder(f"{bucket}/records")
    upload(folder, paths)
    rates: dict[str, list[float]] = {way: [] for way in ("disk", "bucket", "download", "upload")}
    for number in range(FLAGS.rounds):
        target = BucketFolder(f"{bucket}/copy{number}")
        rates["disk"].append(rate(partial(read_records, str(place), paths)))
        rates["bucket"].append(rate(partial(read_records, folder.url, paths)))
        rates["download"].append(rate(partial(download, folder, paths)))
        rates["upload"].append(rate(partial(upload, target, paths)))
        target.close()
    folder.close()
    return rates


if __name__ == "__main__":
    flags.DEFINE_integer("mib", 256, "to read in all, about", lower_bound=NUM_SHARDS)
    flags.DEFINE_integer("rounds", 5, "of which the median is taken", lower_bound=1)
    command.run(main)
