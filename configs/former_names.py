"""Translates the names that fields of a config had before: old files and commands stay good."""

from collections.abc import Mapping
from typing import Any

FORMER_NAMES = {
    "model.place": "model.conditioned_at",
    "model.form": "model.computation",
    "loss.mse": "task.mse",
    "loss.sse": "task.sse",
    "loss.l1": "task.l1",
    "loss.si_sdr": "task.si_sdr",
    "loss.stft": "task.stft",
    "train.min_gain": "augmentation.min_gain",
    "train.max_gain": "augmentation.max_gain",
    "train.remix": "augmentation.remix",
    "train.silence": "augmentation.silence",
    "train.flip_polarity": "augmentation.flip_polarity",
    "train.swap_channels": "augmentation.swap_channels",
    "train.label_dropout": "augmentation.label_dropout",
}


def translate(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Returns the sections of a config under the names of today, and the former names in it.

    Args:
        values: a config as JSON has it; it stays as it is.
    """
    translated = {
        name: dict(part) if isinstance(part, dict) else part for name, part in values.items()
    }
    found = []
    for former, name in FORMER_NAMES.items():
        old_section, old_field = former.split(".")
        section, field = name.split(".")
        fields = translated.get(old_section)
        if isinstance(fields, dict) and old_field in fields:
            translated.setdefault(section, {})[field] = fields.pop(old_field)
            found.append(former)
    # A section that is no more, all of whose fields stand elsewhere now.
    if translated.get("loss") == {}:
        del translated["loss"]
    return translated, found
