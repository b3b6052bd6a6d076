"""Labels of whole pieces as the truth, of which some are not known."""

import json

import numpy as np
import pytest
import soundfile

import configs
from data_prep.records.manifest import load_manifest
from tests.support.commands import run_command, set_flags
from trainer.tasks.tagging.task import TaggingTask

SMALL = [
    "audio.sample_rate=4000",
    "data.sources=guitar,voice",
    "data.excerpt_secs=1",
    "data.context_frames=1024",
    "model.window_frames=256",
    "model.hop_frames=64",
    "model.num_bands=16",
    "model.width=8",
    "model.depth=1",
    "model.estimate_frames=512",
    *(f"augmentation.{name}" for name in ("min_gain=1", "max_gain=1", "remix=0", "silence=0")),
    *("augmentation.flip_polarity=false", "task.truth=labels"),
]
LABELS = {"a": "1,0.25", "b": "1,", "c": ",0.75", "d": "0,1"}


def write_records(folder, valid):
    for number, name in enumerate(LABELS):
        (folder / "corpus" / name).mkdir(parents=True)
        waveform = 0.1 * np.random.default_rng(number).standard_normal((4000, 1))
        soundfile.write(folder / "corpus" / name / "mixture.wav", waveform, 4000)
    lines = [f"{name},{labels}" for name, labels in LABELS.items()]
    text = "\n".join(["track,guitar,voice", *lines]) + "\n"
    (folder / "corpus" / "labels.csv").write_text(text)
    train = [name for name in LABELS if name != valid]
    splits = {"rule": "by hand", "train": train, "valid": [valid], "test": []}
    (folder / "splits.json").write_text(json.dumps(splits))
    flags = ["--config=smoke_tagger", *set_flags(SMALL), "--corpus=folder", "--workers=1"]
    flags += [f"--root={folder / 'corpus'}", f"--splits={folder / 'splits.json'}"]
    done = run_command("data_prep.write", *flags, f"--out={folder / 'records'}")
    assert done.returncode == 0, done.stderr
    return str(folder / "records")


def make_task(records):
    config = configs.load("smoke_tagger", SMALL)
    return TaggingTask(config, load_manifest(records), records)


def test_what_nobody_knows_is_masked(tmp_path):
    task = make_task(write_records(tmp_path, "d"))
    seen = set()
    for example in task.make_examples(0).take(40):
        truth = example["truth"].numpy()
        assert truth.shape == (2, 8)
        # The same throughout.
        assert (truth == truth[:, :1]).all()
        known = example["known"].numpy()
        seen.add((tuple(known), tuple(truth[:, 0] * known)))
    # guitar and voice of a, b and c.
    assert seen == {((1, 1), (1, 0.25)), ((1, 0), (1, 0)), ((0, 1), (0, 0.75))}
    figures = {
        figure.name: figure
        for figure in task.validate(
            {role: network.get_weights() for role, network in task.make_networks().items()}
        )
    }
    # Of guitar, which never sounds in d, there is no precision; voice always does.
    assert figures["average_precision"].value == pytest.approx(1.0)
    assert figures["roc_auc"].value is None
    assert "threshold/voice" in figures
    assert "threshold/guitar" not in figures


def test_tracks_that_validate_need_all_labels(tmp_path):
    records = write_records(tmp_path, "b")
    with pytest.raises(ValueError, match=r"b in .* has no label of voice; tracks that validate"):
        make_task(records)


def test_mixtures_that_change_have_no_such_labels():
    with pytest.raises(ValueError, match=r"task\.truth is 'labels'; expected activity"):
        configs.load("smoke_tagger", ["task.truth=labels"])
