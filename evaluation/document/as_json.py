"""A document as plain values for JSON."""

import math
from typing import Any

from evaluation.document.parts import (
    Block,
    Cell,
    Clip,
    Clips,
    Code,
    Document,
    Figures,
    Items,
    Line,
    Table,
    Terms,
    Text,
)

SCHEMA_VERSION = 1


def to_tree(document: Document) -> dict[str, Any]:
    """The document as plain values for JSON: every number in full and as it is printed, no drawings and no sounds."""
    return {
        "schema_version": SCHEMA_VERSION,
        "title": document.title,
        "subtitle": document.subtitle,
        "head": [_block(block) for block in document.head],
        "sections": [
            {
                "key": each.key,
                "title": each.title,
                "blocks": [_block(block) for block in each.blocks],
            }
            for each in document.sections
        ],
    }


def _block(block: Block) -> dict[str, Any]:
    tree: dict[str, Any] = {"kind": block.kind}
    match block:
        case Table():
            columns = [f"{column.group} {column.title}".strip() for column in block.columns]
            tree |= {"key": block.key, "names": block.names, "columns": columns}
            return tree | {"rows": [_line(line) for line in block.lines]}
        case Figures():
            panels = [
                (each.key, each.title, each.alternative, each.caption) for each in block.panels
            ]
            heads = ("key", "title", "alternative", "caption")
            return tree | {"panels": [dict(zip(heads, panel, strict=True)) for panel in panels]}
        case Clips():
            return tree | {"title": block.title, "clips": [_clip(clip) for clip in block.clips]}
        case Text():
            return tree | {"text": block.text}
        case Items():
            return tree | {"title": block.title, "items": list(block.items)}
        case Terms():
            return tree | {"terms": dict(block.pairs)}
        case Code():
            return tree | {"title": block.title, "text": block.text}


def _line(line: Line) -> dict[str, Any]:
    return {"name": line.name, "label": line.label, "cells": [_cell(cell) for cell in line.cells]}


def _clip(clip: Clip) -> dict[str, Any]:
    return {
        "title": clip.title,
        "note": clip.note,
        "numbers": {name: _cell(cell) for name, cell in clip.numbers},
        "takes": {take.name: take.note for take in (*clip.known, *clip.judged)},
    }


def _cell(cell: Cell) -> dict[str, Any]:
    finite = cell.value if not isinstance(cell.value, float) or math.isfinite(cell.value) else None
    tree: dict[str, Any] = {"value": finite, "text": cell.text}
    if cell.interval:
        tree["interval"] = [cell.interval.low, cell.interval.high]
    return tree | {
        name: value for name in ("n", "share") if (value := getattr(cell, name)) is not None
    }
