"""The whole pipeline on a bucket: records and a run that are killed, their continuation, scores, a
model.

The account may do with objects what the documentation asks for, and nothing with the bucket itself.
"""

import io
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
import tensorflow as tf

import configs
from data_prep import write as data_prep_write
from data_prep.records.manifest import manifest_from_json
from tests.support import replicas
from tests.support.commands import run_command, set_flags
from tests.trainer.loop.test_train import assert_same_state

pytestmark = pytest.mark.slow

OVERRIDES = [
    *replicas.OVERRIDES,
    "train.steps=48",
    "train.steps_per_call=4",
    "train.checkpoint_steps=8",
    "train.validation_steps=16",
    "train.schedule=constant",
    "evaluation.filter_taps=32",
]
SETS = set_flags(OVERRIDES)
PATIENCE_SECS = 300


def start(gcs, *command):
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        env=gcs.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(*command, status=0):
    """Runs a command to its end in this process, which reaches the bucket too."""
    result = run_command(*command)
    output = result.stdout + result.stderr
    assert result.returncode == status, output
    return output


def finish_with_workers(gcs, *command):
    """Runs a command to its end in a process of its own, whose workers inherit the way to the
    bucket.
    """
    process = start(gcs, *command)
    output = process.communicate(timeout=PATIENCE_SECS)[0]
    assert process.returncode == 0, output
    return output


def until(condition, process):
    deadline = time.monotonic() + PATIENCE_SECS
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_pipeline_on_a_bucket(gcs, bucket, corpus, tmp_path):
    gcs.inject(403, bucket, ["bucket"])
    records, workdir = f"gs://{bucket}/records/urmp", f"gs://{bucket}/runs/urmp"

    write = [
        "data_prep.write",
        "--config=smoke",
        "--corpus=urmp",
        f"--root={corpus}",
        f"--out={records}",
        *SETS,
    ]
    process = start(gcs, *write)
    until(lambda: any(name.endswith(".tfrecord") for name in gcs.sizes(bucket)), process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert "records/urmp/manifest.json" not in gcs.sizes(bucket)
    before = gcs.num_writes(bucket)
    gcs.inject(503, bucket, ["write"], times=1)
    assert "trying again" in finish_with_workers(gcs, *write)
    manifest = manifest_from_json(
        gcs.get(bucket, "records/urmp/manifest.json").decode(), "manifest"
    )
    shards = [shard for shards in manifest.shards.values() for shard in shards]
    again = {
        name for name, count in gcs.num_writes(bucket).items() if count > before.get(name, 0) > 0
    }
    assert not any(name.endswith(".tfrecord") for name in again)  # what was there is not sent again
    local = data_prep_write.write(
        configs.load("smoke", OVERRIDES), "urmp", corpus, tmp_path / "records"
    )
    assert local.shards == manifest.shards
    for shard in shards:
        assert (
            gcs.get(bucket, f"records/urmp/{shard.name}")
            == (tmp_path / "records" / shard.name).read_bytes()
        )

    assert "all as they were written" in finish(
        "data_prep.verify", f"--records={records}/", "--workers=1"
    )

    train = ["trainer.task", "--config=smoke", *SETS]
    on_bucket = [*train, f"--records={records}/", f"--workdir={workdir}/"]
    process = start(gcs, *on_bucket)
    until(lambda: "runs/urmp/checkpoints/ckpt-16.index" in gcs.sizes(bucket), process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    output = finish(*on_bucket)
    assert "taking over" in output and "continuing after step" in output and "step 48/48" in output
    finish(*train, f"--records={tmp_path / 'records'}", f"--workdir={tmp_path / 'run'}")
    assert_same_state(workdir, str(tmp_path / "run"))
    checkpoints = [
        name for name in gcs.sizes(bucket) if name.endswith(".index") and "best" not in name
    ]
    assert checkpoints == [f"runs/urmp/checkpoints/ckpt-{step}.index" for step in (32, 40, 48)]
    assert "runs/urmp/lease.json" not in gcs.sizes(bucket)
    assert not [name for name in gcs.sizes(bucket) if "//" in name]
    events = {name: count for name, count in gcs.num_writes(bucket).items() if "/events/" in name}
    assert set(events.values()) <= {1, 2}

    evaluate = [
        "evaluation.evaluate",
        "--split=test",
        "--checkpoint=latest",
        "--set=evaluation.segment_secs=1",
    ]
    finish(*evaluate, f"--workdir={workdir}")
    finish(*evaluate, f"--workdir={tmp_path / 'run'}")
    here = tmp_path / "run" / "evaluation" / "48-test"
    assert (
        gcs.get(bucket, "runs/urmp/evaluation/48-test/scores.csv")
        == (here / "scores.csv").read_bytes()
    )
    there = "runs/urmp/evaluation/48-test/"
    names = {name.removeprefix(there) for name in gcs.sizes(bucket) if name.startswith(there)} - {
        ""
    }
    assert names == {path.name for path in here.iterdir()}
    assert json.loads(gcs.get(bucket, f"{there}scores.json"))["step"] == 48
    assert b"<html" in gcs.get(bucket, f"{there}report.html")

    compared = finish("evaluation.compare", f"{workdir}/evaluation/48-test", str(here))
    assert "3 tracks that all have" in compared

    song = corpus / "16_PebbleB_bn_ob_sax" / "AuMix_16_PebbleB_bn_ob_sax.wav"
    assert song.exists()
    separate = ["evaluation.separate", str(song), "--labels=bn,ob"]
    finish(*separate, f"--workdir={workdir}/", f"--out=gs://{bucket}/stems")
    finish(*separate, f"--workdir={tmp_path / 'run'}", f"--out={tmp_path / 'stems'}")
    for name in ("bn", "ob"):
        there = f"stems/{song.stem}/{name}.wav"
        ours, theirs = (
            soundfile.read(file) for file in (io.BytesIO(gcs.get(bucket, there)), tmp_path / there)
        )
        np.testing.assert_array_equal(ours[0], theirs[0])  # the heads of the files hold the time
        assert ours[1] == theirs[1]

    finish("trainer.export", f"--workdir={workdir}")
    model = tf.saved_model.load(f"{workdir}/saved_model")
    assert int(model.describe()["step"]) == 48
    assert gcs.refused() == []


def test_a_run_that_may_not_read_its_checkpoints_any_more_does_not_start_again(
    gcs, bucket, corpus, tmp_path
):
    records, workdir = tmp_path / "records", f"gs://{bucket}/run"
    data_prep_write.write(configs.load("smoke", OVERRIDES), "urmp", corpus, records)
    train = ["trainer.task", "--config=smoke", *SETS, "--set=train.steps=8", f"--records={records}"]
    finish(*train, f"--workdir={workdir}")
    before = gcs.sizes(bucket)
    for operations in (["read"], ["stat", "read"], ["list"]):
        gcs.inject(403, bucket, operations, "run/checkpoints")
        output = finish(*train, f"--workdir={workdir}", status=1)
        assert output.splitlines()[-1].startswith("error: "), output
        assert "checkpoints" in output.splitlines()[-1], output
        gcs.heal()
    after = {name: size for name, size in gcs.sizes(bucket).items() if "events" not in name}
    assert after == {name: size for name, size in before.items() if "events" not in name}
