"""Endurance, for ``make soak``: what the fast tests show once, here many times at random moments."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import configs
from data_prep import write
from data_prep.synthetic import write_urmp
from evaluation.estimates.named_checkpoint import NamedCheckpoint
from evaluation.scores.improvement import improvement
from evaluation.scores.table import read_csv
from evaluation.tasks.pipeline import evaluate
from tests.trainer.loop.test_train import OVERRIDES, assert_same_state, command, newest_step, run
from trainer.loop.progress import read_metrics

NUM_KILLS = 20
SETTINGS = ["train.steps_per_call=20", "train.checkpoint_steps=200", "train.validation_steps=2000"]
SETTINGS += ["train.average_decay=0.99", "train.clip_norm=0.01", "augmentation.remix=0.5"]


@pytest.mark.soak
def test_twenty_kills_at_random_moments_leave_no_trace(corpus, tmp_path):
    records, disturbed, undisturbed = (
        str(tmp_path / name) for name in ("records", "disturbed", "undisturbed")
    )
    write.write(configs.load("smoke", OVERRIDES), "urmp", corpus, tmp_path / "records")
    moments, kills = random.Random(0), {signal.SIGTERM: 0, signal.SIGKILL: 0}
    while sum(kills.values()) < NUM_KILLS:
        endless = command(records, disturbed, *SETTINGS, "train.steps=1000000")
        process = subprocess.Popen(endless, stdout=subprocess.PIPE, text=True)
        number = moments.choice(list(kills))
        time.sleep(moments.uniform(1.0, 20.0))  # from within the imports to well into the run
        process.send_signal(number)
        output = process.communicate(timeout=120)[0]
        assert process.returncode in (-number, 75), output
        kills[number] += 1
        print(
            f"{number.name}: {output.splitlines()[-1] if output else 'nothing printed yet'}",
            flush=True,
        )
    assert min(kills.values()) >= 5
    end = f"train.steps={newest_step(tmp_path / 'disturbed') + 500}"
    assert run(records, disturbed, *SETTINGS, end).returncode == 0
    assert run(records, undisturbed, *SETTINGS, end).returncode == 0
    assert_same_state(tmp_path / "disturbed", tmp_path / "undisturbed")
    figures = [
        [(line["step"], line["loss"]) for line in read_metrics(workdir) if line["kind"] == "valid"]
        for workdir in (disturbed, undisturbed)
    ]
    assert figures[0] == figures[1]


@pytest.mark.soak
def test_float32_bfloat16_and_two_replicas_learn_alike(tmp_path):
    write_urmp(tmp_path / "corpus")
    records = str(tmp_path / "records")
    write.write(configs.load("smoke"), "urmp", tmp_path / "corpus", tmp_path / "records")
    module = [sys.executable, "-m"]
    runs = {
        "float32": [*module, "trainer.task", "--config=smoke"],
        "bfloat16": [
            *module,
            "trainer.task",
            "--config=smoke",
            "--set=train.compute_dtype=bfloat16",
        ],
    }
    runs = {
        name: [*call, f"--records={records}", f"--workdir={tmp_path / name}"]
        for name, call in runs.items()
    }
    runs["replicas"] = [
        *module,
        "tests.support.replicated_run",
        records,
        str(tmp_path / "replicas"),
    ]
    found = {}
    for name, call in runs.items():
        subprocess.run(call, check=True)
        folder = evaluate(NamedCheckpoint(str(tmp_path / name), "", "test", "latest", []))
        found[name] = improvement(read_csv(Path(folder, "scores.csv")))[0].median_db
    print(found)
    assert max(found.values()) - min(found.values()) < 0.5
