"""What records in a bucket and a run beside them cost a month, from their manifest.

    python -m data_prep.costs --records=gs://bucket/records/urmp
    python -m data_prep.costs --records=records/urmp --hours=24 --checkpoints=500 --checkpoint_mib=118

Operations are pluralized as the tests count them on an emulator. Prices are flags, in US dollars; the defaults are those
of Standard storage in us-central1 at https://cloud.google.com/storage/pricing, looked up in November 2026. Not
pluralized: traffic that leaves the region of the bucket, taxes, and the machine.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from absl import flags

from configs.splits import SPLITS
from data_prep.records.manifest import Manifest, load_manifest
from data_prep.runtime import command
from data_prep.runtime.quantities import pluralized

# Operations of class A write or list, those of class B read; deleting is free. How many TensorFlow needs to save a
# checkpoint, metrics.jsonl and the summaries, and to drop the oldest checkpoint.
CHECKPOINT_OPERATIONS = (25, 11)
_READ_BYTES = 64 * 2**20  # TensorFlow asks for so much at a time
_HEARTBEATS_PER_HOUR = 360  # of a run's lease, each read and written


class Prices(NamedTuple):
    """In dollars."""

    gib_month: float
    class_a: float  # a thousand operations
    class_b: float


class Item(NamedTuple):
    """A line of the bill."""

    what: str
    class_a: int = 0  # operations
    class_b: int = 0
    gib: float = 0.0  # that stay for a month

    def cost(self, prices: Prices) -> float:
        """In dollars."""
        operations = self.class_a * prices.class_a + self.class_b * prices.class_b
        return operations / 1000 + self.gib * prices.gib_month


def iter_items(
    manifest: Manifest, hours: float, checkpoints: int, checkpoint_mib: float, kept: int
) -> Iterator[Item]:
    """The bill of records, and of a run of so many hours and checkpoints, of which some are kept."""
    shards = [shard for split in SPLITS for shard in manifest.shards.get(split, ())]
    reads = sum(1 - (-shard.num_bytes // _READ_BYTES) for shard in shards)  # and one for its size
    yield Item(f"uploading {pluralized(len(shards), 'shard')}", len(shards) + 1, 2 * len(shards))
    yield Item(
        "keeping the records for a month", gib=sum(shard.num_bytes for shard in shards) / 2**30
    )
    yield Item("reading them once, as each start of a run does", 0, reads)
    beats, (writes, gets) = round(hours * _HEARTBEATS_PER_HOUR), CHECKPOINT_OPERATIONS
    yield Item(
        f"a run of {hours:g} hours, {pluralized(checkpoints, 'checkpoint')}",
        beats + checkpoints * writes,
        beats + checkpoints * gets,
    )
    yield Item(f"keeping {kept} checkpoints for a month", gib=kept * checkpoint_mib / 1024)


def table(items: Sequence[Item], prices: Prices) -> Iterator[str]:
    """The bill, a line each, and the sum."""
    yield f"{'':52}{'GiB':>9}{'class A':>10}{'class B':>10}{'US dollars':>12}"
    for item in items:
        yield f"{item.what:52}{item.gib:9.2f}{item.class_a:10}{item.class_b:10}{item.cost(prices):12.4f}"
    gib, total = sum(item.gib for item in items), sum(item.cost(prices) for item in items)
    class_a, class_b = sum(item.class_a for item in items), sum(item.class_b for item in items)
    yield f"{'together':52}{gib:9.2f}{class_a:10}{class_b:10}{total:12.4f}"


FLAGS = flags.FLAGS


def main(_: Sequence[str]) -> None:
    """Flags -> manifest -> table."""
    manifest = load_manifest(FLAGS.records)
    prices = Prices(FLAGS.price_gib_month, FLAGS.price_class_a, FLAGS.price_class_b)
    items = iter_items(manifest, FLAGS.hours, FLAGS.checkpoints, FLAGS.checkpoint_mib, FLAGS.kept)
    print("\n".join(table(list(items), prices)))


if __name__ == "__main__":
    flags.DEFINE_string("records", None, "folder of the records", required=True)
    flags.DEFINE_float("hours", 10, "that a run takes", lower_bound=0)
    flags.DEFINE_integer("checkpoints", 200, "that a run saves", lower_bound=0)
    flags.DEFINE_float(
        "checkpoint_mib",
        118,
        "of a checkpoint; that of the published network with Adam",
        lower_bound=0,
    )
    flags.DEFINE_integer(
        "kept", 4, "checkpoints that stay: train.keep_checkpoints and the best", lower_bound=0
    )
    flags.DEFINE_float("price_gib_month", 0.020, "dollars for a GiB and month", lower_bound=0)
    flags.DEFINE_float(
        "price_class_a", 0.005, "dollars for a thousand operations of class A", lower_bound=0
    )
    flags.DEFINE_float(
        "price_class_b", 0.0004, "dollars for a thousand operations of class B", lower_bound=0
    )
    command.run(main)
