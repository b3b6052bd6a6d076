"""Training on JAX beside training on TensorFlow, and on several processes beside one."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

import configs
from data_prep import write
from tests.support.commands import run_command, set_flags
from tests.trainer.devices import runs
from trainer.loop.checkpoints import read_variables
from trainer.loop.metrics import read_metrics
from trainer.tasks.separation.step import SEPARATOR, make_networks

# Of the three computations the one with the fewest operations to compile.
NETWORK = [
    "audio.sample_rate=8000",
    "data.excerpt_secs=0.7",
    "model.num_levels=2",
    "model.num_filters=8",
    "model.estimate_frames=501",
    "model.computation=plain",
]
STEPS = [
    "train.batch_size=4",
    "train.steps=20",
    "train.steps_per_call=1",
    "train.checkpoint_steps=10",
    "train.validation_steps=10",
]
EVERYTHING = [*NETWORK, *STEPS, "train.average_decay=0.9", "train.clip_norm=1e-3"]
SGD = [
    *NETWORK,
    *STEPS,
    "train.steps=10",
    "train.optimizer=sgd",
    "train.momentum=0.9",
    "train.learning_rate=1",
]
PARTS = [*NETWORK, *STEPS, "train.accumulate=2"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def losses(workdir):
    return [line["loss"] for line in read_metrics(str(workdir)) if line["kind"] == "train"]


def variables(workdir):
    return read_variables(str(workdir), "latest")[1]


def assert_same_weights(ours, theirs, tolerance):
    found, expected = variables(ours), variables(theirs)
    assert found.keys() == expected.keys()
    for path, value in expected.items():
        np.testing.assert_allclose(found[path], value, atol=tolerance, err_msg=path)


def environment(num_devices):
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={num_devices}"
    return {**os.environ, "XLA_FLAGS": flags}


def command(records, workdir, overrides, *more):
    flags = ["--config=smoke", f"--records={records}", f"--workdir={workdir}", "--backend=jax"]
    return [sys.executable, "-m", "trainer.task", *flags, *set_flags(overrides), *more]


@pytest.fixture(scope="module")
def records(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("records")
    write.write(configs.load("smoke", NETWORK), "urmp", corpus, out)
    return str(out)


@pytest.fixture(scope="module")
def trained(records, tmp_path_factory):
    """Runs by name: of each backend, on one and four devices, and some that change backends."""
    root = tmp_path_factory.mktemp("runs")

    def job(name, overrides, num_devices=1, stop_after=None):
        return {
            "config": "smoke",
            "overrides": overrides,
            "records": records,
            "workdir": str(root / name),
            "num_devices": num_devices,
            "stop_after": stop_after,
        }

    for name, overrides in {"tensorflow": EVERYTHING, "sgd": SGD, "parts": PARTS}.items():
        assert runs.run(job(name, overrides))
    assert not runs.run(job("to-jax", EVERYTHING, stop_after=10))
    jobs = [
        job("jax", EVERYTHING),
        job("jax-sgd", SGD),
        job("jax-parts", PARTS),
        job("jax-4", EVERYTHING, num_devices=4),
        job("to-jax", EVERYTHING),
        job("from-jax", EVERYTHING, stop_after=10),
    ]
    (root / "jobs.json").write_text(json.dumps(jobs))
    words = [sys.executable, "-m", "tests.trainer.devices.runs", root / "jobs.json"]
    subprocess.run(words, env={**environment(4), "KERAS_BACKEND": "jax"}, check=True)
    assert runs.run(job("from-jax", EVERYTHING))
    return root


@pytest.mark.slow
def test_twenty_steps_lose_the_same(trained):
    expected = losses(trained / "tensorflow")
    assert len(expected) == 20
    for name in ("jax", "jax-4", "to-jax", "from-jax"):
        np.testing.assert_allclose(losses(trained / name), expected, rtol=1e-5, err_msg=name)
    np.testing.assert_allclose(losses(trained / "jax-parts"), losses(trained / "parts"), rtol=1e-5)
    # What was compared learns.
    assert len(set(expected)) == 20


@pytest.mark.slow
def test_ten_steps_of_sgd_move_the_weights_alike(trained):
    assert_same_weights(trained / "jax-sgd", trained / "sgd", 1e-6)
    begun = configs.load("smoke", SGD)
    first = {each.path: each.numpy() for each in make_networks(begun)[SEPARATOR].variables}
    moved = [
        np.abs(value - first[path]).max() for path, value in variables(trained / "sgd").items()
    ]
    assert np.median(moved) > 1e-4


@pytest.mark.slow
def test_a_run_may_change_backends_and_figures_of_validations_are_the_same(trained):
    def validations(name):
        lines = [line for line in read_metrics(str(trained / name)) if line["kind"] == "valid"]
        return [[line["improvement"], line["loss"]] for line in lines]

    for name in ("jax", "to-jax", "from-jax"):
        np.testing.assert_allclose(validations(name), validations("tensorflow"), rtol=1e-4)


@pytest.mark.slow
def test_two_processes_are_one_and_end_together_and_continue(trained, records, tmp_path):
    """Of two processes with two devices each, one is told to end; given again, both go on."""

    def start(port):
        jobs = []
        for process in range(2):
            more = [f"--coordinator=localhost:{port}", "--num_processes=2", f"--process={process}"]
            words = command(records, tmp_path / "run", EVERYTHING, *more)
            with (tmp_path / f"{process}.txt").open("a") as output:
                jobs.append(
                    subprocess.Popen(words, env=environment(2), stdout=output, stderr=output)
                )
        return jobs

    jobs = start(free_port())
    deadline = time.monotonic() + 240
    while not list((tmp_path / "run/checkpoints").glob("ckpt-10.index")):
        assert time.monotonic() < deadline
        assert all(job.poll() is None for job in jobs)
        time.sleep(0.02)
    jobs[1].send_signal(signal.SIGTERM)
    statuses = {job.wait(120) for job in jobs}
    said = (tmp_path / "0.txt").read_text()
    assert statuses == {75}, said
    for job in start(free_port()):
        assert job.wait(240) == 0
    np.testing.assert_allclose(losses(tmp_path / "run"), losses(trained / "jax-4"), rtol=1e-6)
    assert_same_weights(tmp_path / "run", trained / "jax-4", 1e-6)
    said = (tmp_path / "0.txt").read_text()
    assert "Training on 4 x cpu, by JAX in 2 processes." in said
    # One process tells and writes.
    assert "loss" not in (tmp_path / "1.txt").read_text()


@pytest.mark.slow
def test_a_killed_run_continues_to_the_last_bit(records, tmp_path):
    whole = command(records, tmp_path / "whole", EVERYTHING)
    subprocess.run(whole, env=environment(1), check=True)
    job = subprocess.Popen(command(records, tmp_path / "run", EVERYTHING), env=environment(1))
    while not list((tmp_path / "run/checkpoints").glob("ckpt-10.index")):
        assert job.poll() is None
        time.sleep(0.01)
    job.kill()
    job.wait()
    subprocess.run(command(records, tmp_path / "run", EVERYTHING), env=environment(1), check=True)
    assert_same_weights(tmp_path / "run", tmp_path / "whole", 0)
    assert losses(tmp_path / "run") == losses(tmp_path / "whole")


DATA = [
    "audio.sample_rate=4000",
    "data.excerpt_secs=1",
    "data.context_frames=4096",
    "data.encoding=float32",
]
FEW = [*STEPS, "train.batch_size=8", "train.steps=4", "train.validation_steps=4"]
FRONT = ["model.window_frames=256", "model.hop_frames=64", "model.num_bands=24"]
QUERY = [
    "model.num_levels=2",
    "model.num_filters=4",
    "model.estimate_frames=501",
    *(f"model.query_{name}" for name in ("size=8", "bands=12", "filters=8", "window=256")),
    "task.query_secs=1",
]
TASKS = {
    "smoke_tagger": [
        *FRONT,
        "model.width=16",
        "model.depth=3",
        "model.estimate_frames=2048",
    ],
    "smoke_ordering": [*FRONT, "task.clip_secs=0.1", "task.validation_puzzles=40"],
    "smoke_query": QUERY,
}


@pytest.mark.slow
def test_every_task_learns_and_validates_the_same(corpus, tmp_path):
    records = str(tmp_path / "records")
    write.write(configs.load("smoke_query", [*DATA, *QUERY]), "urmp", corpus, records)

    def jobs(backend):
        return [
            {
                "config": name,
                "overrides": [*DATA, *FEW, *overrides],
                "records": records,
                "workdir": str(tmp_path / f"{name}-{backend}"),
                "num_devices": 1,
                "stop_after": None,
            }
            for name, overrides in TASKS.items()
        ]

    (tmp_path / "jobs.json").write_text(json.dumps(jobs("jax")))
    words = [sys.executable, "-m", "tests.trainer.devices.runs", tmp_path / "jobs.json"]
    subprocess.run(words, env={**environment(1), "KERAS_BACKEND": "jax"}, check=True)
    for job in jobs("tensorflow"):
        assert runs.run(job)
        of_jax = job["workdir"].replace("-tensorflow", "-jax")
        for ours, theirs in zip(read_metrics(of_jax), read_metrics(job["workdir"]), strict=True):
            assert ours.keys() == theirs.keys()
            for name in ours.keys() - {"kind", "examples_per_second", "input_wait"}:
                expected = pytest.approx(theirs[name], rel=1e-4, abs=1e-6)
                assert ours[name] == expected, (job["config"], name)


FLOPS = """
import sys

from tests.trainer.devices.runs import devices_of
import configs, jax
from data_prep.records.manifest import load_manifest
from trainer.devices.jax_step import step_of_config
from trainer.loop.beginning import make_optimisation
from trainer.tasks.registry import make_task, step_of
from trainer.tpu.compilation import _compile

config = configs.load("smoke", sys.argv[2:])
task = make_task(config, load_manifest(sys.argv[1]), sys.argv[1])
devices = devices_of(2)
step, program = devices.make_program(make_optimisation(task, config.train, devices))
batch = next(devices.distribute(task.make_examples(0), config.train.batch_size))
print(program.lower(step.state, batch).compile().cost_analysis()["flops"])
step = step_of_config(config, "cores", 2)
step.forget_values()
shapes = step_of(config).batch_shapes(config, config.train.batch_size)
print(_compile(step, shapes, jax.devices()[:2], config, "").cost_analysis()["flops"])
"""


@pytest.mark.slow
def test_the_program_of_a_run_is_that_of_preflight(records):
    words = [sys.executable, "-c", FLOPS, records, *EVERYTHING]
    variables = {**environment(2), "KERAS_BACKEND": "jax"}
    done = subprocess.run(words, env=variables, check=True, capture_output=True, text=True)
    of_run, of_preflight = map(float, done.stdout.split()[-2:])
    assert of_run == of_preflight > 1e6


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--process=1"], "--coordinator, --num_processes and --process need --backend=jax."),
        (["--backend=jax", "--tpu=local"], "--tpu=local is for TensorFlow; JAX takes what"),
        (
            ["--backend=jax", "--num_processes=2", "--process=0"],
            "--num_processes and --process need --coordinator",
        ),
        (
            ["--backend=jax", "--coordinator=localhost:1", "--num_processes=2", "--process=2"],
            "needs --num_processes=N and --process=I",
        ),
    ],
)
def test_flags_that_do_not_fit_each_other_are_one_sentence(flags, sentence, tmp_path):
    where = ["--config=smoke", f"--records={tmp_path}", f"--workdir={tmp_path}"]
    done = run_command("trainer.task", *where, *flags)
    assert done.returncode == 1
    assert sentence in done.stderr


def test_what_jax_cannot_learn_yet_is_one_sentence(tmp_path):
    where = [f"--records={tmp_path}", f"--workdir={tmp_path}", "--backend=jax"]
    done = run_command("trainer.task", "--config=one_shots_wavegan_64", *where)
    assert done.returncode == 1
    assert "task.method=adversarial penalises" in done.stderr
