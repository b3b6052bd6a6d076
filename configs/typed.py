"""Builds dataclasses from plain values, and lists the networks and tasks that they can name.

Every value is checked against its annotation.
A section whose annotation is ``NetworkSettings`` or ``TaskSettings`` is built as the dataclass that
its field ``kind`` names; where it names none, as that of its default.
"""

import dataclasses
import sys
import types
import typing
from collections.abc import Mapping
from typing import Any

from configs.band_split import BandSplitSettings
from configs.checks import shown
from configs.clip_encoder import ClipEncoderSettings
from configs.generator import GenerationSettings, GeneratorSettings
from configs.networks import StftMaskSettings, WaveUNetSettings
from configs.query import QueryNetworkSettings, QuerySettings
from configs.settings import NetworkSettings, TaskSettings
from configs.tagger import TaggerSettings
from configs.tasks import OrderingSettings, SeparationSettings, TaggingSettings

# A line for every network that ``model.kind`` can name.
NETWORKS: dict[str, type[NetworkSettings]] = {
    "wave_unet": WaveUNetSettings,
    "stft_mask": StftMaskSettings,
    "band_split": BandSplitSettings,
    "tagger": TaggerSettings,
    "clip_encoder": ClipEncoderSettings,
    "generator": GeneratorSettings,
    "query_wave_unet": QueryNetworkSettings,
}

# A line for every task that ``task.kind`` can name.
TASKS: dict[str, type[TaskSettings]] = {
    "separation": SeparationSettings,
    "tagging": TaggingSettings,
    "ordering": OrderingSettings,
    "generation": GenerationSettings,
    "query": QuerySettings,
}

# The registry of each tagged section, and the kind that is meant where none is named.
_KINDS: dict[Any, tuple[Mapping[str, Any], str]] = {
    NetworkSettings: (NETWORKS, WaveUNetSettings.kind),
    TaskSettings: (TASKS, SeparationSettings.kind),
}


def class_of(annotation: Any, values: object, name: str) -> Any:
    """Returns the dataclass of a section: its annotation, or the class of its kind.

    Raises:
        ValueError: no class is of the kind that ``values`` names.
    """
    if annotation not in _KINDS:
        return annotation
    registry, default = _KINDS[annotation]
    kind = values.get("kind", default) if isinstance(values, dict) else default
    if not isinstance(kind, str) or kind not in registry:
        raise ValueError(f"{name}.kind is {shown(kind)}; expected one of {', '.join(registry)}.")
    return registry[kind]


def is_tagged(annotation: Any) -> bool:
    """Says whether a section is of the kind that it names."""
    return annotation in _KINDS


def build(annotation: Any, values: object, name: str) -> Any:
    """Builds a dataclass from plain values, every one checked against its annotation.

    Args:
        annotation: the dataclass, or the base class of a tagged section.
        values: an object as JSON has it; fields left out keep their defaults.
        name: of the section, dotted; empty for the config itself.

    Raises:
        ValueError: a field is unknown or missing, or a value is of another type.
    """
    described = name or "a config"
    if not isinstance(values, dict):
        raise ValueError(f"{described} is {shown(values)}; expected an object with named fields.")
    cls = class_of(annotation, values, name)
    hints = typing.get_type_hints(cls)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise ValueError(
            f"{described} has no field {shown(unknown[0])}; it has {', '.join(hints)}."
        )
    for field in dataclasses.fields(cls):
        is_required = field.default is field.default_factory is dataclasses.MISSING
        if is_required and field.name not in values:
            raise ValueError(f"{described} needs the field {field.name!r}.")
    prefix = f"{name}." if name else ""
    fields = {key: _check(hints[key], value, prefix + key) for key, value in values.items()}
    return cls(**fields)


def parse(annotation: Any, text: str, name: str) -> Any:
    """Returns what a word of the command line stands for; ``build`` judges it afterwards."""
    if _is_optional(annotation):
        return None if text == "none" else text
    if typing.get_origin(annotation) is tuple:
        parts = [part.strip() for part in text.split(",")]
        kinds = _item_kinds(annotation, len(parts))
        return [parse(kind, part, name) for kind, part in zip(kinds, parts, strict=False)]
    if annotation is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    if annotation in (int, float):
        try:
            return annotation(text)
        except ValueError:
            expected = _describe(annotation)
            raise ValueError(f"{name} is {shown(text)}; expected {expected}.") from None
    return text


def _check(annotation: Any, value: object, name: str) -> Any:
    """Returns the value as its annotation wants it: JSON knows no tuples, and writes 1.0 as 1."""
    if dataclasses.is_dataclass(annotation):
        return build(annotation, value, name)
    if not _accepts(annotation, value):
        raise ValueError(f"{name} is {shown(value)}; expected {_describe(annotation)}.")
    return _converted(annotation, value)


def _converted(annotation: Any, value: Any) -> Any:
    if annotation is float:
        return float(value)
    if _is_optional(annotation):
        return None if value is None else _converted(_option(annotation), value)
    if typing.get_origin(annotation) is tuple:
        kinds = _item_kinds(annotation, len(value))
        return tuple(_converted(kind, item) for kind, item in zip(kinds, value, strict=True))
    return value


def _accepts(annotation: Any, value: object) -> bool:
    origin = typing.get_origin(annotation)
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            return False
        kinds = _item_kinds(annotation, len(value))
        return len(kinds) == len(value) and all(map(_accepts, kinds, value))
    # Which words are legal is the dataclass's own check.
    if origin is typing.Literal:
        return isinstance(value, str)
    if _is_optional(annotation):
        return value is None or _accepts(_option(annotation), value)
    if annotation is float:
        return _is_finite(value)
    return type(value) is annotation


def _is_finite(value: object) -> bool:
    """Returns whether a value is a number that a float can hold; True and False are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    # NaN is not below; a whole number may be above.
    return abs(value) <= sys.float_info.max


def _is_optional(annotation: Any) -> bool:
    return isinstance(annotation, types.UnionType) and type(None) in typing.get_args(annotation)


def _option(annotation: Any) -> Any:
    """Returns what an optional value is where it is not None."""
    (option,) = (kind for kind in typing.get_args(annotation) if kind is not type(None))
    return option


def _item_kinds(annotation: Any, length: int) -> tuple[Any, ...]:
    """Returns the kind of each item of a tuple; ``tuple[str, ...]`` may have any number of them."""
    kinds = typing.get_args(annotation)
    return (kinds[0],) * length if kinds[-1] is Ellipsis else kinds


def _describe(annotation: Any) -> str:
    if typing.get_origin(annotation) is typing.Literal:
        return "one of " + ", ".join(typing.get_args(annotation))
    if typing.get_origin(annotation) is tuple:
        kinds = typing.get_args(annotation)
        if kinds[-1] is Ellipsis:
            return "a list of names"
        return f"a list of {' and '.join(map(_describe, kinds))}"
    if _is_optional(annotation):
        option = _option(annotation)
        return "a name or none" if option is str else f"{_describe(option)} or none"
    return {int: "a whole number", float: "a finite number", bool: "true or false", str: "text"}[
        annotation
    ]
