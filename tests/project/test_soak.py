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
from tests.support.commands import set_flags
from tests.support.replicated_run import SMALLER
from tests.trainer.loop.test_train import OVERRIDES, assert_same_state, command, newest_step, run
from trainer.loop.metrics import read_metrics

NUM_KILLS = 20
SETTINGS = ["train.steps_per_call=20", "train.checkpoint_steps=200", "train.validation_steps=2000"]
SETTINGS += ["train.average_decay=0.99", "train.clip_norm=0.01", "augmentation.remix=0.5"]


@pytest.mark.soak
def test_twenty_kills_at_random_moments_leave_no_trace(corpus, soak_folder, record_property):
    records, disturbed, undisturbed = (
        str(soak_folder / name) for name in ("records", "disturbed", "undisturbed")
    )
    if not Path(records, "manifest.json").exists():
        write.write(configs.load("smoke", OVERRIDES), "urmp", corpus, records)
    log = soak_folder / "kills.txt"
    log.touch()
    while len(kills := log.read_text().split()) < NUM_KILLS:
        dice = random.Random(len(kills))
        number = dice.choice([signal.SIGTERM, signal.SIGKILL])
        endless = command(records, disturbed, *SETTINGS, "train.steps=1000000")
        process = subprocess.Popen(endless, stdout=subprocess.PIPE, text=True)
        time.sleep(dice.uniform(1.0, 20.0))  # from within the imports to well into the run
        process.send_signal(number)
        output = process.communicate(timeout=120)[0]
        assert process.returncode in (-number, 75), output
        with log.open("a") as file:
            file.write(f"{number.name}\n")
        print(
            f"{number.name}: {output.splitlines()[-1] if output else 'nothing printed yet'}",
            flush=True,
        )
    record_property("kills", {name: kills.count(name) for name in ("SIGTERM", "SIGKILL")})
    assert min(kills.count("SIGTERM"), kills.count("SIGKILL")) >= 5
    end = f"train.steps={newest_step(soak_folder / 'disturbed') + 500}"
    assert run(records, disturbed, *SETTINGS, end).returncode == 0
    assert run(records, undisturbed, *SETTINGS, end).returncode == 0
    assert_same_state(soak_folder / "disturbed", soak_folder / "undisturbed")
    figures = [
        [(line["step"], line["loss"]) for line in read_metrics(workdir) if line["kind"] == "valid"]
        for workdir in (disturbed, undisturbed)
    ]
    assert figures[0] == figures[1]


@pytest.mark.soak
def test_float32_bfloat16_and_two_replicas_learn_alike(soak_folder, record_property):
    """Each run goes on from where it was interrupted, as runs do."""
    records = str(soak_folder / "records")
    if not Path(records, "manifest.json").exists():
        write_urmp(soak_folder / "corpus")
        write.write(configs.load("smoke"), "urmp", soak_folder / "corpus", records)
    module = [sys.executable, "-m"]
    flags = ["--config=smoke", *set_flags(SMALLER), f"--records={records}"]
    training = [*module, "trainer.task", *flags]
    replicated = [*module, "tests.support.replicated_run", records]
    runs = {
        "float32": [*training, f"--workdir={soak_folder / 'float32'}"],
        "bfloat16": [
            *training,
            f"--workdir={soak_folder / 'bfloat16'}",
            "--set=train.compute_dtype=bfloat16",
        ],
        "replicas": [*replicated, str(soak_folder / "replicas")],
    }
    found = {}
    for name, call in runs.items():
        subprocess.run(call, check=True)
        folder = evaluate(NamedCheckpoint(str(soak_folder / name), "", "test", "latest", []))
        found[name] = improvement(read_csv(Path(folder, "scores.csv")))[0].median_db
        record_property(name, round(found[name], 2))
    print(found)
    assert max(found.values()) - min(found.values()) < 0.5
