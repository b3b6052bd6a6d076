"""Finds the weights of Open-Unmix in a folder, and what lies beside them.

The layout is that of its own package: a file for each target, ``vocals.pth`` or
``vocals-b62c91ce.pth``, and, where it was trained by its scripts, ``vocals.json`` and
``separator.json``. Those that were published have no JSON beside them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs import instruments
from configs.reading import read_object

_NAME = re.compile(r"(?P<target>.+?)(?:[-_](?P<tag>[0-9a-f]{8,64}))?\.(?P<format>pth|safetensors)")


@dataclass(frozen=True)
class WeightFile:
    """Is the file of one target."""

    target: str
    path: Path
    # The beginning of a checksum in its name; empty where there is none.
    tag: str


def find_weights(folder: Path) -> list[WeightFile]:
    """Returns the file of each target: those of MUSDB18 in slot order, then others by name.

    Raises:
        ValueError: there are none, or two of one target.
    """
    if not folder.is_dir():
        raise ValueError(
            f"there is no folder {folder}; expected one with the weights of Open-Unmix, a file "
            f"for each target."
        )
    found: dict[str, WeightFile] = {}
    for path in sorted(folder.iterdir()):
        match = _NAME.fullmatch(path.name)
        if match is None or not path.is_file():
            continue
        target = match["target"]
        if target in found:
            raise ValueError(
                f"{folder} has two files for {target}: {found[target].path.name} and {path.name}; "
                f"leave one of them there."
            )
        found[target] = WeightFile(target, path, match["tag"] or "")
    if not found:
        raise ValueError(
            f"there are no weights in {folder}; expected a file for each target, such as "
            f"vocals.pth, vocals-b62c91ce.pth or vocals.safetensors."
        )
    return [found[target] for target in _in_slot_order(found)]


def _in_slot_order(targets: Iterable[str]) -> list[str]:
    rest = set(targets)
    known = [source for source in instruments.MUSDB if source in rest]
    return known + sorted(rest - set(known))


def read_descriptions(folder: Path, files: Sequence[WeightFile]) -> Mapping[Path, dict[str, Any]]:
    """Returns what the JSON files beside the weights say, by the path of each.

    The file of a target has the arguments of its training, in the words of Open-Unmix's scripts.

    Raises:
        ValueError: one is no JSON object, or one of a target has no arguments.
    """
    said = {}
    common = folder / "separator.json"
    if common.exists():
        said[common] = read_object(common, with_nan=True)
    for file in files:
        path = folder / f"{file.target}.json"
        if path.exists():
            arguments = read_object(path, with_nan=True).get("args")
            if not isinstance(arguments, dict):
                raise ValueError(
                    f"{path} has no arguments of a training under 'args', which Open-Unmix's "
                    f"scripts write; put the original back, or take it away."
                )
            said[path] = arguments
    return said
