"""Bytes counted by hand, ceilings divided by hand, a real compilation for a TPU not there."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import configs
from trainer.preflight import largest_batch, load_for_tpu
from trainer.tpu import traffic
from trainer.tpu.ceilings import ceilings, print_ceilings, print_program
from trainer.tpu.chips import CHIPS, accelerator_type, split_topology
from trainer.tpu.compilation import Program, prepare_environment

ROOT = Path(__file__).parents[2]
ON_CHIP = "bf16[8,100,96]{2,0,1:T(8,128)(2,1)S(1)}"
IN_MEMORY = "bf16[8,100,96]{2,0,1:T(8,128)(2,1)}"
QUARTER = "bf16[8,25,96]{2,0,1:T(8,128)(2,1)S(1)}"
LOOP = 'condition=%condition, body=%body, backend_config={"known_trip_count":{"n":"3"}}'
NUM_BYTES = 100 * 8 * 128 * 2  # 96 features in a tile of 128

PROGRAM = f"""HloModule jit_step, is_scheduled=true, entry_computation_layout={{...}}

%inner (param_0.1: bf16[8,100,96]) -> bf16[8,10,96] {{
  %param_0.1 = {IN_MEMORY} parameter(0)
  ROOT %cut.1 = bf16[8,10,96]{{2,0,1:T(8,128)(2,1)}} slice(%param_0.1), slice={{[0:8], [5:15], [0:96]}}
}}

%slicing (param_0.2: bf16[8,100,96], param_1.2: bf16[8,100,96]) -> bf16[8,10,96] {{
  %param_0.2 = {IN_MEMORY} parameter(0)
  %param_1.2 = {IN_MEMORY} parameter(1)
  %cut.2 = bf16[8,10,96]{{2,0,1:T(8,128)(2,1)}} fusion(%param_0.2), kind=kLoop, calls=%inner
  ROOT %sum.1 = bf16[8,10,96]{{2,0,1:T(8,128)(2,1)S(1)}} custom-call(%cut.2, %param_1.2)
}}

%adding (param_0.3: bf16[8,100,96], param_1.3: bf16[8,100,96]) -> bf16[8,100,96] {{
  %param_0.3 = {IN_MEMORY} parameter(0)
  %param_1.3 = {IN_MEMORY} parameter(1)
  ROOT %sum.2 = {IN_MEMORY} add(%param_0.3, %param_1.3)
}}

%body (state.1: bf16[8,100,96]) -> bf16[8,100,96] {{
  %state.1 = {IN_MEMORY} parameter(0)
  ROOT %twice = {IN_MEMORY} negate(%state.1)
}}

%condition (state.2: bf16[8,100,96]) -> pred[] {{
  %state.2 = {IN_MEMORY} parameter(0)
  ROOT %true = pred[]{{:T(512)S(1)}} custom-call(), custom_call_target="X"
}}

ENTRY %main (a: bf16[8,100,96]) -> bf16[8,100,96] {{
  %a = {IN_MEMORY} parameter(0), sharding={{replicated}}
  %prefetch = ({ON_CHIP}, {IN_MEMORY}, u32[]{{:S(2)}}) copy-start(%a)
  %near = {ON_CHIP} copy-done(%prefetch)
  %part = (({IN_MEMORY}), {QUARTER}, s32[]{{:S(2)}}) slice-start(%a), slice={{[0:8], [0:25], [0:96]}}
  %part-done = {QUARTER} slice-done(%part)
  %joined = {ON_CHIP} custom-call(%part-done), custom_call_target="ConcatBitcast"
  %b = {IN_MEMORY} fusion(%near, %joined), kind=kLoop, calls=%adding, metadata={{op_name="f(x)/%y"}}
  %c = bf16[8,10,96]{{2,0,1:T(8,128)(2,1)S(1)}} fusion(%a, %near), kind=kLoop, calls=%slicing
  %same = {IN_MEMORY} bitcast(%b)
  ROOT %d = {IN_MEMORY} while(%same), {LOOP}
}}
"""


def test_every_instruction_costs_what_it_moves():
    costs = [
        (traffic.instruction.name, traffic.num_bytes) for traffic in traffic.iter_traffic(PROGRAM)
    ]
    assert costs == [
        ("prefetch", NUM_BYTES),  # one side of the copy is on the chip
        ("part", NUM_BYTES // 4),  # only the slice is read
        ("b", NUM_BYTES),  # its operands are on the chip
        ("c", NUM_BYTES // 10),  # what the fusion inside it reads of %a
        ("twice", 3 * 2 * NUM_BYTES),  # read and written, three times
    ]


@pytest.mark.parametrize(
    ("shape", "num_bytes"),
    [
        (
            "f32[8,16389,4]{0,2,1:T(4,128)}",
            16389 * 4 * 128 * 4,
        ),  # 8 examples in the lanes: a sixteenth of a tile
        (
            "f32[8,16389,4]{1,0,2:T(8,128)}",
            4 * 8 * 16512 * 4,
        ),  # time in the lanes: next to nothing is lost
        ("bf16[312]{0:T(512)(128)(2,1)}", 512 * 2),
        ("f32[]{:T(128)}", 128 * 4),
        ("pred[3,5]{1,0}", 15),
        ("(f32[8,128]{1,0:T(8,128)}, f32[8,128]{1,0:T(8,128)S(1)})", 4096),
    ],
)
def test_tiles_are_whole(shape, num_bytes):
    assert traffic.device_bytes(shape) == num_bytes


def test_what_is_no_scheduled_program_is_refused():
    with pytest.raises(ValueError, match="scheduled"):
        list(traffic.iter_traffic(PROGRAM.replace("is_scheduled=true", "")))


def test_a_loop_that_does_not_say_how_often_it_runs_counts_once():
    untold = PROGRAM.replace("known_trip_count", "unknown")
    assert traffic.count_loops(PROGRAM) == ((3,), 0)
    assert traffic.count_loops(untold) == ((), 1)
    once = sum(each.num_bytes for each in traffic.iter_traffic(untold))
    # As often as it says, the loop reads and writes the array once more each time.
    thrice = sum(each.num_bytes for each in traffic.iter_traffic(PROGRAM))
    assert thrice - once == 2 * 2 * NUM_BYTES


def make_program(**changed):
    sizes = {"argument_bytes": 10**9, "temporary_bytes": 8 * 10**8, "program_bytes": 10**8}
    figures = {
        "flops": 197e9,
        "traffic_bytes": 819 * 10**7,
        "compile_secs": 1.0,
        "num_parameters": 1,
        **sizes,
    }
    names = {
        "topology": "v5e:2x2",
        "compiler": "",
        "num_cores": 4,
        "batch_per_core": 8,
        "num_parts": 1,
        "example_bytes": 1,
    }
    return Program(**{**figures, **names, **changed})


def test_the_ceiling_is_the_slower_of_arithmetic_and_traffic():
    rows = {row.chip: row for row in ceilings(make_program(), num_steps=3600)}
    assert rows.keys() == CHIPS.keys()
    row = rows["v5e"]
    assert (row.arithmetic_secs, row.traffic_secs) == pytest.approx((1e-3, 10e-3))
    assert row.examples_per_sec == pytest.approx(32 / 10e-3)
    assert row.hours == pytest.approx(10e-3)
    (fast,) = (row for row in ceilings(make_program(flops=197e12), 1) if row.chip == "v5e")
    assert fast.examples_per_sec == pytest.approx(32)


def test_the_report_says_what_it_costs_and_what_the_host_must_deliver(capsys):
    program = make_program(example_bytes=10**6, num_parts=2)
    config = configs.load("musdb", ["train.steps=3600"])
    print_program(program, config)
    print_ceilings(ceilings(program, config.train.steps), program, config, host_rate=1600)
    said = " ".join(capsys.readouterr().out.split())
    assert "4 cores, 8 examples each in 2 parts, float32" in said
    assert "memory 1,812.0 MiB, 11.9% of the chip's 15,259" in said
    assert "temporaries 762.9 MiB" in said
    assert "device memory 8.190 GB" in said
    assert "v5e 197 819 1.00 ms 10.00 ms 3,200 0.01" in said
    assert "must deliver 3,200 examples of 1.00 MB a second: 3.20 GB/s" in said
    assert "1,600 a second on one host: 50% of that" in said
    assert "a ceiling, computed when the step was compiled, not a measurement" in said


@pytest.mark.parametrize("limit", [8, 9, 17, 100, 141, 150, 1000])
def test_the_largest_batch_is_bracketed_within_a_sixteenth(limit):
    tried = []

    def fits(batch):
        tried.append(batch)
        return batch <= limit

    low, high = largest_batch(make_program(), fits)
    assert low <= limit < high
    assert high - low <= max(1, low // 16)
    assert len(tried) == len(set(tried))
    assert limit == 1000 or len(tried) < 10


def test_the_largest_batch_is_looked_for_in_the_parts_in_which_it_is_taken():
    low, high = largest_batch(make_program(num_parts=4), lambda in_a_part: in_a_part <= 3)
    assert (low, high) == (3, 4)


@pytest.mark.parametrize(
    "topology", ["v5e", "v5e:", "v5e:2", "v5e:2x2x1", "v4:2x2", "v3:2x2", "v5e:0x2", "v5e:ax2"]
)
def test_an_unknown_topology_is_one_sentence(topology):
    with pytest.raises(ValueError, match=r"such as v5e:2x2 \(4 chips\)"):
        prepare_environment(topology)


def test_topologies_are_named_as_cloud_tpu_names_them():
    assert split_topology("v5e:2x4") == ("v5e", 8)
    names = {
        topology: accelerator_type(topology)
        for topology in ("v5e:2x2", "v6e:2x4", "v4:2x2x1", "v5p:2x2x2")
    }
    assert names == {
        "v5e:2x2": "v5litepod-4",
        "v6e:2x4": "v6e-8",
        "v4:2x2x1": "v4-8",
        "v5p:2x2x2": "v5p-16",
    }


def run(*arguments, **environment):
    command = [sys.executable, "-m", "trainer.preflight", *arguments]
    variables = {**os.environ, **environment}
    return subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False
    )


def test_without_a_compiler_it_says_which_environment_has_one():
    result = run("--config=musdb")
    assert result.returncode == 1
    assert result.stderr.startswith("error: this environment has no jax and libtpu")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", configs.experiments())
def test_every_experiment_has_a_form_for_a_tpu(name):
    config = load_for_tpu(name)
    assert config.train.compute_dtype == "bfloat16"
    assert getattr(config.model, "computation", "tpu") == "tpu"
    assert config.model.window() == configs.load(name).model.window()
    # What is asked for changes that.
    assert load_for_tpu(name, ["train.compute_dtype=float32"]).train.compute_dtype == "float32"


@pytest.mark.slow
def test_nothing_that_preflight_imports_imports_tensorflow():
    code = (
        "import sys; sys.modules['tensorflow'] = None; "
        "import trainer.preflight, trainer.tpu.compilation, trainer.devices.jax_step; print('imported')"
    )
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    arguments = [sys.executable, "-c", code]
    done = subprocess.run(
        arguments, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "imported\n"), done.stderr


@pytest.mark.slow
def test_a_step_is_compiled_for_a_tpu_that_is_not_there(tmp_path):
    sizes = [
        "model.num_levels=2",
        "model.num_filters=4",
        "model.estimate_frames=16389",
        "train.batch_size=8",
    ]
    flags = " ".join(
        [f"--set {size}" for size in sizes] + ["--nolargest_batch", "--host_rate=1000"]
    )

    def preflight(more):
        arguments = [
            "make",
            "preflight",
            f"ARGS=--config=smoke {flags} {more}",
            f"PYTHON={sys.executable}",
        ]
        return subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)

    result = preflight(f"--json={tmp_path}/small.json")
    assert result.returncode == 0, result.stderr
    assert "a ceiling" in result.stdout
    figures = SimpleNamespace(**json.loads((tmp_path / "small.json").read_text())["program"])
    assert (figures.num_cores, figures.batch_per_core) == (4, 2)
    weights_and_state = 3 * 4 * figures.num_parameters
    assert figures.argument_bytes > weights_and_state + 2 * figures.example_bytes
    assert figures.traffic_bytes > weights_and_state
    assert figures.flops > 0
    too_large = preflight("--set train.batch_size=400000")
    assert too_large.returncode != 0
    assert "error: a batch of 400000 does not fit v5e:2x2" in too_large.stderr
