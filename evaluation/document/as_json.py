"""Turns a document into plain values for JSON, and reads its figures from there.

Every number is there in full and as it is printed; drawings and sounds are not.
"""

import math
from collections.abc import Mapping
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
    Panel,
    Section,
    Table,
    Terms,
    Text,
)
from evaluation.document.rating_form import RatingForm
from evaluation.scores.bootstrap import Interval

# Of the keys below and their meaning.
SCHEMA_VERSION = 1


def to_json_object(document: Document) -> dict[str, Any]:
    """Returns a document as plain values."""
    return {
        "schema_version": SCHEMA_VERSION,
        "title": document.title,
        "subtitle": document.subtitle,
        "head": [_block(block) for block in document.head],
        "sections": [_section(section) for section in document.sections],
        "summary": [
            {"title": title, "kind": cell.kind, "decimals": cell.decimals, **_cell(cell)}
            for title, cell in document.summary
        ],
    }


def read_summary(values: Mapping[str, Any], path: object) -> list[tuple[str, Cell]]:
    """Returns the figures of a document that was turned into plain values.

    Raises:
        ValueError: it holds none, as those do that an earlier version wrote.
    """
    try:
        return [
            (
                str(each["title"]),
                Cell(
                    each["value"],
                    each["kind"],
                    each.get("n"),
                    each.get("share"),
                    Interval(*each["interval"]) if "interval" in each else None,
                    decimals=int(each["decimals"]),
                ),
            )
            for each in values["summary"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} has no figures for a table ({type(error).__name__}: {error}); score that run "
            "anew, by evaluation.evaluate."
        ) from error


def _section(section: Section) -> dict[str, Any]:
    return {
        "key": section.key,
        "title": section.title,
        "blocks": [_block(block) for block in section.blocks],
    }


def _block(block: Block) -> dict[str, Any]:
    return {"kind": block.kind, **_content(block)}


def _content(block: Block) -> dict[str, Any]:
    match block:
        case Table():
            return {
                "key": block.key,
                "names": block.names,
                "columns": [f"{column.group} {column.title}".strip() for column in block.columns],
                "rows": [_line(line) for line in block.lines],
            }
        case Figures():
            return {"panels": [_panel(panel) for panel in block.panels]}
        case Clips():
            return {"title": block.title, "clips": [_clip(clip) for clip in block.clips]}
        case Text() | RatingForm():
            return {"text": block.text}
        case Items():
            return {"title": block.title, "items": list(block.items)}
        case Terms():
            return {"terms": dict(block.pairs)}
        case Code():
            return {"title": block.title, "text": block.text}


def _line(line: Line) -> dict[str, Any]:
    return {"name": line.name, "label": line.label, "cells": [_cell(cell) for cell in line.cells]}


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "key": panel.key,
        "title": panel.title,
        "alternative": panel.alternative,
        "caption": panel.caption,
    }


def _clip(clip: Clip) -> dict[str, Any]:
    described: dict[str, Any] = {
        "title": clip.title,
        "note": clip.note,
        "numbers": {name: _cell(cell) for name, cell in clip.numbers},
        "takes": {take.name: take.note for take in (*clip.known, *clip.judged)},
    }
    if clip.spectrograms is not None:
        pictures = clip.spectrograms.pictures
        described["spectrograms"] = {each.title: each.alternative for each in pictures}
    return described


def _cell(cell: Cell) -> dict[str, Any]:
    described: dict[str, Any] = {"value": cell.value, "text": cell.text}
    # JSON has no infinity; the text says on which side of the range it is.
    if isinstance(cell.value, float) and not math.isfinite(cell.value):
        described["value"] = None
    if cell.interval:
        described["interval"] = [cell.interval.low, cell.interval.high]
    if cell.n is not None:
        described["n"] = cell.n
    if cell.share is not None:
        described["share"] = cell.share
    return described
