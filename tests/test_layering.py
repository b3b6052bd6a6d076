"""Imports go one way: configs <- data_prep <- trainer <- evaluation, and configs imports the standard library alone."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ORDER = ["configs", "data_prep", "trainer", "evaluation"]
KERAS_ONLY = ["folded", "layers", "conditioning", "wave_unet", "losses", "step"]


def imports(path):
    """The top-level names a file imports, relative imports refused."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("package", ORDER)
def test_a_package_imports_only_what_lies_before_it(package):
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    later = set(ORDER[ORDER.index(package) + 1 :]) | {"tests", "benchmarks"}
    assert {path.name: imports(path) & later for path in files if imports(path) & later} == {}


def test_configs_import_the_standard_library_alone():
    for path in (ROOT / "configs").rglob("*.py"):
        assert imports(path) <= {"configs", *sys.stdlib_module_names}, path


def test_nothing_is_unpickled():
    for path in (path for package in ORDER for path in (ROOT / package).rglob("*.py")):
        assert not imports(path) & {"pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle"}, path
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "allow_pickle"]
        named = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not named & {"yaml.load", "yaml.unsafe_load", "yaml.full_load", "keras.models.load_model"}, path


@pytest.mark.parametrize("module", KERAS_ONLY)
def test_the_network_and_its_loss_know_no_backend(module):
    assert not imports(ROOT / "trainer" / f"{module}.py") & {"tensorflow", "jax", "torch"}


def test_setup_lists_every_package():
    text = (ROOT / "setup.py").read_text(encoding="utf-8")
    for package in sorted(
        {".".join(p.parent.relative_to(ROOT).parts) for o in ORDER for p in (ROOT / o).rglob("__init__.py")}
    ):
        assert f'"{package}"' in text
