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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
    files: Mapping[str, str]


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
    command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        wanted = {f"./{package.root}/{name}": folder / package.files[name] for name in names}
        with tarfile.open(fileobj=process.stdout, mode="r|") as packed:
            for member in packed:
                path = wanted.pop(member.name, None)
                if path is None:
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                source = packed.extractfile(member)
                assert source is not None
                with replacing(path) as partial, partial.open("wb") as target:
                    shutil.copyfileobj(source, target)
        assert process.stdout is not None
        # What lies behind the end of the archive, so that the process can end.
        shutil.copyfileobj(process.stdout, _Nowhere())
    if process.returncode or wanted:
        raise ValueError(f"{package.name} holds no {', '.join(wanted) or 'readable files'}.")


class _Nowhere:
    def write(self, data: bytes) -> int:
        return len(data)
