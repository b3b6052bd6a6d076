"""Audits what labels or notes do, keeps what is measured, and writes audit.json beside the scores.

``label_measures`` and ``note_measures`` say what is measured.
"""

import dataclasses
import json
import shlex
from collections.abc import Iterator

from configs import typed
from configs.reading import parse_object
from data_prep.records.full_tracks import FullTrack, iter_full_tracks
from data_prep.runtime.revision import code_revision
from evaluation.estimates.estimated_system import EstimatedSystem
from evaluation.recognition.recogniser import Recogniser
from evaluation.scores.conditions import OF_LABELS, OF_NOTES, Condition
from evaluation.scores.results import Parts, read_described
from evaluation.scoring.label_measures import Measure, Measures, audit_track, summarise
from evaluation.scoring.note_measures import audit_notes

# Of the files below.
SCHEMA_VERSION = 1
# What is audited -> the file, and its conditions.
FILE_NAMES = {"labels": "audit.json", "notes": "audit-notes.json"}
_CONDITIONS = {"labels": OF_LABELS, "notes": OF_NOTES}
_PARTS = {"labels": "audit-part", "notes": "audit-notes-part"}


def audit(
    system: EstimatedSystem, recogniser: Recogniser | None = None, of: str = "labels"
) -> list[Condition]:
    """Audits a system and writes a file of ``FILE_NAMES`` into its folder of results.

    Of labels, where there is a recogniser, the network is told what that hears, too.

    If that is there, made from the same, it is read. A track is kept as soon as it is measured: an
    interrupted call is continued by the same one.
    """
    names = [track.name for track in system.manifest.tracks(system.split)]
    file_name = FILE_NAMES[of]
    made_from: list[object] = [SCHEMA_VERSION, system.made_from]
    if recogniser is not None:
        made_from.append(recogniser.identity())
    if of != "labels":
        made_from.append(of)
    parts = Parts(system.out, _PARTS[of], names, made_from)
    if read_described(system.out, file_name).get("made_from") == parts.made_from:
        written = read_audit(system, of)
        if written:
            if parts.kept:
                # A kill came after the file and before they were deleted.
                parts.delete()
            return written
    for track, other in _iter_with_others(system):
        if track.name not in parts.kept:
            measures = _audit_one(system, track, other, recogniser, of)
            parts.keep(track.name, json.dumps(measures))
            print(f"{len(parts.kept)}/{len(names)} {track.name} audited", flush=True)
    conditions = summarise([_parse(parts.read(name)) for name in names], _CONDITIONS[of])
    described = {
        "schema_version": SCHEMA_VERSION,
        "command": _command(system),
        "code_revision": code_revision(),
        "evaluation": dataclasses.asdict(system.config.evaluation),
        "conditions": [dataclasses.asdict(condition) for condition in conditions],
        "made_from": parts.made_from,
    }
    system.out.write_text(file_name, json.dumps(described, indent=1) + "\n")
    parts.delete()
    return conditions


def _audit_one(
    system: EstimatedSystem,
    track: FullTrack,
    other: FullTrack | None,
    recogniser: Recogniser | None,
    of: str,
) -> Measures:
    """Returns what is measured of a track; ``other`` is one whose notes are wrong for it."""
    if of == "notes":
        return audit_notes(system.separator, track, other, system.config)
    return audit_track(system.separator, track, system.config, recogniser)


def _iter_with_others(
    system: EstimatedSystem,
) -> Iterator[tuple[FullTrack, FullTrack | None]]:
    """Yields each track with the one before it; the first comes last, so that it has one too."""
    first = None
    before = None
    for track in iter_full_tracks(system.manifest, system.folder, system.split):
        if before is None:
            first = track
        else:
            yield track, before
        before = track
    if first is not None:
        yield first, None if first is before else before


def read_audit(system: EstimatedSystem, of: str = "labels") -> list[Condition]:
    """Reads what :func:`audit` wrote for the same system.

    Returns:
        Nothing where it wrote nothing, or where its settings were others.

    Raises:
        ValueError: the file is not what the audit writes.
    """
    file_name = FILE_NAMES[of]
    text = system.out.read_text(file_name)
    if text is None:
        return []
    try:
        described = parse_object(text, file_name, with_nan=True)
        if described["command"] != _command(system):
            return []
        conditions = described["conditions"]
        return [typed.build(Condition, condition, "a condition") for condition in conditions]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{system.out.url}/{file_name} is not what evaluation.audit writes ({error}); remove "
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
