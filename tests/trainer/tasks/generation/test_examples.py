"""What networks that make sounds are given: it follows from the seed and the step."""

import numpy as np
import pytest

import configs
from data_prep.records.manifest import load_manifest
from tests.trainer.tasks.generation.kinds import SMALL
from tests.trainer.tasks.generation.test_runs import write_records
from trainer.tasks.registry import make_task

BATCH = ["train.batch_size=4", "train.steps=200", "task.kl_ramp_steps=4"]


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return write_records(tmp_path_factory.mktemp("few"), 4)


def examples_of(records, start, count, *overrides):
    config = configs.load("one_shots", [*SMALL, *BATCH, *overrides])
    task = make_task(config, load_manifest(str(records)), str(records))
    rows = list(task.make_examples(start).take(count).as_numpy_iterator())
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def test_the_divergence_counts_after_a_ramp_over_steps(records):
    ramp = examples_of(records, 0, 24)["ramp"].reshape(6, 4)
    np.testing.assert_allclose(ramp, np.repeat([[0], [0.25], [0.5], [0.75], [1], [1]], 4, axis=1))


def test_examples_of_a_step_are_the_same_wherever_a_run_begins(records):
    overrides = ["task.method=adversarial", "model.body=convolutions", "task.critic_updates=2"]
    whole = examples_of(records, 0, 12, *overrides)
    later = examples_of(records, 2, 4, *overrides)
    for name, values in later.items():
        np.testing.assert_array_equal(values, whole[name][8:], err_msg=name)
    shifts = whole["shifts"].reshape(3, 4, -1)
    assert (shifts == shifts[:, :1]).all()
    assert set(np.unique(shifts)) <= {-2, -1, 0, 1, 2}
    assert (shifts[0] != shifts[1]).any()
    assert len(np.unique(whole["latents"])) == whole["latents"].size


@pytest.mark.parametrize(("prior", "variance"), [("normal", 1), ("uniform", 1 / 3)])
def test_numbers_by_dice_have_the_law_of_the_config(records, prior, variance):
    overrides = ["task.method=adversarial", "model.body=convolutions", f"task.prior={prior}"]
    drawn = examples_of(records, 0, 400, *overrides)["latents"]
    assert drawn.mean() == pytest.approx(0, abs=0.05)
    assert drawn.var() == pytest.approx(variance, rel=0.1)
    assert (np.abs(drawn).max() <= 1) == (prior == "uniform")
