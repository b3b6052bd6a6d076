"""cloudbuild.yaml and the Dockerfile: the fields that Cloud Build knows, and nothing that refers to
what is not there.

Fields: the build configuration file schema of Cloud Build
    (docs.cloud.google.com/build/docs/build-config-file-schema).
"""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "cloudbuild.yaml").read_text(encoding="utf-8")
BUILD = yaml.safe_load(TEXT)
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
BUILD_FIELDS = {
    "steps", "timeout", "queueTtl", "logsBucket", "options", "substitutions", "tags", "serviceAccount", "secrets",
    "availableSecrets", "artifacts", "images", "dependencies",
}  # fmt: skip
STEP_FIELDS = {
    "name", "args", "env", "allowFailure", "allowExitCodes", "dir", "id", "waitFor", "entrypoint", "secretEnv",
    "volumes", "timeout", "script", "automapSubstitutions",
}  # fmt: skip
OPTIONS = {
    "env", "secretEnv", "volumes", "sourceProvenanceHash", "machineType", "diskSizeGb", "substitutionOption",
    "dynamicSubstitutions", "automapSubstitutions", "logStreamingOption", "logging", "defaultLogsBucketBehavior",
    "pool", "requestedVerifyOption",
}  # fmt: skip
GIVEN = {
    "PROJECT_ID",
    "BUILD_ID",
    "LOCATION",
    "PROJECT_NUMBER",
}  # in every build; SHORT_SHA is not, without a trigger


def test_it_is_short():
    assert len(TEXT.splitlines()) <= 50


def test_cloud_build_knows_every_field():
    assert set(BUILD) <= BUILD_FIELDS
    assert set(BUILD["options"]) <= OPTIONS
    assert BUILD["options"]["machineType"] in {
        "E2_MEDIUM",
        "E2_HIGHCPU_8",
        "E2_HIGHCPU_32",
        "N1_HIGHCPU_8",
    }
    assert BUILD["options"]["logging"] in {"LEGACY", "GCS_ONLY", "CLOUD_LOGGING_ONLY", "NONE"}
    assert re.fullmatch(r"\d+s", BUILD["timeout"])
    for step in BUILD["steps"]:
        assert set(step) <= STEP_FIELDS, step["id"]
        assert "name" in step
        assert all(isinstance(argument, str) for argument in step["args"]), step["id"]


def test_steps_wait_for_steps_before_them():
    before = set()
    for step in BUILD["steps"]:
        assert step["id"] not in before
        assert set(step.get("waitFor", [])) <= before
        before.add(step["id"])


def test_every_substitution_is_declared_documented_and_used():
    declared = BUILD["substitutions"]
    assert all(name.startswith("_") for name in declared)
    used = set(re.findall(r"\$\{?([A-Z_]+)", TEXT))
    assert used == set(declared) | (used & GIVEN)
    # One that is made of others needs dynamic substitutions; without them it would stay as it is
    # written.
    assert BUILD["options"]["dynamicSubstitutions"] is True
    guide = (ROOT / "docs" / "tpu.md").read_text(encoding="utf-8")
    assert {name for name in declared if name not in guide} == {"_IMAGE"}


def test_images_are_built_before_they_are_used_and_pushed():
    built = set()
    for step in BUILD["steps"]:
        if step["name"].endswith("/docker"):
            (target,) = (
                argument.removeprefix("--target=")
                for argument in step["args"]
                if "--target=" in argument
            )
            (tag,) = (
                argument.removeprefix("--tag=") for argument in step["args"] if "--tag=" in argument
            )
            assert re.search(rf"^FROM \S+ AS {target}$", DOCKERFILE, re.MULTILINE)
            assert f"-{target}:" in tag
            built.add(tag)
        else:
            assert step["name"] in built
    assert set(BUILD["images"]) == built


@pytest.mark.parametrize(
    "step", [step for step in BUILD["steps"] if "python" in step["args"]], ids=lambda s: s["id"]
)
def test_a_step_runs_a_module_that_is_there(step):
    module = step["args"][step["args"].index("-m") + 1]
    assert module == "pytest" or (ROOT / module.replace(".", "/")).with_suffix(".py").exists()


def test_steps_run_what_the_makefile_runs():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("$(BIN)/", "")
    steps = {step["id"]: step for step in BUILD["steps"]}
    for command in steps["lint"]["args"][-1].split(" && "):
        assert f"\t{command}\n" in makefile
    *words, expression = steps["test"]["args"]
    assert f'\t{" ".join(words)} "{expression}"\n' in makefile


def test_the_images_are_pinned_and_belong_to_no_root():
    stages = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]
    assert re.match(r"python:3\.11\.\d+-slim-\w+ AS base\n", stages[0])
    for stage in stages[1:]:
        assert stage.startswith("base AS ")
        (lock,) = re.findall(r"pip install --require-hashes --requirement=(\S+)", stage)
        assert f"COPY {lock} requirements/\n" in stage
        assert "--hash=sha256:" in (ROOT / lock).read_text(encoding="utf-8")
        assert re.findall(r"^USER (.*)$", stage, re.MULTILINE) == ["researcher"]
    assert "useradd --create-home --uid=1000 researcher" in stages[0]


def pins_of(name):
    """The versions of a lock, by package."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    return dict(re.findall(r"^([^\s=]+)==(\S+)", text, re.MULTILINE))


LOCKS = ["cpu-dev", "gpu", "preflight", "tpu", "tpu-jax"]


@pytest.mark.parametrize(
    ("name", "tensorflow"),
    [("gpu", "tensorflow"), ("tpu", "tensorflow-tpu"), ("tpu-jax", "tensorflow-cpu")],
)
def test_an_image_has_one_tensorflow_of_one_version(name, tensorflow):
    pins = pins_of(name)
    assert {"tensorflow", "tensorflow-cpu", "tensorflow-tpu"} & set(pins) == {tensorflow}
    # A run may go on in another image.
    assert pins[tensorflow] == pins_of("cpu-dev")["tensorflow-cpu"]
    assert pins["keras"] == pins_of("cpu-dev")["keras"]


def test_a_tpu_has_the_runtime_of_its_backend():
    pins = pins_of("tpu")
    assert pins["libtpu"] == "0.0.10"
    assert tuple(map(int, pins["numpy"].split(".")[:2])) < (2, 2)
    assert "jax" not in pins
    of_jax = {name: pins_of("tpu-jax")[name] for name in ("jax", "jaxlib", "libtpu")}
    assert of_jax == {name: pins_of("preflight")[name] for name in of_jax}
    assert {"nvidia-cudnn-cu12", "nvidia-nccl-cu12"} <= set(pins_of("gpu"))


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_is_made_by_make_and_names_no_index(name):
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    assert "://" not in text
    assert "--index" not in text
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (extras,) = re.findall(r"for extra in (.*); do", makefile)
    assert name in [*extras.split(), "cpu-dev"]
