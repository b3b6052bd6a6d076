"""docs/masks.md against the code that it describes: every option, every size, every count."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

import configs
from configs.networks import StftMaskSettings
from trainer.networks import make_network

PAGE = (Path(__file__).parents[3] / "docs" / "masks.md").read_text(encoding="utf-8")
EXPERIMENTS = ["smoke_mask", "musdb_mask", "vocals_lstm"]


def rows(first, cells=1):
    """The cells of the rows that begin with a name of code, which has a prefix."""
    lines = re.findall(rf"^\| `({first}\w+)` \| (.*) \|$", PAGE, re.MULTILINE)
    return [(name, rest.split(" | ")) for name, rest in lines if len(rest.split(" | ")) >= cells]


def test_every_option_has_one_row_with_its_default():
    defaults = {
        f"model.{field.name}": str(field.default).lower() for field in fields(StftMaskSettings)
    }
    found = rows(r"model\.")
    assert len(found) == len(defaults)
    assert {name: cells[0] for name, cells in found} == defaults


def test_every_word_that_an_option_can_be_is_explained():
    for body in ("tcn", "unet", "blstm", "lstm", "soft", "softmax", "binary", "relu"):
        assert len(re.findall(rf"^\| `{body}` \|", PAGE, re.MULTILINE)) == 1


def test_the_sizes_are_those_of_the_windows():
    found = {name: cells for name, cells in rows("", cells=5) if name in EXPERIMENTS}
    assert set(found) == set(EXPERIMENTS)
    for name, cells in found.items():
        window = configs.load(name).model.window()
        sizes = [
            window.analysis_hop,
            window.num_masked,
            window.context_columns,
            window.margin_frames,
            window.estimate_frames,
        ]
        assert [int(cell) for cell in cells] == sizes


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_counts_are_those_of_the_networks(name):
    (count,) = [
        cells[-1] for found, cells in rows("", cells=2) if found == name and "," in cells[-1]
    ]
    assert int(count.replace(",", "")) == make_network(configs.load(name)).count_params()
