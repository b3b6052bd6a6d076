"""A run whose workdir is in a bucket: what TensorFlow's own client makes of it, and what we make of
that.
"""

import keras
import pytest
import tensorflow as tf

from configs import Train
from tests.support.optimisation import optimisation_without_loss
from trainer.loop.checkpoints import Checkpoints, find_checkpoint
from trainer.loop.metrics import read_metrics
from trainer.loop.progress import Progress
from trainer.loop.summaries import Summaries
from trainer.loop.workdir import load_run, write_text

pytestmark = pytest.mark.slow


@pytest.fixture
def workdir(bucket):
    return f"gs://{bucket}/run"


def open_checkpoints(workdir, keep=2):
    network = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2, name="dense")], name="network"
    )
    return Checkpoints(workdir, optimisation_without_loss(Train(), network), keep)


def test_the_newest_and_the_best_are_kept_and_what_others_wrote(gcs, bucket, workdir):
    gcs.put(bucket, "run/checkpoints/ckpt-100.index.mine", b"")
    gcs.put(bucket, "run/checkpoints/notes.txt", b"")
    gcs.put(bucket, "run/checkpoints-of-others/ckpt-1.index", b"")
    gcs.put(bucket, "run2", b"")
    others = set(gcs.sizes(bucket))
    first = open_checkpoints(workdir)
    first.save(10)
    first.save_best(10)
    second = open_checkpoints(workdir)
    assert second.restore() == 10
    for step in (20, 100, 1000):
        second.save(step)
    second.save_best(20)
    names = {
        "checkpoint",
        *(
            f"ckpt-{step}.{part}"
            for step in (100, 1000)
            for part in ("index", "data-00000-of-00001")
        ),
    }
    names |= {
        f"best/{name}" for name in ("checkpoint", "ckpt-20.index", "ckpt-20.data-00000-of-00001")
    }
    ours = {name for name in gcs.sizes(bucket) if not name.endswith("/")} - others
    assert ours == {f"run/checkpoints/{name}" for name in names}
    assert others <= set(gcs.sizes(bucket))
    assert open_checkpoints(workdir).restore() == 1000


@pytest.mark.parametrize(
    ("outcome", "operations"),
    [(403, ["read"]), (403, ["stat"]), (403, ["list"]), (401, []), (503, []), (403, [])],
)
def test_checkpoints_that_cannot_be_read_are_no_empty_folder(
    gcs, bucket, workdir, outcome, operations
):
    open_checkpoints(workdir).save(10)
    before = gcs.sizes(bucket)
    gcs.inject(outcome, bucket, operations)
    with pytest.raises(
        ValueError, match=r"checkpoints.*(cannot be listed: |unreadable; )"
    ) as caught:
        open_checkpoints(workdir).restore()
    assert "\n" not in str(caught.value)
    assert gcs.sizes(bucket) == before


def test_a_checkpoint_that_cannot_be_read_for_now_is_not_left_for_an_older_one(
    gcs, bucket, workdir
):
    first = open_checkpoints(workdir)
    first.save(10)
    first.save(20)
    checkpoints = open_checkpoints(workdir)
    gcs.inject(403, bucket, ["read"], "run/checkpoints/ckpt-20")
    with pytest.raises(
        ValueError, match=r"ckpt-20 cannot be read for now: Cloud Storage answered 403"
    ):
        checkpoints.restore()
    gcs.heal()
    gcs.put(bucket, "run/checkpoints/ckpt-20.index", b"damaged")
    assert open_checkpoints(workdir).restore() == 10


@pytest.mark.parametrize(("outcome", "best"), [(403, False), (401, True)])
def test_a_run_continues_whose_first_list_could_not_be_written(gcs, bucket, workdir, outcome, best):
    checkpoints = open_checkpoints(workdir)
    if best:
        checkpoints.save(5)
    where = "run/checkpoints/best/checkpoint" if best else "run/checkpoints/checkpoint"
    gcs.inject(outcome, bucket, ["write"], where)
    with pytest.raises(tf.errors.OpError):
        checkpoints.save_best(10) if best else checkpoints.save(10)
    assert where not in gcs.sizes(bucket)
    gcs.heal()
    again = open_checkpoints(workdir)
    assert again.restore() == (5 if best else 10)
    assert find_checkpoint(workdir, "best") == (
        f"{workdir}/checkpoints/{'best/' if best else ''}ckpt-10", 10,
    )  # fmt: skip
    again.save_best(15)
    assert find_checkpoint(workdir, "best")[1] == 15


def test_a_list_that_names_another_folder_touches_nothing_there(gcs, bucket, workdir):
    open_checkpoints(f"gs://{bucket}/other").save(8)
    open_checkpoints(workdir).save(1)
    before = gcs.sizes(bucket)
    foreign = b'model_checkpoint_path: "../../other/checkpoints/ckpt-8"\n'
    gcs.put(bucket, "run/checkpoints/checkpoint", foreign)
    for use in (open_checkpoints, lambda workdir: find_checkpoint(workdir, "latest")):
        with pytest.raises(ValueError, match="as nothing elsewhere is read or deleted; remove"):
            use(workdir)
    assert {**gcs.sizes(bucket), "run/checkpoints/checkpoint": 0} == {
        **before, "run/checkpoints/checkpoint": 0,
    }  # fmt: skip


def test_no_object_is_sent_again_and_again(gcs, bucket, workdir):
    summaries = Summaries(workdir)
    progress = Progress(workdir, Train(), 0, summaries)
    for step in range(1, 61):
        progress.report(step, {"separation": 1.0}, 1e-3, 0.0)
        if step % 20 == 0:
            progress.save()
    summaries.close()
    writes = gcs.num_writes(bucket)
    assert writes.pop("run/metrics.jsonl") == 3
    events = {name: count for name, count in writes.items() if name.startswith("run/events/events")}
    assert len(events) == 3
    assert set(events.values()) <= {
        1,
        2,
    }  # TensorFlow sends the head of a file at once, and all of it at its end
    assert [line["step"] for line in read_metrics(workdir)] == list(range(1, 61))
    steps = []
    for name in events:
        for event in tf.compat.v1.train.summary_iterator(f"gs://{bucket}/{name}"):
            steps += (
                [event.step]
                if event.summary.value and event.summary.value[0].tag == "train/loss"
                else []
            )
    assert sorted(steps) == list(range(1, 61))


def test_a_run_that_cannot_be_read_is_one_sentence(gcs, bucket, workdir):
    with pytest.raises(
        ValueError,
        match=rf"there is no {workdir}/config\.json: trainer\.task has not started there",
    ):
        load_run(workdir)
    with pytest.raises(ValueError, match=f"there is no bucket gs://{bucket}x; mend the name"):
        load_run(f"gs://{bucket}x/run")
    gcs.put(bucket, "run/config.json", b"{}")
    with pytest.raises(ValueError, match=rf"there is no {workdir}/records\.json"):
        load_run(workdir)
    gcs.put(bucket, "run/records.json", b"{}")
    with pytest.raises(
        ValueError,
        match=rf"{workdir}/config\.json is not what trainer\.task wrote \(.*\); restore it",
    ):
        load_run(workdir)
    gcs.inject(403, bucket, ["read"])
    with pytest.raises(ValueError, match=r"no permission to read in gs://bucket-\w+ \("):
        load_run(workdir)


def test_files_of_a_run_are_written_once(gcs, bucket, workdir):
    write_text(f"{workdir}/config.json", "{}")
    assert gcs.num_writes(bucket) == {"run/config.json": 1}
    assert gcs.sizes(bucket) == {"run/config.json": 2}
