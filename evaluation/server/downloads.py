"""Makes files to take away, and tickets by which a browser fetches each, once.

A link cannot bring the token, and a page that fetched a file itself would hold it in memory.
"""

import secrets
import shutil
import time
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from configs.instruments import ALL
from data_prep.audio.encoding import FORMATS, require_writable
from data_prep.storage.files import replacing
from evaluation.server.song import Song
from evaluation.songs.places import plain, track_name
from evaluation.songs.stems import encode, level_gain

_VALID_SECS = 60.0
# The earliest that an archive can state: the same stems give the same bytes.
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


class Download(NamedTuple):
    """Is a file to take away, and the name that it goes by."""

    path: Path
    name: str


class Tickets:
    """Knows which files may be fetched once, by words that nobody can guess."""

    def __init__(self) -> None:
        """Begins without tickets."""
        self._issued: dict[str, tuple[Download, float]] = {}
        self._lock = Lock()

    def issue(self, download: Download) -> str:
        """Returns a ticket for a file, which is good for a minute."""
        now = time.monotonic()
        ticket = secrets.token_urlsafe(32)
        with self._lock:
            self._issued = {
                ticket: issued for ticket, issued in self._issued.items() if issued[1] > now
            }
            self._issued[ticket] = (download, now + _VALID_SECS)
        return ticket

    def redeem(self, ticket: str) -> Download | None:
        """Returns the file of a ticket, which is good no more."""
        with self._lock:
            download, until = self._issued.pop(ticket, (None, 0.0))
        return download if time.monotonic() < until else None


def make_download(song: Song, stem: str, form: str) -> Download:
    """Returns a stem of a song in a format, or an archive of all; it is made where it is not there.

    The bytes are those that the command writes.

    Args:
        song: that is separated.
        stem: a name of one of its stems, or ``all``.
        form: one of ``FORMATS``.

    Raises:
        ValueError: there is no such stem or format, or the format cannot hold the song.
        OSError: the disk is full.
    """
    stems = [*song.stems()]
    if not stems:
        raise ValueError("the song has no stems, as nothing was heard in it.")
    if form not in FORMATS:
        raise ValueError(f"no format is called {form!r}; expected one of {', '.join(FORMATS)}.")
    if stem not in (ALL, *stems):
        raise ValueError(f"no stem is called {stem!r}; expected one of {', '.join(stems)}, or all.")
    track = plain(track_name(Path(song.title)))
    suffix = FORMATS[form].suffix
    with song.lock:
        if stem != ALL:
            (file,) = _encoded(song, [stem], form)
            return Download(file, f"{track} - {stem}{suffix}")
        path = song.folder / f"{form}.zip"
        if not path.exists():
            files = _encoded(song, stems, form)
            names = [f"{track}/{plain(each)}{suffix}" for each in stems]
            _pack(files, names, path)
        return Download(path, f"{track}.zip")


def _encoded(song: Song, stems: Sequence[str], form: str) -> list[Path]:
    """Returns the files of stems in a format."""
    wholes = [song.stems()[stem] for stem in stems]
    assert song.made is not None
    assert song.audio_format is not None
    if form == "wav":
        return wholes
    require_writable(form, song.audio_format)
    paths = {whole: whole.with_name(f"{whole.stem}.{form}") for whole in wholes}
    missing = {whole: path for whole, path in paths.items() if not path.exists()}
    if missing:
        gain = level_gain(song.made.peak, form, "rescale")
        with ExitStack() as stack:
            partials = {
                whole: stack.enter_context(replacing(path, flush=False))
                for whole, path in missing.items()
            }
            encode(partials, form, gain, song.tags)
    return [*paths.values()]


def _pack(files: Sequence[Path], names: Sequence[str], path: Path) -> None:
    with (
        replacing(path, flush=False) as partial,
        zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive,
    ):
        for file, name in zip(files, names, strict=True):
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            with file.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target)
