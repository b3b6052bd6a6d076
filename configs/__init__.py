"""Holds the configuration of an experiment: one typed object, by name and to JSON and back.

config = configs.load("smoke", ["train.steps=100", "data.sources=vn,vc"])
assert configs.from_json(configs.to_json(config)) == config

schema        the sections of a config
networks      a dataclass for the networks that separate, of waveforms and of masks
band_split    that of band-split attention
tagger        that of the network that hears instruments
clip_encoder  that of the network that hears single clips
generator     that of the network that makes single sounds, and its task
query         that of the network that answers queries, and its task
settings      what the settings of every network and of every task have
tasks         a dataclass for separation, tagging and ordering
training      the section train: how gradients change weights, and the rhythm of the loop
experiments   one experiment, or one publication's table of them, a file
splits        which track of a corpus is for what
instruments   the vocabularies
geometry      the sizes of the windows of networks
reading       text and JSON that anybody may have written
typed         plain values to dataclasses; the list of all networks and of all tasks
checks        sentences for values that make no sense
former_names  how fields were called before
"""

import dataclasses
import json
import sys
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from configs import typed
from configs.band_split import BandSplitSettings
from configs.clip_encoder import ClipEncoderSettings
from configs.experiments import experiments, find_experiment
from configs.former_names import FORMER_NAMES, translate
from configs.generator import GenerationSettings, GeneratorSettings
from configs.networks import StftMaskSettings, WaveUNetSettings
from configs.query import QueryNetworkSettings, QuerySettings
from configs.reading import parse_json
from configs.schema import Audio, Augmentation, Config, Data, Evaluation
from configs.settings import NetworkSettings, TaskSettings
from configs.tagger import TaggerSettings
from configs.tasks import OrderingSettings, SeparationSettings, TaggingSettings
from configs.training import Begun, OptimizerSettings, Train

__all__ = [
    "Audio",
    "Augmentation",
    "BandSplitSettings",
    "Begun",
    "ClipEncoderSettings",
    "Config",
    "Data",
    "Evaluation",
    "GenerationSettings",
    "GeneratorSettings",
    "NetworkSettings",
    "OptimizerSettings",
    "OrderingSettings",
    "QueryNetworkSettings",
    "QuerySettings",
    "SeparationSettings",
    "StftMaskSettings",
    "TaggerSettings",
    "TaggingSettings",
    "TaskSettings",
    "Train",
    "WaveUNetSettings",
    "differences",
    "experiments",
    "former_names_in",
    "from_json",
    "from_values",
    "load",
    "override",
    "override_evaluation",
    "to_json",
]


def load(name: str, overrides: Iterable[str] = ()) -> Config:
    """Returns an experiment with ``section.field=value`` overrides applied, in order.

    Raises: ValueError: the experiment, a section or a field is unknown, or a value is of a wrong
        type or size.
    """
    return override(find_experiment(name), overrides)


def override(config: Config, overrides: Iterable[str]) -> Config:
    """Returns a config with ``section.field=value`` overrides applied, in order.

    Where the kind of a section changes (``model.kind``, ``task.kind``), its other fields begin with
    their defaults. A field may be named as it was called before; a note on stderr then says its
    name of today.

    Raises:
        ValueError: a section or field is unknown, or a value is of a wrong type or size.
    """
    values = dataclasses.asdict(config)
    for assignment in overrides:
        _apply(values, assignment)
    return _build(values)


def override_evaluation(config: Config, overrides: Iterable[str]) -> Config:
    """Returns the config of a finished run with overrides of the section ``evaluation`` applied.

    A finished run can be scored differently, not turned into another run.

    Raises:
        ValueError: an override is of another section, or makes no sense.
    """
    for assignment in overrides:
        if not assignment.startswith("evaluation."):
            raise ValueError(
                f"--set {assignment}: only evaluation.* can change here, the rest is as it was "
                f"trained."
            )
    return override(config, overrides)


def to_json(config: Config) -> str:
    """Returns the config as JSON text, one field a line."""
    return json.dumps(dataclasses.asdict(config), indent=2)


def from_json(text: str, path: object = "a config") -> Config:
    """Returns the config that a JSON text describes; fields left out keep their defaults.

    Fields may bear the names that they had before. ``path`` names the text in errors.

    Raises:
        ValueError: the text is not JSON, or not a config.
    """
    return from_values(parse_json(text, path))


def from_values(values: object) -> Config:
    """Returns the config that plain values describe, as :func:`from_json` does of their text."""
    if isinstance(values, dict):
        values, _ = translate(values)
    return _build(values)


def former_names_in(text: str) -> list[str]:
    """Returns the fields of a config in JSON that have another name now, as ``former (now name)``.

    Raises:
        ValueError: the text is not JSON.
    """
    values = parse_json(text, "a config")
    if not isinstance(values, dict):
        return []
    _, former = translate(values)
    return [f"{name} (now {FORMER_NAMES[name]})" for name in former]


def differences(ours: Config, theirs: Config) -> dict[str, tuple[Any, Any]]:
    """Returns the fields in which two configs differ: ``section.field`` -> (ours, theirs).

    A field that one of them does not have, being of another kind, is None there.
    """
    left = _flat(dataclasses.asdict(ours))
    right = _flat(dataclasses.asdict(theirs))
    names = dict.fromkeys((*left, *right))
    pairs = {name: (left.get(name), right.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _build(values: object) -> Config:
    config: Config = typed.build(Config, values, "")
    return config


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = value
    return flat


def _apply(values: dict[str, Any], assignment: str) -> None:
    """Changes the plain values of a config as an override ``section.field=value`` says."""
    name, equals, text = assignment.partition("=")
    name = name.strip()
    if not equals or "." not in name:
        raise ValueError(f"the override {assignment!r} is not of the form section.field=value.")
    if name in FORMER_NAMES:
        print(f"note: {name} is called {FORMER_NAMES[name]} now.", file=sys.stderr)
        name = FORMER_NAMES[name]
    *path, field = name.split(".")
    section = values
    cls: Any = Config
    for depth, part in enumerate(path):
        hints = _sections(cls)
        if part not in hints:
            raise ValueError(f"no section is called {part!r}; there are {', '.join(hints)}.")
        # Where the kind changes, the fields of the former kind mean nothing.
        if field == "kind" and depth == len(path) - 1 and typed.is_tagged(hints[part]):
            section[part] = {"kind": text.strip()}
        section = section[part]
        cls = typed.class_of(hints[part], section, part)
    hints = typing.get_type_hints(cls)
    if field not in hints:
        raise ValueError(f"{'.'.join(path)} has no field {field!r}; it has {', '.join(hints)}.")
    section[field] = typed.parse(hints[field], text.strip(), name)


def _sections(cls: Any) -> dict[str, Any]:
    """Returns the sections of a config that can be set, with their annotations."""
    hints = typing.get_type_hints(cls)
    return {
        name: hint
        for name, hint in hints.items()
        if dataclasses.is_dataclass(hint) and hint is not Begun
    }
