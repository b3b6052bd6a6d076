"""Validation says what the scores say, and what follows from it: the best checkpoint, early
stopping, the plateau.
"""

import json

import numpy as np
import pytest
import tensorflow as tf

import configs
from data_prep import write
from data_prep.records.full_tracks import FullTrack
from data_prep.records.manifest import load_manifest
from data_prep.storage.lock import Hold
from evaluation.scores.improvement import improvement
from evaluation.scoring.one_segment import score_track
from tests.support import replicas
from trainer.devices.found import find_devices
from trainer.loop.checkpoints import restore_network
from trainer.loop.metrics import read_metrics
from trainer.loop.protocol import Figure
from trainer.loop.train import train
from trainer.networks import make_network
from trainer.tasks.separation.losses import total_loss
from trainer.tasks.separation.task import SeparationTask
from trainer.tasks.separation.validation import improvements, validate

SMALL = ["audio.sample_rate=1000", "data.sources=cl,fl,vc,vn", "evaluation.filter_taps=4"]
# Any network will do: the fewer layers, the sooner TensorFlow has compiled the step.
OVERRIDES = [*replicas.OVERRIDES, "model.num_levels=1", "model.computation=plain"]


def make_track(seed, num_frames=5300, channels=2):
    """Sources that rest, play alone, play together; a silent stretch; the mixture as one source's
    only sound.
    """
    rng = np.random.default_rng(seed)
    references = 0.1 * rng.standard_normal((4, num_frames, channels)).astype(np.float32)
    references[3] = 0
    references[1, :2000] = 0
    references[2, 1000:3000] *= 1e-4
    references[:, 4000:] = 0
    return FullTrack("piece", ("cl", "fl", "vc"), references.sum(axis=0), references)


@pytest.mark.parametrize("seed", range(5))
def test_improvement_is_that_of_the_scores(seed):
    config = configs.load("smoke", SMALL)
    track, rng = make_track(seed), np.random.default_rng(seed)
    estimates = track.references + 0.03 * rng.standard_normal(track.references.shape).astype(
        np.float32
    )
    estimates[0, 3000:] = 0
    rows = score_track(
        track.name,
        track.mixture,
        track.references,
        {"model": estimates},
        config.data.sources,
        1000,
        config.evaluation,
    )
    expected, found = improvement(rows)[0], improvements(track, estimates, config)
    assert len(found) == expected.num_rows > 5
    assert float(np.median(found)) == pytest.approx(expected.median_db, abs=1e-6)


def test_estimates_that_are_no_numbers_are_not_left_out():
    config = configs.load("smoke", SMALL)
    track = make_track(0)
    estimates = 0.9 * track.references
    whole = improvements(track, estimates, config)
    # One second of a source that sounds there beside another one.
    estimates[0, 3000:4000] = np.nan
    broken = improvements(track, estimates, config)
    assert len(broken) == len(whole)
    assert np.isnan(broken).sum() == 1
    assert np.isnan(validate(lambda _: estimates, [track], config).improvement)


def test_the_loss_is_that_of_whole_tracks():
    terms = ["task.l1=0.5", "task.l1_snr=0.1", "task.level=0.1", "task.consistency=1"]
    config = configs.load("smoke", [*SMALL, *terms])
    tracks = [make_track(0), make_track(1, num_frames=2000)]
    found = validate(lambda track: 0.5 * np.stack([track.mixture] * 4), tracks, config)
    costs = [
        float(
            total_loss(
                config,
                t.references[None],
                0.5 * np.stack([t.mixture] * 4)[None],
                t.mixture[None],
            )
        )
        for t in tracks
    ]
    assert found.loss == pytest.approx((5300 * costs[0] + 2000 * costs[1]) / 7300, rel=1e-5)


@pytest.fixture(scope="module")
def records(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("records")
    write.write(configs.load("smoke", replicas.OVERRIDES), "urmp", corpus, out)
    return str(out)


class Scripted(SeparationTask):
    """A task whose validations find what a test wants."""

    def validate(self, _):
        improvement = Figure("improvement", self.script.pop(0), "dB")
        return [improvement, Figure("loss", 1.0, higher_is_better=False)]

    def show(self, *_):
        return []


def train_scripted(records, workdir, script, *overrides):
    settings = [
        "train.steps=20",
        "train.steps_per_call=2",
        "train.checkpoint_steps=4",
        "train.validation_steps=2",
    ]
    config = configs.load("smoke", [*OVERRIDES, *settings, "train.schedule=constant", *overrides])
    task = Scripted(config, load_manifest(records), records)
    task.script = list(script)
    done = train(task, config.train, str(workdir), find_devices(), Hold())
    return done, config


@pytest.mark.slow
def test_early_stopping_keeps_the_best_and_a_second_start_does_nothing(records, tmp_path, capfd):
    script = [1.0, 2.0, 1.5, None, 1.9, 3.0]
    done, config = train_scripted(records, tmp_path, script, "train.patience=3")
    assert done
    assert "Stopped early after step 10: no new best in 3 validations." in capfd.readouterr().out
    network = make_network(config)
    assert restore_network(str(tmp_path), network, "best") == 4
    assert restore_network(str(tmp_path), network, "latest") == 10
    lines = [line for line in read_metrics(str(tmp_path)) if line["kind"] == "valid"]
    assert [(line["step"], line.get("improvement")) for line in lines] == [
        (2, 1.0), (4, 2.0), (6, 1.5), (8, None), (10, 1.9),
    ]  # fmt: skip
    done, _ = train_scripted(records, tmp_path, [], "train.patience=3")
    assert done
    assert "Stopped early after step 10" in capfd.readouterr().out


@pytest.mark.slow
def test_a_continued_run_keeps_its_plateau_and_the_metrics_of_its_checkpoint(records, tmp_path):
    settings = ["train.schedule=plateau", "train.decay_rate=0.5", "train.plateau_validations=2"]
    train_scripted(records, tmp_path, [5.0, *[1.0] * 5], *settings, "train.steps=12")
    text = (tmp_path / "metrics.jsonl").read_text()
    assert all({"step", "kind"} <= json.loads(line).keys() for line in text.splitlines())
    assert max(json.loads(line)["step"] for line in text.splitlines()) == 12
    later = '{"step": 99, "kind": "train", "loss": 1.0, "learning_rate": 1.0}\n'
    (tmp_path / "metrics.jsonl").write_text(text + later)
    train_scripted(records, tmp_path, [*[1.0] * 4], *settings, "train.steps=20")
    lines = [line for line in read_metrics(str(tmp_path)) if line["kind"] == "train"]
    assert [line["step"] for line in lines] == list(range(2, 21, 2))
    rates = [line["learning_rate"] / 1e-3 for line in lines]
    # Reported before the validation of the same step: lowered after steps 6, 10, 14 and 18.
    assert rates == pytest.approx([1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.0625])


@pytest.mark.slow
def test_the_average_is_validated_and_restored_beside_the_raw_weights(records, tmp_path):
    settings = [
        "train.steps=12",
        "train.average_decay=0.9",
        "train.validation_steps=6",
        "train.checkpoint_steps=6",
    ]
    config = configs.load("smoke", [*OVERRIDES, *settings])
    task = SeparationTask(config, load_manifest(records), records)
    assert train(task, config.train, str(tmp_path), find_devices(), Hold())
    line = next(line for line in read_metrics(str(tmp_path)) if line["kind"] == "valid")
    assert line.keys() >= {"improvement", "loss", "raw_improvement", "raw_loss"}
    assert line["loss"] != line["raw_loss"]
    network, weights = make_network(config), {}
    for kind in ("average", "raw"):
        restore_network(str(tmp_path), network, "latest", kind)
        weights[kind] = network.get_weights()
    untrained = make_network(config).get_weights()
    distances = [
        np.sqrt(sum(np.sum((a - b) ** 2) for a, b in zip(weights[kind], untrained, strict=True)))
        for kind in ("average", "raw")
    ]
    assert 0.1 * distances[1] < distances[0] < distances[1]  # it follows
    saved = tf.train.load_checkpoint(f"{tmp_path}/checkpoints")
    assert any(name.startswith("average/") for name in saved.get_variable_to_shape_map())
