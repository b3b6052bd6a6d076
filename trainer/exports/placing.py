"""Puts the exports of a run into a folder on a disk or in a bucket, all of them or none."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from data_prep.storage import Folder, open_folder
from data_prep.storage.files import checksum, in_the_making
from data_prep.storage.folder import making
from trainer.exports import card, rows
from trainer.exports.exporting import Exporter
from trainer.exports.formats import FORMATS, SAVED_MODEL
from trainer.exports.rows import Row


def require_own(folder: Folder, names: Sequence[str]) -> list[Row]:
    """Returns what is known of the exports in a folder.

    Raises:
        ValueError: a file would be written over that no export has made.
    """
    text = folder.read_text(rows.FILE_NAME)
    files = [FORMATS[name].file for name in names if name != SAVED_MODEL]
    strange = [file for file in (*files, card.FILE_NAME) if folder.stat(file) is not None]
    if text is None and strange:
        raise ValueError(
            f"{folder.url}/{strange[0]} is there and no export made it, as there is no "
            f"{rows.FILE_NAME}; choose another --out."
        )
    return rows.read_rows(folder)


def export_files(exporter: Exporter, names: Sequence[str], out: str) -> list[Row]:
    """Writes exports and their model card; nothing before all of them are made and checked.

    Args:
        exporter: makes them.
        names: of the formats.
        out: the folder.

    Returns:
        What is known of all exports there, those of former calls too.

    Raises:
        ValueError: one is not the network, or something else lies in its place.
    """
    folder = open_folder(out)
    before = require_own(folder, names)
    with _scratch() as scratch:
        paths = {name: scratch / FORMATS[name].file for name in names if name != SAVED_MODEL}
        made = [exporter.write_file(name, path) for name, path in paths.items()]
        if SAVED_MODEL in names:
            made.append(exporter.write_saved_model(f"{out}/{FORMATS[SAVED_MODEL].file}"))
        found = rows.merge(before, made)
        # Before anything is changed, as files of the run may be damaged.
        text = card.model_card(
            exporter.workdir, exporter.run, exporter.about, exporter.num_weights, found
        )
        with closing(folder):
            # While the card is there, it belongs to the files; and no file is there of which the
            # next call would not know that it is an export, if this one is killed.
            folder.delete(card.FILE_NAME)
            known = [_with_checksum(row, folder, paths.get(row.format)) for row in found]
            folder.write_text(rows.FILE_NAME, rows.to_json(known, exporter.about))
            for path in paths.values():
                with making(folder, path.name) as target:
                    shutil.copyfile(path, target)
            folder.write_text(card.FILE_NAME, text)
    return found


@contextmanager
def _scratch() -> Iterator[Path]:
    """Yields a temporary folder; those that killed commands left there are deleted."""
    path = in_the_making(Path(tempfile.gettempdir(), "source-separation-export"))
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def _with_checksum(row: Row, folder: Folder, path: Path | None) -> Row:
    """Returns a row with the checksum of its file, which lies at a path or in the folder."""
    if path is not None:
        return replace(row, crc32c=checksum(path).crc32c)
    return replace(row, crc32c=rows.checksum_of(folder, row.format) or "")
