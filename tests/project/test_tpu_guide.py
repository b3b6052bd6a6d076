"""docs/tpu.md: commands that bash can read, variables that are set, flags that exist, and the loop
as it runs.
"""

import os
import re
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest

import configs
from trainer.tpu.rates import load

ROOT = Path(__file__).parents[2]
SHARED_FLAGS = ROOT / "trainer" / "inference" / "checkpoint_flags.py"
PAGE = (ROOT / "docs" / "tpu.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SCRIPT = "\n".join(BLOCKS)
GCLOUD = """#!/bin/sh
# Takes the TPU away once, then finishes the run.
echo "$*" >> calls
case "$*" in
  "storage ls "*) test -e finished ;;
  *" describe "*) test -s state && cat state ;;
  *" create "*) echo WAITING_FOR_RESOURCES > state ;;
  *" delete "*) rm state; touch taken ;;
esac
"""
SLEEP = """#!/bin/sh
# A minute passes.
case "$(cat state 2>/dev/null)" in
  WAITING_FOR_RESOURCES) echo ACTIVE > state ;;
  ACTIVE) if test -e taken; then touch finished; else echo SUSPENDED > state; fi ;;
esac
"""


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_bash_can_read_it(block):
    done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_variable_is_set_before_it_is_used():
    known = {"HOME"}
    for line in SCRIPT.splitlines():
        new = set(re.findall(r"(?:export |\s)([A-Z]+)=", " " + line))
        used = set(re.findall(r"\$\{?([A-Z]+)", line))
        assert used <= known | new, line
        known |= new


def test_every_command_of_ours_has_these_flags():
    joined = SCRIPT.replace("\\\n", " ")
    commands = re.findall(r"python -m ((?:data_prep|trainer|evaluation)\.\w+)(.*)", joined)
    assert {module for module, _ in commands} == {
        "data_prep.write",
        "trainer.benchmark",
        "trainer.task",
        "evaluation.evaluate",
    }
    commands += [
        ("trainer.preflight", flags) for flags in re.findall(r'make preflight ARGS="(.*)"', joined)
    ]
    for module, rest in commands:
        paths = [*(ROOT / module.split(".")[0]).glob("*.py"), SHARED_FLAGS]
        source = "".join(path.read_text("utf-8") for path in paths)
        for flag in re.findall(r"--(\w+)", rest):
            assert re.search(rf'flags\.DEFINE_\w+\(\s*"{flag}"', source), f"{module} --{flag}"


def test_the_loop_asks_again_after_a_preemption_and_ends_with_the_run(tmp_path):
    (loop,) = (block for block in BLOCKS if block.startswith("until "))
    for name, text in (("gcloud", GCLOUD), ("sleep", SLEEP)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    variables = {
        "RUN": "run",
        "ZONE": "zone",
        "BUCKET": "bucket",
        "ACCELERATOR": "v5litepod-4",
        "RUNTIME": "runtime",
    }
    environment = {**os.environ, **variables, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    options = {
        "cwd": tmp_path,
        "env": environment,
        "capture_output": True,
        "text": True,
        "timeout": 60,
    }
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", loop], check=False, **options)
    assert done.returncode == 0, done.stderr
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.split()[3] for call in calls if " create " in call or " delete " in call] == [
        "create",
        "delete",
        "create",
    ]
    assert all(
        "--spot" in call and "startup-script=startup.sh" in call
        for call in calls
        if " create " in call
    )
    states = [line.split()[1] for line in done.stdout.splitlines()]
    assert states == ["NONE", "ACTIVE", "SUSPENDED", "NONE", "ACTIVE"]


def test_the_figure_and_the_table_of_throughput_are_of_the_file():
    path = ROOT / "docs" / "figures" / "throughput.json"
    config = configs.load("smoke", ["model.num_levels=4", "model.num_filters=8"])
    series = load(path, asdict(config))
    figure = path.with_suffix(".svg").read_text(encoding="utf-8")
    steps = {}
    for each in series:
        for row in each.rows:
            assert f"{each.backend}, {row.dtype}" in figure
            steps.setdefault((row.dtype, row.batch_size), {})[each.backend] = row.step_ms
    for (dtype, batch_size), step_ms in steps.items():
        (line,) = re.findall(rf"^\| {dtype} \| {batch_size} \|.*$", PAGE, re.MULTILINE)
        ratio = step_ms["jax"] / step_ms["tensorflow"]
        assert line.endswith(f"| {step_ms['jax']:.1f} ms | {ratio:.2f} |")
        assert f"| {step_ms['tensorflow']:.1f} ms |" in line


def test_every_image_is_one_that_is_built():
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    images = set(re.findall(r"\$IMAGE-([\w-]+)", PAGE))
    assert images == {"cpu", "tpu", "tpu-jax"}
    assert images <= set(re.findall(r"^FROM base AS (\S+)$", dockerfile, re.MULTILINE))


def test_a_slice_of_several_hosts_runs_one_command_on_all_of_them():
    (block,) = (block for block in BLOCKS if "--worker=all" in block)
    assert "$IMAGE-tpu-jax:" in block
    assert "--backend=jax --coordinator=auto" in block


def test_the_startup_script_holds_the_values(tmp_path):
    (block,) = (block for block in BLOCKS if block.startswith("cat > startup.sh"))
    variables = {
        "REGION": "region",
        "BUCKET": "bucket",
        "RUN": "run",
        "IMAGE": "image",
        "TAG": "v1",
    }
    subprocess.run(
        ["bash", "-euc", block], cwd=tmp_path, env={**os.environ, **variables}, check=True
    )
    text = (tmp_path / "startup.sh").read_text()
    assert text.startswith("#!/bin/bash\n")
    assert "$" not in text
    assert "--workdir=gs://bucket/runs/run" in text
    assert subprocess.run(["bash", "-n", "startup.sh"], cwd=tmp_path, check=False).returncode == 0
