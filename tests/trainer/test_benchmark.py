"""The throughput benchmark on a small network, with the ceilings of preflight beside it."""

import json
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

import configs
from data_prep.runtime import subcommand
from tests.support.commands import run_command, set_flags
from trainer.tpu.ceilings import load_ceilings
from trainer.tpu.rates import Measurement, Series, load, save

ROOT = Path(__file__).parents[2]

SIZES = ["model.num_levels=2", "model.num_filters=2", "model.estimate_frames=101"]
PREFLIGHT = {
    "program": {"num_cores": 4},
    "config": {"train": {"compute_dtype": "bfloat16"}},
    "ceilings": [
        {"chip": "v5e", "examples_per_sec": 1000.0},
        {"chip": "v6e", "examples_per_sec": 3000.0},
    ],
}


def test_ceilings_are_named_by_chips_and_dtype(tmp_path):
    path = tmp_path / "preflight.json"
    path.write_text(json.dumps(PREFLIGHT))
    assert load_ceilings(str(path)) == {"4 x v5e, bfloat16": 1000.0, "4 x v6e, bfloat16": 3000.0}
    path.write_text("{}")
    with pytest.raises(
        ValueError, match=r"preflight\.json is not what trainer\.preflight --json writes"
    ):
        load_ceilings(str(path))


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--out=results"], "expected a name that ends in .json"),
        (["--beside=none.json"], "none.json: No such file or directory"),
        (["--backend=torch"], "should be one of <tensorflow|jax|both>"),
        (
            ["--config=one_shots", "--set=task.method=adversarial", "--backend=both"],
            "task.method=adversarial penalises gradients",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused_in_a_sentence(flags, sentence):
    done = run_command("trainer.benchmark", "--config=smoke", *flags)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def saved_series(path, backend):
    """Saves what a backend might have measured of the small network."""
    series = Series(backend, "1 x CPU (2 cores)", {}, [Measurement("float32", 1, [100.0])])
    save(path, asdict(configs.load("smoke", SIZES)), [series], {})
    return series


def test_both_backends_are_given_to_processes_of_their_own_and_joined(tmp_path, monkeypatch):
    given = []

    def give(words):
        (backend,) = re.findall(r"--backend=(\w+)", words[-4])
        saved_series(tmp_path / f"rates-{backend}.json", backend)
        given.append(words)
        return 0

    monkeypatch.setattr(subcommand, "give", give)
    flags = ["--config=smoke", *set_flags(SIZES), "--backend=both", f"--out={tmp_path}/rates.json"]
    done = run_command("trainer.benchmark", *flags)
    assert done.returncode == 0, done.stderr
    assert [words[:-4] for words in given] == [["trainer.benchmark", *flags]] * 2
    assert "a step of jax takes 1.00 times that of tensorflow" in done.stdout
    result = json.loads((tmp_path / "rates.json").read_text())
    assert [each["backend"] for each in result["series"]] == ["tensorflow", "jax"]


@pytest.mark.parametrize(("backend", "other"), [("tensorflow", "jax"), ("jax", "tensorflow")])
@pytest.mark.slow
def test_what_is_measured_is_joined_with_what_was_and_drawn(backend, other, tmp_path):
    (tmp_path / "preflight.json").write_text(json.dumps(PREFLIGHT))
    saved_series(tmp_path / "before.json", other)
    out = tmp_path / "out" / "rates.json"
    arguments = [
        "trainer.benchmark",
        "--config=smoke",
        *set_flags(SIZES),
        f"--backend={backend}",
        "--batches=2,1",
        "--dtypes=float32",
        "--secs=0.1",
        "--rounds=2",
        f"--beside={tmp_path}/before.json",
        f"--ceilings={tmp_path}/preflight.json",
        f"--out={out}",
    ]
    if backend == "jax":
        # Keras has one backend in a process.
        command = [sys.executable, "-m", *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    else:
        done = run_command(*arguments)
    assert done.returncode == 0, done.stderr
    assert "at most on 4 x v6e, bfloat16: 3,000 examples/s" in done.stdout
    assert len(re.findall(r"a step of jax takes \d+\.\d\d times", done.stdout)) == 1
    before, measured = load(out, asdict(configs.load("smoke", SIZES)))
    assert before.backend == other
    assert measured.backend == backend
    assert [row.batch_size for row in measured.rows] == [1, 2]
    assert all(len(row.examples_per_sec) == 2 for row in measured.rows)
    assert "keras" in measured.packages
    assert f"{backend}, float32" in out.with_suffix(".svg").read_text()
