"""Audits what the labels do, keeps what is measured, and writes audit.json.

``label_measures`` says what is measured.
"""

import dataclasses
import json
import shlex

from configs import typed
from configs.reading import parse_object
from data_prep.records.full_tracks import iter_full_tracks
from data_prep.runtime.revision import code_revision
from evaluation.estimates.estimated_system import EstimatedSystem
from evaluation.recognition.recogniser import Recogniser
from evaluation.scores.conditions import Condition
from evaluation.scores.results import Parts, read_described
from evaluation.scoring.label_measures import Measure, Measures, audit_track, summarise

# Of audit.json.
SCHEMA_VERSION = 1
FILE_NAME = "audit.json"


def audit(system: EstimatedSystem, recogniser: Recogniser | None = None) -> list[Condition]:
    """Audits a system and writes ``audit.json`` into its folder of results.

    Where there is a recogniser, the network is told what that hears, too.

    If that is there, made from the same, it is read. A track is kept as soon as it is measured: an
    interrupted call is continued by the same one.
    """
    names = [track.name for track in system.manifest.tracks(system.split)]
    made_from: list[object] = [SCHEMA_VERSION, system.made_from]
    if recogniser is not None:
        made_from.append(recogniser.identity())
    parts = Parts(system.out, "audit-part", names, made_from)
    if read_described(system.out, FILE_NAME).get("made_from") == parts.made_from:
        written = read_audit(system)
        if written:
            if parts.kept:
                # A kill came after the file and before they were deleted.
                parts.delete()
            return written
    for track in iter_full_tracks(system.manifest, system.folder, system.split):
        if track.name not in parts.kept:
            measures = audit_track(system.separator, track, system.config, recogniser)
            parts.keep(track.name, json.dumps(measures))
            print(f"{len(parts.kept)}/{len(names)} {track.name} audited", flush=True)
    conditions = summarise([_parse(parts.read(name)) for name in names])
    described = {
        "schema_version": SCHEMA_VERSION,
        "command": _command(system),
        "code_revision": code_revision(),
        "evaluation": dataclasses.asdict(system.config.evaluation),
        "conditions": [dataclasses.asdict(condition) for condition in conditions],
        "made_from": parts.made_from,
    }
    system.out.write_text(FILE_NAME, json.dumps(described, indent=1) + "\n")
    parts.delete()
    return conditions


def read_audit(system: EstimatedSystem) -> list[Condition]:
    """Reads what :func:`audit` wrote for the same system.

    Returns:
        Nothing where it wrote nothing, or where its settings were others.

    Raises:
        ValueError: the file is not what the audit writes.
    """
    text = system.out.read_text(FILE_NAME)
    if text is None:
        return []
    try:
        described = parse_object(text, FILE_NAME, with_nan=True)
        if described["command"] != _command(system):
            return []
        conditions = described["conditions"]
        return [typed.build(Condition, condition, "a condition") for condition in conditions]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{system.out.url}/{FILE_NAME} is not what evaluation.audit writes ({error}); remove "
            f"it."
        ) from error


def _parse(text: str) -> Measures:
    """Returns the measures of a track as they were kept: JSON writes a ``Measure`` as a list."""
    return {
        name: Measure(*lists)
        for name, lists in parse_object(text, "what was measured", with_nan=True).items()
    }


def _command(system: EstimatedSystem) -> str:
    return shlex.join(["python", "-m", "evaluation.audit", *system.arguments])
