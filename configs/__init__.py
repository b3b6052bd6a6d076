"""The configuration of an experiment: one typed object, from a name and overrides, to JSON and back.

config = configs.load("smoke", ["train.steps=100", "data.sources=vn,vc"])
assert configs.from_json(configs.to_json(config)) == config
"""

import dataclasses
import importlib
import json
import math
import pkgutil
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from configs.schema import Audio, Config, Data, Evaluation, Loss, Model, Train

__all__ = [
    "Audio",
    "Config",
    "Data",
    "Evaluation",
    "Loss",
    "Model",
    "Train",
    "differences",
    "experiments",
    "from_json",
    "load",
    "override",
    "override_evaluation",
    "to_json",
]

_NOT_EXPERIMENTS = {"geometry", "instruments", "schema", "splits"}


def experiments() -> list[str]:
    """The names that ``load`` knows: every module of this package that holds an experiment."""
    return sorted(
        module.name
        for module in pkgutil.iter_modules(__path__)
        if module.name not in _NOT_EXPERIMENTS
    )


def load(name: str, overrides: Iterable[str] = ()) -> Config:
    """The experiment called ``name`` with ``section.field=value`` overrides applied, in order.

    Raises:
        ValueError: an unknown experiment, section or field, or a value of a wrong type or size.
    """
    if name not in experiments():
        raise ValueError(f"no experiment is called {name!r}; there are {', '.join(experiments())}.")
    return override(importlib.import_module(f"configs.{name}").CONFIG, overrides)


def override(config: Config, overrides: Iterable[str]) -> Config:
    """A config with ``section.field=value`` overrides applied, in order.

    Raises:
        ValueError: an unknown section or field, or a value of a wrong type or size.
    """
    tree = dataclasses.asdict(config)
    for text in overrides:
        _apply(tree, text)
    return _build(Config, tree, "")


def override_evaluation(config: Config, overrides: Iterable[str]) -> Config:
    """A finished run can be scored differently, not turned into another run.

    Raises:
        ValueError: an override is of another section, or makes no sense.
    """
    for assignment in overrides:
        if not assignment.startswith("evaluation."):
            raise ValueError(
                f"--set {assignment}: only evaluation.* can change here, the rest is as it was trained."
            )
    return override(config, overrides)


def to_json(config: Config) -> str:
    """The config as JSON text, one field a line."""
    return json.dumps(dataclasses.asdict(config), indent=2)


def from_json(text: str) -> Config:
    """The config a JSON text describes; fields left out keep their defaults.

    Raises:
        ValueError: the text is not JSON, or not a config.
    """
    try:
        tree = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"a config must be JSON; {error}.") from error
    return _build(Config, tree, "")


def differences(ours: Config, theirs: Config) -> dict[str, tuple[Any, Any]]:
    """The fields in which two configs differ: ``section.field`` -> (ours, theirs)."""
    left, right = _flat(dataclasses.asdict(ours)), _flat(dataclasses.asdict(theirs))
    return {name: (left[name], right[name]) for name in left if left[name] != right[name]}


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat = {}
    for name, value in tree.items():
        flat.update(_flat(value, f"{name}.") if isinstance(value, dict) else {prefix + name: value})
    return flat


def _apply(tree: dict[str, Any], assignment: str) -> None:
    name, equals, text = assignment.partition("=")
    section, dot, field = name.strip().partition(".")
    if not equals or not dot:
        raise ValueError(f"the override {assignment!r} is not of the form section.field=value.")
    sections = {
        f.name: f.type for f in dataclasses.fields(Config) if dataclasses.is_dataclass(f.type)
    }
    if section not in sections:
        raise ValueError(f"no section is called {section!r}; there are {', '.join(sections)}.")
    hints = typing.get_type_hints(sections[section])
    if field not in hints:
        raise ValueError(f"{section} has no field {field!r}; it has {', '.join(hints)}.")
    tree[section][field] = _parse(hints[field], text.strip(), name.strip())


def _parse(kind: Any, text: str, name: str) -> Any:
    """The value that a word of the command line stands for; ``_check`` judges it afterwards."""
    if _is_optional(kind):
        return None if text == "none" else text
    if typing.get_origin(kind) is tuple:
        return [part.strip() for part in text.split(",")]
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            raise ValueError(f"{name} is {text!r}; expected {_describe(kind)}.") from None
    return text


def _build(cls: Any, tree: object, path: str) -> Any:
    """The dataclass ``cls`` from a tree of plain values, every one checked against its annotation."""
    if not isinstance(tree, dict):
        raise ValueError(f"{path or 'a config'} is {tree!r}; expected an object with named fields.")
    hints = typing.get_type_hints(cls)
    unknown = sorted(set(tree) - set(hints))
    if unknown:
        raise ValueError(
            f"{path or 'a config'} has no field {unknown[0]!r}; it has {', '.join(hints)}."
        )
    if "name" in hints and "name" not in tree:
        raise ValueError("a config needs the field 'name'.")
    dotted = f"{path}." if path else ""
    return cls(**{name: _check(hints[name], value, dotted + name) for name, value in tree.items()})


def _check(kind: Any, value: object, name: str) -> Any:
    """The value as its annotation wants it: JSON knows no tuples, and writes 1.0 as 1."""
    if dataclasses.is_dataclass(kind):
        return _build(kind, value, name)
    if not _accepts(kind, value):
        raise ValueError(f"{name} is {value!r}; expected {_describe(kind)}.")
    if kind is float:
        return float(value)  # type: ignore[arg-type]
    return tuple(value) if isinstance(value, list) else value


def _accepts(kind: Any, value: object) -> bool:
    origin = typing.get_origin(kind)
    if origin is tuple:
        return isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)
    if origin is typing.Literal:  # which words are legal is the dataclass's own check
        return isinstance(value, str)
    if _is_optional(kind):
        return value is None or isinstance(value, str)
    if kind is float:
        return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]
    return type(value) is kind


def _is_optional(kind: Any) -> bool:
    return isinstance(kind, types.UnionType) and type(None) in typing.get_args(kind)


def _describe(kind: Any) -> str:
    if typing.get_origin(kind) is typing.Literal:
        return "one of " + ", ".join(typing.get_args(kind))
    if typing.get_origin(kind) is tuple:
        return "a list of names"
    if _is_optional(kind):
        return "a name or none"
    return {int: "a whole number", float: "a finite number", bool: "true or false", str: "text"}[
        kind
    ]
