"""A run that puts clips in order: trained, continued, scored, reported, by the commands."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from tests.support.commands import run_command, set_flags

pytestmark = pytest.mark.slow

RATE = 8000
SMALL = [
    f"audio.sample_rate={RATE}",
    "data.excerpt_secs=2",
    "data.context_frames=2000",
    "model.window_frames=256",
    "model.hop_frames=64",
    "model.num_bands=24",
    "task.clip_secs=0.1",
    "task.validation_puzzles=40",
    "train.batch_size=16",
    "train.steps=120",
    "train.steps_per_call=10",
    "train.checkpoint_steps=40",
    "train.validation_steps=40",
    "train.warmup_steps=5",
    "train.average_decay=0.9",
    # Of another number of steps it would be another one.
    "train.schedule=constant",
]


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Tones that rise all the time, faster or slower, to be ordered by their pitch."""
    root = tmp_path_factory.mktemp("glides")
    rng = np.random.default_rng(1)
    for number in range(20):
        secs = 3.0
        octaves = rng.uniform(1.5, 2.5) * np.arange(round(secs * RATE)) / (secs * RATE)
        hertz = rng.uniform(150, 400) * 2**octaves
        tone = 0.3 * np.sin(2 * np.pi * np.cumsum(hertz) / RATE)
        noise = 0.003 * rng.standard_normal(len(tone))
        soundfile.write(root / f"{number:02d}.wav", tone + noise, RATE, subtype="PCM_24")
    flags = ["--config=smoke_ordering", *set_flags(SMALL), "--workers=1"]
    out = root / "records"
    done = run_command(
        "data_prep.write", *flags, "--corpus=music", f"--root={root}", f"--out={out}"
    )
    assert done.returncode == 0, done.stderr
    return out


def train(records, workdir, *overrides):
    flags = ["--config=smoke_ordering", *set_flags([*SMALL, *overrides])]
    done = run_command("trainer.task", *flags, f"--records={records}", f"--workdir={workdir}")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def workdir(records, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    printed = train(records, folder)
    assert "validation position " in printed
    return folder


def weights_of(workdir):
    saved = tf.train.load_checkpoint(str(workdir / "checkpoints"))
    return {
        name: saved.get_tensor(name)
        for name in saved.get_variable_to_shape_map()
        if name.startswith(("network/", "average/"))
    }


def test_a_run_in_two_goes_is_the_same_bit_for_bit(records, workdir, tmp_path):
    train(records, tmp_path, "train.steps=40")
    train(records, tmp_path)
    expected = weights_of(workdir)
    found = weights_of(tmp_path)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_it_is_scored_beside_those_that_learn_nothing(workdir):
    flags = [f"--workdir={workdir}", "--checkpoint=latest", "--puzzles=200"]
    done = run_command("evaluation.evaluate", *flags)
    assert done.returncode == 0, done.stderr
    results = workdir / "evaluation" / "120-test"
    with (results / "scores.csv").open() as file:
        rows = {row["system"]: row for row in csv.DictReader(file) if row["track"] == "all"}
    assert list(rows)[:4] == ["model", "edge rule", "model, music backwards", "chance"]
    assert float(rows["model"]["position"]) > 0.55
    # What rises falls backwards, and comes out reversed.
    backwards = rows["model, music backwards"]
    assert float(backwards["exact"]) < float(rows["model"]["exact"]) - 0.2
    assert rows["noise"]["num_puzzles"] == "200"
    assert abs(float(rows["tone 440"]["position"]) - 1 / 3) < 0.1
    page = (results / "report.md").read_text()
    assert "by dice 33.3%" in page
    assert "Does it cheat" in page
    report = json.loads((results / "report.json").read_text())
    assert {"systems", "controls", "sounds", "tracks"} <= {
        section["key"] for section in report["sections"]
    }
    # Given again, nothing is asked twice, and the figures are the same.
    before = (results / "scores.csv").read_bytes()
    assert run_command("evaluation.evaluate", *flags).returncode == 0
    assert (results / "scores.csv").read_bytes() == before


def test_a_constant_gap_is_found_by_a_tone(tmp_path_factory):
    """The planted cheat: the phase of a tone behind a gap of known length."""
    root = tmp_path_factory.mktemp("tone")
    rng = np.random.default_rng(3)
    for number in range(10):
        phases = 2 * np.pi * 440 * np.arange(3 * RATE) / RATE + rng.uniform(0, 2 * np.pi)
        soundfile.write(root / f"{number}.wav", 0.3 * np.sin(phases), RATE, subtype="PCM_24")
    settings = [
        *SMALL,
        "model.body=dense",
        "model.width=100",
        "model.depth=1",
        "task.head=sorter",
        # From clip to clip 11.11 periods.
        "task.clip_secs=0.02",
        "task.min_gap_secs=0.00525",
        "task.gain_db=0",
        "task.flip_polarity=false",
        "train.learning_rate=1e-3",
        "train.steps=400",
        "train.checkpoint_steps=400",
        "train.validation_steps=400",
    ]
    out = root / "records"
    flags = ["--config=ordering_dense", *set_flags([*settings, "task.gap_secs=0"])]
    words = ["--corpus=music", f"--root={root}", f"--out={out}", "--workers=1"]
    assert run_command("data_prep.write", *flags, *words).returncode == 0
    for gap_secs, solves in (("0", True), ("0.05", False)):
        run = root / f"run-{gap_secs}"
        flags = ["--config=ordering_dense", *set_flags([*settings, f"task.gap_secs={gap_secs}"])]
        done = run_command("trainer.task", *flags, f"--records={out}", f"--workdir={run}")
        assert done.returncode == 0, done.stderr
        flags = [f"--workdir={run}", "--checkpoint=latest", "--puzzles=600"]
        assert run_command("evaluation.evaluate", *flags).returncode == 0
        results = run / "evaluation" / "400-test"
        with (results / "scores.csv").open() as file:
            rows = {row["system"]: row for row in csv.DictReader(file) if row["track"] == "all"}
        exact = float(rows["tone 440"]["exact"])
        page = (results / "report.md").read_text()
        assert ("It cheats" in page) == solves
        assert (exact > 0.9) if solves else abs(exact - 1 / 6) < 0.06


def test_the_contrastive_rival_has_no_order_to_score(records, tmp_path):
    train(records, tmp_path, "task.head=contrastive", "train.steps=20")
    done = run_command("evaluation.evaluate", f"--workdir={tmp_path}", "--checkpoint=latest")
    assert done.returncode == 1
    assert "says nothing about order" in done.stderr


def test_one_and_two_devices_agree(records, tmp_path):
    found = []
    for num_devices in (1, 2):
        out = tmp_path / f"{num_devices}.npy"
        words = [
            sys.executable,
            "-m",
            "tests.evaluation.tasks.ordering_losses",
            str(records),
            str(out),
        ]
        subprocess.run([*words, str(num_devices), *SMALL], check=True)
        found.append(np.load(out))
    assert len(found[0]) == 6
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)


def test_a_table_of_runs_is_made_shown_and_not_made_again(records, tmp_path):
    shared = set_flags([*SMALL, "train.steps=10", "train.checkpoint_steps=10"])
    flags = ["smoke_ordering", *shared, f"--records={records}", f"--out={tmp_path}"]
    flags.append("--over=task.clip_secs=0.1,0.001")
    made = run_command("evaluation.sweep", *flags)
    assert made.returncode == 0, made.stderr
    assert "[1/1] smoke_ordering clip_secs=0.1" in made.stdout
    assert "left out: smoke_ordering clip_secs=0.001: " in made.stdout
    page = json.loads((tmp_path / "sweep.json").read_text(encoding="utf-8"))
    (table,) = page["sections"][0]["blocks"]
    assert table["columns"][:2] == ["task.clip_secs", "At their place, model"]
    assert [row["cells"][0]["value"] for row in table["rows"]] == ["0.1"]
    again = run_command("evaluation.sweep", *flags)
    assert again.returncode == 0, again.stderr
    assert "[1/1]" not in again.stdout
    # Other settings than those that the run was made by are refused by its training.
    refused = run_command("evaluation.sweep", *flags, "--set=train.learning_rate=0.1")
    assert refused.returncode == 1
    assert "[1/1]" in refused.stdout


def test_sounds_excite_features_more_than_the_noise_they_are_made_of(workdir, tmp_path):
    page = tmp_path / "play.html"
    flags = [f"--workdir={workdir}", "--features=0,20", f"--out={page}"]
    done = run_command("evaluation.feature_play", *flags)
    assert done.returncode == 0, done.stderr
    described = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    assert "made for play" in described["head"][0]["text"]
    (clips,) = described["sections"][0]["blocks"]
    assert [clip["title"] for clip in clips["clips"]] == ["feature 0", "feature 20"]
    for clip in clips["clips"]:
        assert len(clip["takes"]) == 3
        for note in clip["takes"].values():
            excited, noise = (float(part.split()[-1]) for part in note.split(", as noise"))
            assert excited > noise + 0.5
    refused = run_command("evaluation.feature_play", f"--workdir={workdir}", "--features=100")
    assert refused.returncode == 1
    assert "expected numbers from 0 to 99" in refused.stderr
