"""Fetches sounds out of Debian's packages, and nothing that a benchmark does not name.

The packages are unpacked, not installed, which needs no rights. Each is of one version, known by
the checksum of its archive: another one might hold other sounds, so that figures would not compare.
Nothing of them, and no page, clip or weight that is made from them, is committed.
"""

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from data_prep.storage.files import replacing


@dataclass(frozen=True)
class Package:
    """Is an archive of sounds, and which of them are used."""

    name: str
    version: str
    # SHA-256 of the archive, in hexadecimal digits.
    checksum: str
    license: str
    # Folder of the archive, from its root on, in which all files lie.
    root: str
    # Path below that -> path below the folder that is filled.
    files: Mapping[str, str] = field(default_factory=dict)
    # Of a zip file below the root that holds the files; empty: they lie there themselves.
    zipped: str = ""


def fetch(packages: Sequence[Package], folder: Path) -> None:
    """Fills a folder with the files of packages; those that are there are left as they are.

    Args:
        packages: what is fetched, with apt, whose lists must be there.
        folder: gets the files, each when it is whole.

    Raises:
        ValueError: a package is not to be had in the version that is known, or is another archive.
    """
    for package in packages:
        missing = [name for name in package.files if not (folder / package.files[name]).exists()]
        if not missing:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            archive = _download(package, Path(scratch))
            _unpack(archive, package, missing, folder)
        print(f"{package.name} {package.version} ({package.license}): {len(missing)} files")


def fetch_all(package: Package, suffix: str, folder: Path, without: Sequence[str] = ()) -> None:
    """Fills a folder with all files below the root of a package whose names end alike.

    Args:
        package: what is fetched; its table of files plays no part.
        suffix: of the names.
        folder: is made when all files are there; one that is there is left as it is.
        without: folders below the root that are not used.

    Raises:
        ValueError: as from ``fetch``.
    """
    if folder.exists():
        return
    root = f"./{package.root}/"

    def place(name: str) -> str | None:
        if not name.startswith(root) or not name.endswith(suffix):
            return None
        path = name.removeprefix(root)
        return None if path.partition("/")[0] in without else path

    folder.parent.mkdir(parents=True, exist_ok=True)
    # Beside the folder, which so is filled at once.
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        archive = _download(package, Path(scratch))
        made = Path(scratch, "made")
        found = _copy(archive, package, place, made)
        if not found:
            raise ValueError(f"{package.name} holds no files {root}*{suffix}.")
        made.rename(folder)
    print(f"{package.name} {package.version} ({package.license}): {len(found)} files")


def _download(package: Package, scratch: Path) -> Path:
    """Returns the archive of a package, in a scratch folder."""
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise ValueError(f"sounds are fetched by {tool}, which Debian and Ubuntu have.")
    words = ["apt-get", "download", f"{package.name}={package.version}"]
    done = subprocess.run(words, cwd=scratch, capture_output=True, text=True, check=False)
    archives = sorted(scratch.glob("*.deb"))
    if done.returncode or len(archives) != 1:
        said = done.stderr.strip().splitlines()[-1:] or ["nothing"]
        raise ValueError(
            f"{package.name} {package.version} cannot be fetched: apt said {said[0]!r}. Give "
            f"apt-get update; if there is a newer version alone, its sounds are not those of the "
            f"figures."
        )
    with archives[0].open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != package.checksum:
        raise ValueError(
            f"{package.name} {package.version} is another archive than the one whose sounds are "
            f"used: its SHA-256 is {found}, not {package.checksum}."
        )
    return archives[0]


def _unpack(archive: Path, package: Package, names: Sequence[str], folder: Path) -> None:
    """Copies files of an archive to a folder, by the names that they have there."""
    if package.zipped:
        _unpack_zipped(archive, package, names, folder)
        return
    places = {f"./{package.root}/{name}": package.files[name] for name in names}
    found = _copy(archive, package, places.get, folder)
    _require_no(places.keys() - found, package)


def _unpack_zipped(archive: Path, package: Package, names: Sequence[str], folder: Path) -> None:
    """Copies files of a zip file in an archive to a folder."""
    with tempfile.TemporaryDirectory() as scratch:
        path = f"./{package.root}/{package.zipped}"
        found = _copy(archive, package, {path: "zipped"}.get, Path(scratch))
        _require_no({path} - found, package)
        with zipfile.ZipFile(Path(scratch, "zipped")) as packed:
            _require_no(set(names) - set(packed.namelist()), package)
            for name in names:
                with packed.open(name) as source:
                    _write(source, folder / package.files[name])


def _require_no(missing: set[str], package: Package) -> None:
    if missing:
        raise ValueError(f"{package.name} holds no {', '.join(sorted(missing))}.")


def _copy(
    archive: Path, package: Package, place: Callable[[str], str | None], folder: Path
) -> set[str]:
    """Copies files of an archive to a folder; returns their names in the archive.

    Args:
        archive: of the package.
        package: for the sentence.
        place: name in the archive -> path below the folder; None: it is left out.
        folder: gets the files.
    """
    command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
    found = set()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        with tarfile.open(fileobj=process.stdout, mode="r|") as packed:
            for name, source in _iter_files(packed):
                path = place(name)
                if path is not None:
                    _write(source, folder / path)
                    found.add(name)
        # What lies behind the end of the archive, so that the process can end.
        shutil.copyfileobj(process.stdout, _Nowhere())
    if process.returncode:
        raise ValueError(f"{package.name} holds no readable files.")
    return found


def _iter_files(packed: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes]]]:
    """Yields name and content of each file of an archive that comes as a stream."""
    for member in packed:
        if member.isfile():
            source = packed.extractfile(member)
            assert source is not None
            yield member.name, source


def _write(source: IO[bytes], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial, partial.open("wb") as target:
        shutil.copyfileobj(source, target)


class _Nowhere:
    def write(self, data: bytes) -> int:
        return len(data)
