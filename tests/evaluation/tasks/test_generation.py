"""A run that makes single sounds: trained, scored, reported, by the commands."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from data_prep.records.manifest import load_manifest
from tests.support.commands import run_command, set_flags

pytestmark = pytest.mark.slow

RATE = 8000
NUM_FRAMES = 2048
SMALL = [
    f"audio.sample_rate={RATE}",
    f"model.num_frames={NUM_FRAMES}",
    "model.latents=3",
    "train.batch_size=4",
    "train.steps=2",
    "train.steps_per_call=2",
    "train.checkpoint_steps=2",
    "train.validation_steps=2",
    "train.warmup_steps=1",
]
DENSE = [*SMALL, "model.units=8"]
CRITIC = [*SMALL, "model.filters=2", "model.num_levels=2", "task.critic_updates=1"]
# Four of which train.
NUM_KITS = 10
CLASSES = {"hat": 2500, "kick": 120}


def write_records(root, classes):
    """Tones of two heights, fading, two of each class and kit; the classes are tags."""
    rng = np.random.default_rng(5)
    times = np.arange(NUM_FRAMES) / RATE
    splits = {"rule": "by kit", "train": [], "valid": [], "test": []}
    for kit in range(NUM_KITS):
        for name in classes:
            folder = root / "sounds" / f"kit{kit}" / name
            folder.mkdir(parents=True)
            for number in range(2):
                tone = np.sin(2 * np.pi * CLASSES[name] * rng.uniform(0.8, 1.2) * times)
                sound = np.roll(tone * np.exp(-times / rng.uniform(0.02, 0.08)), 160)
                sound[:160] = 0
                soundfile.write(folder / f"{number}.wav", 0.9 * sound, RATE, subtype="FLOAT")
                split = "train" if kit < 4 else "valid"
                splits[split].append(f"kit{kit}/{name}/{number}.wav")
    (root / "splits.json").write_text(json.dumps(splits))
    words = ["--corpus=music", f"--root={root / 'sounds'}", f"--splits={root / 'splits.json'}"]
    flags = ["--config=one_shots", *set_flags(SMALL), f"--out={root / 'records'}", "--workers=1"]
    done = run_command("data_prep.write", *flags, *words)
    assert done.returncode == 0, done.stderr
    tag_by_folder(root / "records")
    return root / "records"


def tag_by_folder(records):
    """Gives each sound the name of its folder as a tag."""
    manifest = load_manifest(str(records))
    shards = {
        split: tuple(
            replace(
                shard,
                tracks=tuple(
                    replace(track, tags=(track.name.split("/")[1],)) for track in shard.tracks
                ),
            )
            for shard in of_split
        )
        for split, of_split in manifest.shards.items()
    }
    text = replace(manifest, shards=shards).to_json()
    (records / "manifest.json").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    return write_records(tmp_path_factory.mktemp("both"), CLASSES)


@pytest.fixture(scope="module")
def hats(tmp_path_factory):
    return write_records(tmp_path_factory.mktemp("hats"), ["hat"])


def train(config, records, workdir, overrides):
    flags = [f"--config={config}", *set_flags(overrides)]
    done = run_command("trainer.task", *flags, f"--records={records}", f"--workdir={workdir}")
    assert done.returncode == 0, done.stderr


def evaluate(workdir, *flags):
    words = [f"--workdir={workdir}", "--checkpoint=latest", "--split=valid", "--drawn=20", *flags]
    return run_command("evaluation.evaluate", *words)


def sections_of(results):
    report = json.loads((results / "report.json").read_text())
    return report, {section["key"]: section["blocks"] for section in report["sections"]}


def test_a_run_that_hears_is_scored_beside_rivals(both, tmp_path):
    train("one_shots", both, tmp_path, DENSE)
    done = evaluate(tmp_path)
    assert done.returncode == 0, done.stderr
    results = tmp_path / "evaluation" / "2-valid"
    with (results / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * 24
    assert {row["kit"] for row in rows} == {f"kit{i}" for i in range(4, 10)}
    assert {row["tag"] for row in rows} == set(CLASSES)
    report, sections = sections_of(results)
    _, systems, classes, kits = sections["back"]
    for line in systems["rows"]:
        own = [float(row["lsd_db"]) for row in rows if row["system"] == line["name"]]
        assert line["cells"][0]["value"] == pytest.approx(np.mean(own))
        low, high = line["cells"][0]["interval"]
        assert low <= np.mean(own) <= high
    assert {line["name"] for line in classes["rows"]} == set(CLASSES)
    assert len(kits["rows"]) == 6
    summary = {each["title"]: each["value"] for each in report["summary"]}
    assert summary["LSD, model, dB"] == pytest.approx(systems["rows"][0]["cells"][0]["value"])
    assert set(summary) == {
        "LSD, model, dB",
        "LSD, nearest training sound, dB",
        "MMD, drawn",
        "Coverage, drawn",
        "Faults",
        "Accepted, drawn",
        "Right, the referee",
    }
    # Nobody mistakes one class for the other.
    words, judged = sections["referee"]
    assert "right about 100.0%" in words["text"]
    shares = {line["name"]: [cell["value"] for cell in line["cells"]] for line in judged["rows"]}
    assert shares["unseen"] == [1, 0.5, 0.5]
    titles = [block["title"] for block in sections["sounds"] if block["kind"] == "clips"]
    assert titles == ["Unseen sounds that came back", "Drawn", "Which are real?"]
    # Given again, the figures are the same.
    before = (results / "report.json").read_bytes()
    assert evaluate(tmp_path).returncode == 0
    assert (results / "report.json").read_bytes() == before


def test_a_run_that_a_critic_taught_is_judged_by_a_referee(both, hats, tmp_path):
    train("one_shots_wavegan", hats, tmp_path, CRITIC)
    done = evaluate(tmp_path)
    assert done.returncode == 0, done.stderr
    results = tmp_path / "evaluation" / "2-valid"
    report, sections = sections_of(results)
    (words,) = sections["back"]
    assert "it hears no sounds" in words["text"]
    (words,) = sections["referee"]
    assert "--referee=RECORDS" in words["text"]
    assert report["summary"][0]["value"] is None
    done = evaluate(tmp_path, f"--referee={both}")
    assert done.returncode == 0, done.stderr
    _, sections = sections_of(results)
    words, judged = sections["referee"]
    assert "from 16 real sounds" in words["text"]
    assert "24 sounds of 6 other kits" in words["text"]
    shares = {line["name"]: [cell["value"] for cell in line["cells"]] for line in judged["rows"]}
    assert list(shares) == ["drawn", "unseen"]
    assert shares["unseen"] == [1, 1, 0]
    # It is asked of what has one class only.
    done = evaluate(tmp_path, f"--referee={hats}")
    assert done.returncode == 1
    assert "a referee tells two or more" in done.stderr
