"""docs/one-shots.md against the code that it describes: every option and its default."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

import configs
from configs import GenerationSettings, GeneratorSettings
from trainer.tasks.generation import step

PAGE = (Path(__file__).parents[4] / "docs" / "one-shots.md").read_text(encoding="utf-8")


def text_of(value):
    """How a table shows a default."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value)


def test_every_option_has_one_row_with_its_default():
    defaults = {}
    for section, settings in (("model", GeneratorSettings()), ("task", GenerationSettings())):
        for field in fields(settings):
            value = getattr(settings, field.name)
            # An optimizer is known by its kind.
            defaults[f"{section}.{field.name}"] = text_of(getattr(value, "kind", value))
    found = re.findall(r"^\| `((?:model|task)\.\w+)` \| (\S+) \|", PAGE, re.MULTILINE)
    assert len(found) == len(defaults)
    assert dict(found) == defaults


ROWS = re.findall(r"^\| `(one_shots[a-z0-9_]*)` \| .* \| ([\d,+ ]+) \|$", PAGE, re.MULTILINE)
SIZES = {name: sum(int(size.replace(",", "")) for size in text.split("+")) for name, text in ROWS}
# Making the weights of others takes seconds.
SMALL = ("one_shots", "one_shots_map", "one_shots_wavegan")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in SMALL)) for name in SIZES]
)
def test_sizes_of_the_table_are_those_of_the_networks(name):
    assert set(SMALL) <= SIZES.keys()
    networks = step.make_networks(configs.load(name))
    assert sum(network.count_params() for network in networks.values()) == SIZES[name]
