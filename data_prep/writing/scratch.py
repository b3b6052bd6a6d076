"""Keeps the records of single tracks, and what is known of them, until they are part of a shard.

On a disk they lie in a folder within that of the records. Where that is in a bucket they lie on the
disk of this machine, and parts of a job on several machines put theirs into the bucket, too.
"""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from configs.reading import read_object
from data_prep.fingerprints.sketches import Sketch
from data_prep.records.format import FORMAT_VERSION
from data_prep.runtime.revision import code_revision
from data_prep.storage import Folder, LocalFolder, is_bucket, open_folder
from data_prep.storage.files import Digest, checksum, replacing

FOLDER = ".scratch"
_VERSION = "version.txt"
# Other versions of these may make other bytes of the same corpus.
_PACKAGES = ("numpy", "scipy", "soundfile", "soxr")
# What is known of a track comes last: whoever finds that finds all.
_RECORDS, _SKETCHES, _KNOWN = ".tfrecord", ".npz", ".json"


@dataclass(frozen=True)
class Scratch:
    """Is where prepared tracks lie; each has a key, which names its files."""

    # On this machine.
    here: Path
    # The address of those that several machines share, in the bucket of the records.
    shared: str | None = None
    # What is there, when this job began.
    names: frozenset[str] = frozenset()
    # Whether what this job prepares goes there.
    sends: bool = False

    def making_records(self, key: str) -> AbstractContextManager[Path]:
        """Yields a path for the records of a track, which are there once the block is done."""
        return replacing(self._path(key, _RECORDS), flush=False)

    def keep(self, key: str, known: Mapping[str, Any], sketches: Mapping[str, Sketch]) -> None:
        """Keeps what is known of a track, in types that JSON has, once its records are there."""
        with replacing(self._path(key, _SKETCHES), flush=False) as path, path.open("wb") as file:
            np.savez(file, **sketches)
        with replacing(self._path(key, _KNOWN), flush=False) as path:
            path.write_text(json.dumps(known), encoding="utf-8")
        self.send(key)

    def send(self, key: str) -> None:
        """Moves what this machine has of a track to where others find it, if that is wanted.

        An earlier call may have been killed before it was done.
        """
        if not self.sends or not self.shared:
            return
        for suffix in (_RECORDS, _SKETCHES, _KNOWN):
            path = self._path(key, suffix)
            if path.exists():
                _open(self.shared).put(path, path.name)

    def find(self, key: str) -> tuple[dict[str, Any], dict[str, Sketch]] | None:
        """Returns what is known of a track and its sketches; None where they cannot be read."""
        try:
            for suffix in (_SKETCHES, _KNOWN):
                self._fetch(key, suffix)
            values = read_object(self._path(key, _KNOWN))
            with self._path(key, _SKETCHES).open("rb") as file, np.load(file) as arrays:
                return values, dict(arrays)
        except (OSError, EOFError, ValueError, LookupError, BadZipFile):
            # Whatever is wrong with these files, the track can be prepared again.
            return None

    def has_records(self, key: str, digest: Digest) -> bool:
        """Returns whether the records of a track are there, whole."""
        path = self._path(key, _RECORDS)
        if path.exists():
            # They were not flushed to the disk: a machine that stopped may have lost some of them.
            return checksum(path) == digest
        if self.shared and f"{key}{_RECORDS}" in self.names:
            return _open(self.shared).stat(f"{key}{_RECORDS}") == digest
        return False

    def records(self, key: str) -> Path:
        """Returns the path of the records of a track, which may be gone."""
        self._fetch(key, _RECORDS)
        return self._path(key, _RECORDS)

    def forget(self, key: str) -> None:
        """Frees the disk of the records of a track; what is shared stays."""
        self._path(key, _RECORDS).unlink(missing_ok=True)

    def _path(self, key: str, suffix: str) -> Path:
        return self.here / f"{key}{suffix}"

    def _fetch(self, key: str, suffix: str) -> None:
        """Fetches a file that lies in the bucket alone."""
        path = self._path(key, suffix)
        if not self.shared or path.name not in self.names or path.exists():
            return
        with suppress(FileNotFoundError), replacing(path, flush=False) as temporary:
            _open(self.shared).fetch(path.name, temporary)


def open_scratch(folder: Folder, sends: bool = False) -> Scratch:
    """Opens the scratch of a folder of records.

    Args:
        folder: of the records.
        sends: whether what is prepared goes where other machines find it.

    Raises:
        ValueError: another version of the program has begun there.
    """
    here = folder.scratch
    _require_version(LocalFolder(here))
    if not is_bucket(folder.url):
        return Scratch(here)
    shared = _open(shared_url(folder))
    names = frozenset(shared.list_names())
    if sends or names:
        _require_version(shared)
    return Scratch(here, shared.url, names, sends)


def shared_url(folder: Folder) -> str:
    """Returns the address of the scratch that machines share, on a disk or in a bucket."""
    return f"{folder.url}/{FOLDER}"


def remove_shared(folder: Folder) -> None:
    """Removes what machines shared, once the records are finished."""
    shared = _open(shared_url(folder))
    for name in shared.list_names():
        shared.delete(name)


def program_version() -> str:
    """Returns all of this program that the bytes of a prepared track depend on."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return f"code {code_revision()}, records {FORMAT_VERSION}, {packages}"


def _require_version(folder: Folder) -> None:
    """Notes in a scratch folder which program fills it, or refuses one that another has begun."""
    own = program_version()
    if folder.replace_version(_VERSION, own, None) is not None:
        return
    found = folder.read_text(_VERSION)
    if found != own:
        raise ValueError(
            f"{folder.url} holds tracks that another version of this program prepared ({found}; "
            f"this is {own}); finish with that one, or delete that folder to begin anew."
        )


@cache
def _open(url: str) -> Folder:
    # A client is made once, not for every file.
    return open_folder(url)
