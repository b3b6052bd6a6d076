"""docs/ordering.md against the code that it describes: every option and its default."""

import re
from dataclasses import fields
from pathlib import Path

from configs import ClipEncoderSettings, OrderingSettings

PAGE = (Path(__file__).parents[4] / "docs" / "ordering.md").read_text(encoding="utf-8")


def test_every_option_has_one_row_with_its_default():
    defaults = {}
    for section, settings in (("model", ClipEncoderSettings), ("task", OrderingSettings)):
        for field in fields(settings):
            value = field.default
            text = f"{value:g}" if isinstance(value, float) else str(value)
            defaults[f"{section}.{field.name}"] = text
    found = re.findall(r"^\| `((?:model|task)\.\w+)` \| (\S+) \|", PAGE, re.MULTILINE)
    assert len(found) == len(defaults)
    assert dict(found) == defaults
