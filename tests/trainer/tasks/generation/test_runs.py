"""Runs that make sounds: on several devices, in parts, killed, and refused."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from tests.support.commands import run_command, set_flags
from tests.trainer.tasks.generation.kinds import KINDS, SMALL, checkpoint_of, differing

RATE = 16_000
NUM_FRAMES = 2048


def write_records(root, num_sounds):
    """Decaying tones, of which no two are alike."""
    rng = np.random.default_rng(0)
    secs = np.arange(NUM_FRAMES) / RATE
    for number in range(num_sounds):
        tone = np.sin(2 * np.pi * rng.uniform(100, 2000) * secs) * np.exp(-secs * 40)
        soundfile.write(root / f"{number:02d}.wav", 0.9 * tone, RATE, subtype="FLOAT")
    out = root / "records"
    words = ["--config=one_shots", "--corpus=music", f"--root={root}", f"--out={out}"]
    done = run_command("data_prep.write", *words, "--workers=1")
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return write_records(tmp_path_factory.mktemp("tones"), 20)


@pytest.fixture(scope="module")
def unvalidated(tmp_path_factory):
    """So few that all of them train, which saves the time of validations."""
    return write_records(tmp_path_factory.mktemp("few"), 4)


@pytest.mark.slow
def test_each_kind_agrees_on_two_devices_and_continues_bit_for_bit(unvalidated, tmp_path):
    words = [sys.executable, "-m", "tests.trainer.tasks.generation.kinds"]
    done = subprocess.run(
        [*words, str(unvalidated), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert list(found) == list(KINDS)
    for kind, values in found.items():
        assert values["steps"] == 4
        assert values["devices"] < 1e-5, kind
        assert values["parts"] == [], kind


@pytest.mark.slow
def test_adversaries_that_were_killed_end_as_if_they_were_not(unvalidated, tmp_path):
    flags = ["--config=one_shots", f"--records={unvalidated}"]
    settings = [*SMALL, *KINDS["adversarial"], "task.critic_updates=1", "train.steps=12"]
    flags += set_flags(settings)
    whole = run_command("trainer.task", *flags, f"--workdir={tmp_path / 'whole'}")
    assert whole.returncode == 0, whole.stderr
    workdir = tmp_path / "killed"
    words = [sys.executable, "-m", "trainer.task", *flags, f"--workdir={workdir}"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not list((workdir / "checkpoints").glob("ckpt-*.index")) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    again = run_command("trainer.task", *flags, f"--workdir={workdir}")
    assert again.returncode == 0, again.stderr
    assert "continuing after step" in again.stdout
    assert any("critic" in name for name in checkpoint_of(workdir))
    assert differing(tmp_path / "whole", workdir) == []


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["model.num_frames=4096"], "makes sounds of 4,096 frames"),
        (["task.method=encoder"], "name that run with train.begin_from"),
    ],
)
def test_what_does_not_fit_is_refused(records, tmp_path, overrides, words):
    flags = ["--config=one_shots", f"--records={records}", *set_flags([*SMALL, *overrides])]
    done = run_command("trainer.task", *flags, f"--workdir={tmp_path / 'run'}")
    assert done.returncode == 1
    assert words in done.stderr


@pytest.mark.slow
def test_an_encoder_learns_to_hear_what_adversaries_made(records, tmp_path):
    flags = ["--config=one_shots", f"--records={records}"]
    sizes = set_flags([*SMALL, "model.body=convolutions", "model.hears=waveform"])
    # What is begun with is the average where one is kept.
    made = ["task.method=adversarial", "task.critic_updates=1", "train.average_decay=0"]
    done = run_command(
        "trainer.task", *flags, *sizes, *set_flags(made), f"--workdir={tmp_path / 'made'}"
    )
    assert done.returncode == 0, done.stderr
    words = ["task.method=encoder", f"train.begin_from={tmp_path / 'made'}", "train.steps=20"]
    words += ["train.learning_rate=1e-2", "train.batch_size=16"]
    hears = run_command(
        "trainer.task", *flags, *sizes, *set_flags(words), f"--workdir={tmp_path / 'hears'}"
    )
    assert hears.returncode == 0, hears.stderr
    other = run_command(
        "trainer.task",
        *flags,
        *sizes,
        *set_flags([*words, "task.prior=uniform"]),
        f"--workdir={tmp_path / 'other'}",
    )
    assert other.returncode == 1
    assert "task.prior is uniform, that of" in other.stderr
    before, after = checkpoint_of(tmp_path / "made"), checkpoint_of(tmp_path / "hears")
    decoder = [name for name in before if name.startswith("network/") and "decoder" in name]
    assert decoder
    for name in decoder:
        np.testing.assert_array_equal(after[name], before[name], err_msg=name)
    lines = (tmp_path / "hears" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    losses = [json.loads(line)["loss"] for line in lines if '"train"' in line]
    assert losses[-1] < losses[0]
