"""The job files of docs/data.md: they are read, and their commands started as schedulers do."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from data_prep.verify import iter_faults
from tests.support.commands import run_command, set_flags

OVERRIDES = ["audio.sample_rate=8000", "data.excerpt_secs=0.7"]


def block(language, begins):
    """Returns the block of that language that begins so."""
    text = Path("docs/data.md").read_text(encoding="utf-8")
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (found,) = [each for each in blocks if each.startswith(begins)]
    return found


def of_batch():
    (group,) = json.loads(block("json", '{\n  "taskGroups"'))["taskGroups"]
    (runnable,) = group["taskSpec"]["runnables"]
    count = group["taskCount"]
    variables = [
        {"BATCH_TASK_INDEX": str(index), "BATCH_TASK_COUNT": str(count)} for index in range(count)
    ]
    return runnable["container"]["commands"], variables


def of_kubernetes():
    spec = yaml.safe_load(block("yaml", "apiVersion: batch/v1"))["spec"]
    assert spec["completionMode"] == "Indexed"
    (container,) = spec["template"]["spec"]["containers"]
    variables = [{"JOB_COMPLETION_INDEX": str(index)} for index in range(spec["completions"])]
    return [*container["command"], *container["args"]], variables


def of_slurm():
    script = block("sh", "#!/bin/bash\n#SBATCH")
    first, last = map(
        int, re.search(r"^#SBATCH --array=(\d+)-(\d+)$", script, re.MULTILINE).groups()
    )
    # What bash makes of it.
    shown = script.replace("python -m", "printf '%s\\n' python -m")
    environment = {"SLURM_CPUS_PER_TASK": "1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["bash", "-euc", shown], env=environment, capture_output=True, text=True)
    variables = [
        {
            "SLURM_ARRAY_TASK_ID": str(index),
            "SLURM_ARRAY_TASK_MIN": str(first),
            "SLURM_ARRAY_TASK_COUNT": str(last - first + 1),
        }
        for index in range(first, last + 1)
    ]
    return shlex.split(done.stdout), variables


@pytest.mark.slow
@pytest.mark.parametrize("job", [of_batch, of_kubernetes, of_slurm])
def test_a_job_prepares_all_parts_and_shards_are_made_of_them(job, corpus, tmp_path, monkeypatch):
    command, variables = job()
    assert command[:3] == ["python", "-m", "data_prep.write"]
    assert len(variables) == 20
    given = dict(word.split("=", 1) for word in command[3:])
    assert {"--root", "--out", "--part"} <= set(given)
    out = tmp_path / "records"
    given |= {"--config": "smoke", "--root": str(corpus), "--out": str(out), "--workers": "1"}
    for environment in variables:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        words = [f"{name}={value}" for name, value in given.items()]
        done = run_command("data_prep.write", *words, *set_flags(OVERRIDES))
        assert done.returncode == 0, done.stderr
    assert len(list((out / ".scratch").glob("*.tfrecord"))) == 18
    del given["--part"]
    words = [f"{name}={value}" for name, value in given.items()]
    done = run_command("data_prep.write", *words, *set_flags(OVERRIDES))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": read before") == 18
    assert list(iter_faults(str(out))) == []
