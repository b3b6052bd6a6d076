"""Reads what is needed of the wheel of musicnn 0.1.0, a zip file that holds taggers of music.

Nothing of its code is run: the tags are read from it as words, and a checkpoint is numbers. What a
file in the wheel must be is said by its checksum in the wheel's own RECORD (PEP 427).
"""

import ast
import base64
import csv
import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.parser import BytesParser
from pathlib import Path
from typing import Literal

PACKAGE = "musicnn"
VERSION = "0.1.0"
_ADVICE = f"expected what 'pip download --no-deps {PACKAGE}=={VERSION}' fetches."
# The largest file in the wheel has 9 MB.
_MOST_BYTES = 2**26


@dataclass(frozen=True)
class Model:
    """Says what is known of a model in the wheel."""

    body: Literal["musicnn", "vgg", "vgg_msd"]
    # What its list of tags is called in the wheel's code.
    tags: str
    # As its authors say.
    trained_on: str


MODELS = {
    "MTT_musicnn": Model("musicnn", "MTT_LABELS", "MagnaTagATune"),
    "MTT_vgg": Model("vgg", "MTT_LABELS", "MagnaTagATune"),
    "MSD_musicnn": Model("musicnn", "MSD_LABELS", "the Million Song Dataset"),
    "MSD_vgg": Model("vgg_msd", "MSD_LABELS", "the Million Song Dataset"),
}


@dataclass(frozen=True)
class Contents:
    """Holds what a wheel has of one model."""

    tags: tuple[str, ...]
    licence: str
    # The two files of its checkpoint.
    index: bytes
    numbers: bytes


def read_wheel(path: Path, model: str) -> Contents:
    """Returns what a wheel has of a model.

    Args:
        path: of the wheel.
        model: one of ``MODELS``.

    Raises:
        ValueError: there is no such file, it is no wheel of musicnn 0.1.0, or it was cut short or
            changed.
    """
    if not path.is_file():
        raise ValueError(f"there is no file {path}; {_ADVICE}")
    try:
        with zipfile.ZipFile(path) as file:
            return _read(_Files(file, path), model)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError) as error:
        raise ValueError(f"{path} is no wheel, or was cut short ({error}); {_ADVICE}") from error


class _Files:
    """Reads files of a wheel, each of which must be what RECORD says."""

    def __init__(self, file: zipfile.ZipFile, path: Path) -> None:
        self._file = file
        self.path = path
        self._sizes = {each.filename: each.file_size for each in file.infolist()}
        # Of each file: "sha256=" and the checksum.
        self._checksums = self._record()

    def read(self, name: str) -> bytes:
        """Returns a file; ``ValueError`` where it is missing or was changed."""
        data = self._take(name)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        if self._checksums.get(name) != f"sha256={digest}":
            raise ValueError(f"{self.path} has a file {name} that its RECORD does not; {_ADVICE}")
        return data

    def _take(self, name: str) -> bytes:
        if name not in self._sizes:
            raise ValueError(f"{self.path} has no file {name}; {_ADVICE}")
        if self._sizes[name] > _MOST_BYTES:
            raise ValueError(
                f"{self.path} has a file {name} of {self._sizes[name]:,} bytes; {_ADVICE}"
            )
        return self._file.read(name)

    def _record(self) -> Mapping[str, str]:
        """Returns the checksum of every file, once it is the wheel that is wanted."""
        found = [name for name in self._sizes if name.endswith(".dist-info/METADATA")]
        if len(found) != 1:
            raise ValueError(f"{self.path} is a zip file but no wheel; {_ADVICE}")
        metadata = BytesParser().parsebytes(self._take(found[0]))
        if (metadata["Name"], metadata["Version"]) != (PACKAGE, VERSION):
            raise ValueError(
                f"{self.path} is a wheel of {metadata['Name']} {metadata['Version']}; {_ADVICE}"
            )
        text = self._take(found[0].replace("METADATA", "RECORD")).decode("utf-8", "replace")
        return {row[0]: row[1] for row in csv.reader(io.StringIO(text)) if len(row) > 1}


def _read(files: _Files, model: str) -> Contents:
    info = f"{PACKAGE}-{VERSION}.dist-info"
    name = BytesParser().parsebytes(files.read(f"{info}/METADATA"))["License"]
    # The whole of it, which is to go with every copy.
    terms = files.read(f"{info}/LICENSE.md").decode("utf-8", "replace")
    return Contents(
        tags=_tags(files, MODELS[model].tags),
        licence=f"{name}. {' '.join(terms.split())}".rstrip("."),
        index=files.read(f"{PACKAGE}/{model}/.index"),
        numbers=files.read(f"{PACKAGE}/{model}/.data-00000-of-00001"),
    )


def _tags(files: _Files, name: str) -> tuple[str, ...]:
    """Returns the list of words that the wheel's code calls so."""
    code = f"{PACKAGE}/configuration.py"
    text = files.read(code)
    try:
        found = [
            ast.literal_eval(statement.value)
            for statement in ast.parse(text).body
            if isinstance(statement, ast.Assign) and _assigns(statement.targets, name)
        ]
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(
            f"{files.path} has something else than words in {code}; {_ADVICE}"
        ) from error
    is_one = len(found) == 1 and isinstance(found[0], list)
    if not is_one or not all(isinstance(tag, str) for tag in found[0]):
        raise ValueError(f"{files.path} has no list of words {name} in {code}; {_ADVICE}")
    return tuple(found[0])


def _assigns(targets: Sequence[ast.expr], name: str) -> bool:
    return [target.id for target in targets if isinstance(target, ast.Name)] == [name]
