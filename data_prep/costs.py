"""Tell what records in a bucket and a run beside them cost a month, from their manifest.

    python -m data_prep.costs --records=gs://bucket/records/urmp
    python -m data_prep.costs --records=records/urmp --hours=24 --checkpoints=500 --kept=8

Operations are counted as the tests count them on an emulator. Prices are flags, in US dollars; the
defaults are those of Standard storage in us-central1 at https://cloud.google.com/storage/pricing,
looked up in November 2026. Not counted: traffic that leaves the region of the bucket, taxes, and
the machine.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from absl import flags

from data_prep.records.manifest import Manifest, load_manifest
from data_prep.runtime import command
from data_prep.runtime.quantities import pluralized

# How many operations of class A (they write or list) and of class B (they read) TensorFlow needs to
# save a checkpoint, metrics.jsonl and the summaries, and to drop the oldest checkpoint. Deleting is
# free.
CHECKPOINT_OPERATIONS = (19, 9)
# TensorFlow asks for so much at a time.
_READ_BYTES = 64 * 2**20
# A run writes its lease so often.
_HEARTBEATS_PER_HOUR = 360


class Prices(NamedTuple):
    """Holds prices in US dollars."""

    # A GiB that stays for a month.
    gib_month: float
    # A thousand operations.
    class_a: float
    class_b: float


class Item(NamedTuple):
    """Is a line of the bill."""

    what: str
    # Numbers of operations.
    class_a: int = 0
    class_b: int = 0
    # What stays for a month.
    gib: float = 0.0

    def cost(self, prices: Prices) -> float:
        """Returns the cost in US dollars."""
        operations = self.class_a * prices.class_a + self.class_b * prices.class_b
        return operations / 1000 + self.gib * prices.gib_month


def iter_items(
    manifest: Manifest, hours: float, checkpoints: int, checkpoint_mib: float, kept: int
) -> Iterator[Item]:
    """Yields the bill of records, and of a run.

    Args:
        manifest: lists the shards.
        hours: says how long the run takes.
        checkpoints: says how many it saves.
        checkpoint_mib: is the size of one.
        kept: says how many of them stay.
    """
    shards = manifest.all_shards()
    # A shard is looked up, written, and looked up again; the manifest is one more write.
    yield Item(
        what=f"uploading {pluralized(len(shards), 'shard')}",
        class_a=len(shards) + 1,
        class_b=2 * len(shards),
    )
    num_bytes = sum(shard.num_bytes for shard in shards)
    yield Item(what="keeping the records for a month", gib=num_bytes / 2**30)
    # One read is for the size of a shard, the others (rounded up) are for its bytes.
    reads = sum(1 - (-shard.num_bytes // _READ_BYTES) for shard in shards)
    yield Item(what="reading them once, as each start of a run does", class_b=reads)
    beats = round(hours * _HEARTBEATS_PER_HOUR)
    writes, gets = CHECKPOINT_OPERATIONS
    yield Item(
        what=f"a run of {hours:g} hours, {pluralized(checkpoints, 'checkpoint')}",
        class_a=beats + checkpoints * writes,
        class_b=checkpoints * gets,
    )
    yield Item(what=f"keeping {kept} checkpoints for a month", gib=kept * checkpoint_mib / 1024)


def table(items: Sequence[Item], prices: Prices) -> Iterator[str]:
    """Yields the bill, a line for each item, and the sum."""
    yield f"{'':52}{'GiB':>9}{'class A':>10}{'class B':>10}{'US dollars':>12}"
    for item in items:
        yield _line(item, item.cost(prices))
    total = Item(
        what="together",
        class_a=sum(item.class_a for item in items),
        class_b=sum(item.class_b for item in items),
        gib=sum(item.gib for item in items),
    )
    yield _line(total, sum(item.cost(prices) for item in items))


def _line(item: Item, cost: float) -> str:
    return f"{item.what:52}{item.gib:9.2f}{item.class_a:10}{item.class_b:10}{cost:12.4f}"


FLAGS = flags.FLAGS


def main(_: Sequence[str]) -> None:
    """Turns flags into a table."""
    manifest = load_manifest(FLAGS.records)
    prices = Prices(
        gib_month=FLAGS.price_gib_month,
        class_a=FLAGS.price_class_a,
        class_b=FLAGS.price_class_b,
    )
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
