"""Lets a folder in a bucket be looked through like one on a disk, and fetches files when needed.

Each object has a stand-in on this machine: a file of its name and its size in which nothing is
written, so that it takes no room. Tables, which say what the other files are, are fetched at once.
"""

import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from data_prep.storage.files import Digest, in_the_making

if TYPE_CHECKING:
    from data_prep.storage.bucket import BucketFolder

_TABLES = (".csv", ".json", ".xml", ".yaml", ".yml")
# Of such a table: no other file of these suffixes is of use here.
_MOST_TABLE_BYTES = 64 * 2**20


@dataclass(frozen=True)
class StandIns:
    """Says for which objects of a bucket the files in a folder stand."""

    # Of the folder in the bucket.
    url: str
    # The folder of the stand-ins.
    root: Path
    # What the bucket says of the object, by the path of its stand-in.
    digests: Mapping[Path, Digest] = field(hash=False)

    def of(self, paths: Collection[Path]) -> "StandIns":
        """Returns those of some files."""
        return replace(self, digests={path: self.digests[path] for path in paths})

    def named(self, sentence: str) -> str:
        """Returns a sentence with the addresses of objects for the paths of their stand-ins."""
        return sentence.replace(str(self.root), self.url)

    @contextmanager
    def fetched(self) -> Iterator[Path]:
        """Yields a folder with the objects themselves, which is removed in the end.

        Raises:
            ValueError: an object is gone, or is another by now.
        """
        folder = _temporary_folder("track")
        try:
            for path, digest in self.digests.items():
                name = path.relative_to(self.root)
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                _open_tree(self.url).fetch_object(name.as_posix(), target, digest)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def standing_in(url: str) -> Iterator[StandIns]:
    """Yields stand-ins of all objects below an address, which are removed in the end.

    Raises:
        ValueError: there are none, or the name of one is no path on this machine.
    """
    root = _temporary_folder("corpus")
    try:
        tree = _open_tree(url)
        digests = {}
        for name, digest in tree.list_tree().items():
            path = root / relative_path(name, url)
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix.lower() in _TABLES and digest.num_bytes <= _MOST_TABLE_BYTES:
                tree.fetch_object(name, path, digest)
            else:
                with path.open("xb") as file:
                    file.truncate(digest.num_bytes)
            digests[path] = digest
        if not digests:
            raise ValueError(
                f"{url} has no objects; expected the folder of a corpus in a bucket, as "
                f"gs://BUCKET/FOLDER."
            )
        yield StandIns(url, root, digests)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def relative_path(name: str, url: str) -> Path:
    """Returns the path of an object below its folder, which nobody's names lead out of.

    Raises:
        ValueError: there is no such path.
    """
    parts = PurePosixPath(name).parts
    is_plain = parts and name == "/".join(parts) and not parts[0].startswith("/")
    if not is_plain or ".." in parts or "\\" in name or "\0" in name:
        raise ValueError(
            f"{url}/{name} cannot be a file of a folder here; rename that object, or remove it."
        )
    return Path(*parts)


def _temporary_folder(what: str) -> Path:
    """Makes a folder that the next process removes if this one is killed."""
    folder = in_the_making(Path(tempfile.gettempdir(), f"source-separation-{what}"))
    folder.mkdir(mode=0o700)
    return folder


@cache
def _open_tree(url: str) -> "BucketFolder":
    # It takes a second to import, which only buckets need; a client is made once.
    from data_prep.storage.bucket import BucketFolder

    return BucketFolder(url)
