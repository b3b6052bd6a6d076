"""Validations of few sounds: a set of one has neither a spread nor a distance to itself."""

import json

import numpy as np
import pytest
import soundfile

import configs
from data_prep.records.manifest import load_manifest
from tests.support.commands import run_command
from tests.trainer.tasks.generation.kinds import SMALL
from trainer.tasks.registry import make_task

RATE = 16_000
NUM_FRAMES = 2048


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Decaying tones, one of which validates."""
    root = tmp_path_factory.mktemp("tones")
    rng = np.random.default_rng(1)
    secs = np.arange(NUM_FRAMES) / RATE
    names = [f"{number}.wav" for number in range(4)]
    for name in names:
        tone = np.sin(2 * np.pi * rng.uniform(100, 2000) * secs) * np.exp(-secs * 40)
        soundfile.write(root / name, 0.9 * tone, RATE, subtype="FLOAT")
    splits = {"rule": "by number", "train": names[1:], "valid": names[:1], "test": []}
    (root / "splits.json").write_text(json.dumps(splits), encoding="utf-8")
    out = root / "records"
    words = ["--config=one_shots", "--corpus=music", f"--root={root}", f"--out={out}"]
    splits_flag = f"--splits={root / 'splits.json'}"
    done = run_command("data_prep.write", *words, splits_flag, "--workers=1")
    assert done.returncode == 0, done.stderr
    return str(out)


def make(records, *overrides):
    """Returns a task, and the weights that it begins with."""
    config = configs.load("one_shots", [*SMALL, *overrides])
    task = make_task(config, load_manifest(records), records)
    networks = task.make_networks()
    return task, {name: network.get_weights() for name, network in networks.items()}


def test_an_autoencoder_draws_the_one_sound_that_it_knows(records):
    task, weights = make(records, "task.method=autoencoder")
    assert [figure.name for figure in task.validate(weights)] == ["lsd", "active_numbers"]
    heard = {each.name: each for each in task.show(weights) if hasattr(each, "waveform")}
    # The draws are that sound again and again, as it comes back.
    back = heard["come_back"].waveform
    drawn = heard["by_dice"].waveform[: len(back)]
    np.testing.assert_allclose(drawn, back, atol=1e-5)


def test_one_sound_is_no_set_to_compare_with(records, capsys):
    task, weights = make(records, "task.method=adversarial", "model.body=convolutions")
    assert "one validation sound, and sets are compared from two on" in capsys.readouterr().out
    assert list(task.validate(weights)) == []
