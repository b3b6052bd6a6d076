"""Imports go one way: configs <- data_prep <- trainer <- evaluation, and configs imports the
standard library alone.
"""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ORDER = ["configs", "data_prep", "trainer", "evaluation"]
KERAS_ONLY = [
    *(
        path.relative_to(ROOT / "trainer").with_suffix("").as_posix()
        for path in sorted((ROOT / "trainer/networks").rglob("*.py"))
    ),
    "tasks/separation/loudness",
    "tasks/query/step",
    "tasks/separation/losses",
    "tasks/separation/step",
]


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
        assert not imports(path) & {
            "pickle",
            "marshal",
            "shelve",
            "dill",
            "joblib",
            "cloudpickle",
        }, path
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle"
        ]
        named = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not named & {
            "yaml.load",
            "yaml.unsafe_load",
            "yaml.full_load",
            "keras.models.load_model",
        }, path


@pytest.mark.parametrize("module", KERAS_ONLY)
def test_the_network_and_its_loss_know_no_backend(module):
    assert not imports(ROOT / "trainer" / f"{module}.py") & {"tensorflow", "jax", "torch"}


def rooms(package):
    """The folders of a package that each of its folders imports from, by their dotted names."""
    found = {}
    folders = {
        ".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / package).rglob("*.py")
    }
    for path in (ROOT / package).rglob("*.py"):
        # The face of a package may show what lies in its folders.
        if path == ROOT / package / "__init__.py":
            continue
        room = ".".join(path.parent.relative_to(ROOT).parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                for name in node.names:
                    whole = f"{node.module}.{name.name}"
                    target = whole if whole in folders else node.module
                    while target not in folders and "." in target:
                        target = target.rpartition(".")[0]
                    if target in folders and target != room:
                        found.setdefault(room, set()).add(target)
    return found


@pytest.mark.parametrize("package", ORDER)
def test_no_two_folders_of_a_package_import_each_other(package):
    found = rooms(package)
    mutual = {
        (room, other) for room in found for other in found[room] if room in found.get(other, set())
    }
    assert mutual == set()


def test_json_is_read_in_one_place():
    """What bounds its size and depth stands there."""
    for path in (path for package in ORDER for path in (ROOT / package).rglob("*.py")):
        if path != ROOT / "configs/reading.py":
            text = path.read_text(encoding="utf-8")
            assert "json.load" not in text, path
            assert "JSONDecoder(" not in text, path
