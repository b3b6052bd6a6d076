"""The throughput benchmark on a small network, with the ceilings of preflight beside it."""

import json
import re

import pytest

from tests.support.commands import run_command
from trainer.tpu.ceilings import load_ceilings

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
            "task.method=adversarial is not there on JAX yet",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused_in_a_sentence(flags, sentence):
    done = run_command("trainer.benchmark", "--config=smoke", *flags)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_both_backends_are_measured_and_drawn_by_one_command(tmp_path):
    (tmp_path / "preflight.json").write_text(json.dumps(PREFLIGHT))
    out = tmp_path / "out" / "rates.json"
    done = run_command(
        "trainer.benchmark",
        "--config=smoke",
        *[f"--set={size}" for size in SIZES],
        "--backend=both",
        "--batches=2,1",
        "--secs=0.1",
        "--rounds=2",
        f"--ceilings={tmp_path}/preflight.json",
        f"--out={out}",
    )
    assert done.returncode == 0, done.stderr
    assert "at most on 4 x v6e, bfloat16: 3,000 examples/s" in done.stdout
    assert len(re.findall(r"a step of jax takes \d+\.\d\d times", done.stdout)) == 4
    result = json.loads(out.read_text())
    rows = [(each["backend"], row) for each in result["series"] for row in each["rows"]]
    assert [(backend, row["dtype"], row["batch_size"]) for backend, row in rows] == [
        (backend, dtype, size)
        for backend in ("tensorflow", "jax")
        for dtype in ("float32", "bfloat16")
        for size in (1, 2)
    ]
    assert all(len(row["examples_per_sec"]) == 2 for _, row in rows)
    assert all(row["summary"]["step_ms"] > 0 for _, row in rows)
    devices = {each["device"] for each in result["series"]}
    assert len(devices) == 1
    assert all("keras" in each["packages"] for each in result["series"])
    assert "jax, bfloat16" in out.with_suffix(".svg").read_text()
