"""The bill of a bucket, against operations that are counted, and sums done by hand."""

from collections import Counter

import pytest

import configs
from configs import Train
from data_prep import costs
from data_prep.costs import Item, Prices, iter_items, table
from data_prep.records.entries import ShardEntry
from data_prep.records.manifest import Manifest, load_manifest
from tests.support.commands import run_command
from tests.trainer.loop.test_workdir_in_a_bucket import open_checkpoints
from trainer.loop.progress import Progress
from trainer.loop.summaries import Summaries

PRICES = Prices(0.02, 0.005, 0.0004)


def make_manifest(*sizes):
    shards = tuple(
        ShardEntry(f"train-{i:05}.tfrecord", size, "AAAAAA==", ()) for i, size in enumerate(sizes)
    )
    return Manifest(
        configs.load("smoke"), "urmp", "abc", {"train": shards, "valid": (), "test": ()}
    )


def test_the_bill_by_hand():
    items = list(iter_items(make_manifest(2**30, 2**30 + 1, 100), 2.0, 10, 512.0, 4))
    assert [item[1:] for item in items] == [
        (4, 6, 0.0),
        (0, 0, (2**31 + 101) / 2**30),
        (0, 17 + 18 + 2, 0.0),
        (720 + 190, 90, 0.0),
        (0, 0, 2.0),
    ]
    assert Item("", 3000, 2000, 5.0).cost(PRICES) == pytest.approx(0.015 + 0.0008 + 0.1)
    lines = list(table(items, PRICES))
    total = sum(item.cost(PRICES) for item in items)
    assert lines[-1].split() == ["together", "4.00", "914", "133", f"{total:.4f}"]
    assert len({len(line) for line in lines}) == 1


def test_a_checkpoint_takes_as_many_operations_as_are_counted(gcs, bucket):
    workdir = f"gs://{bucket}/run"
    checkpoints, progress = (
        open_checkpoints(workdir),
        Progress(workdir, Train(), 0, Summaries(workdir)),
    )
    for step in range(1, 5):  # from the third on the oldest is dropped
        gcs.forget()
        progress.report(step, {"separation": 1.0}, 1e-3, 0.0)
        checkpoints.save(step)
        progress.save()
    asked = Counter(operation for operation, _, _ in gcs.requests(bucket))
    class_a = asked["list"] + sum(
        gcs.num_writes(bucket).values()
    )  # what is copied counts as written
    class_b = asked["stat"] + asked["read"] + asked["bucket"]
    assert (class_a, class_b) == costs.CHECKPOINT_OPERATIONS


def test_the_command(tmp_path):
    (tmp_path / "manifest.json").write_text(make_manifest(2**30).to_json())
    assert load_manifest(str(tmp_path)).shards["train"][0].num_bytes == 2**30
    flags = [f"--records={tmp_path}", "--price_gib_month=1", "--kept=0"]
    result = run_command("data_prep.costs", *flags)
    assert (result.returncode, result.stderr) == (0, "")
    assert "keeping the records for a month" in result.stdout
    assert result.stdout.splitlines()[2].endswith("1.0000")
