"""The throughput benchmark on a small network, with the ceilings of preflight beside it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import run_command
from trainer.tpu.ceilings import load_ceilings
from trainer.tpu.rates import Measurement, row_line

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


def test_a_line_of_the_table_says_what_was_measured_or_why_not():
    assert row_line(Measurement("float32", 8, [90.0, 100.0, 120.0])).split() == [
        "float32",
        "8",
        "100.00",
        "90.00-120.00",
        "80.0",
        "ms",
    ]
    assert row_line(Measurement("float32", 8, [])).split(maxsplit=2)[2] == "does not fit the memory"


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
@pytest.mark.slow
def test_a_benchmark_has_a_row_per_size_and_a_figure(backend, tmp_path):
    (tmp_path / "preflight.json").write_text(json.dumps(PREFLIGHT))
    flags = [f"--set={size}" for size in SIZES] + [
        "--batches=2,1",
        "--secs=0.1",
        "--rounds=2",
        f"--backend={backend}",
    ]
    flags += [f"--ceilings={tmp_path}/preflight.json", f"--out={tmp_path}/out"]
    if backend == "jax":
        # Keras has one backend in a process.
        arguments = [sys.executable, "-m", "trainer.benchmark", "--config=smoke", *flags]
        done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    else:
        done = run_command("trainer.benchmark", "--config=smoke", *flags)
    assert done.returncode == 0, done.stderr
    assert "at most on 4 x v6e, bfloat16: 3,000 examples/s" in done.stdout
    result = json.loads((tmp_path / "out" / "benchmark.json").read_text())
    measured = [
        (row["dtype"], row["batch_size"], len(row["examples_per_sec"])) for row in result["rows"]
    ]
    assert measured == [(dtype, size, 2) for dtype in ("float32", "bfloat16") for size in (1, 2)]
    assert all(rate > 0 for row in result["rows"] for rate in row["examples_per_sec"])
    assert (tmp_path / "out" / "benchmark.png").read_bytes().startswith(b"\x89PNG")
