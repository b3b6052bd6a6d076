"""Hears many files, one after the other; what is wrong with one is no harm to the others."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.audio.decoding import DecodedFile
from data_prep.storage import open_folder
from data_prep.storage.files import checksum
from data_prep.storage.folder import making
from data_prep.storage.lock import keeping
from evaluation.estimates.bars import make_bar
from evaluation.songs.batch import announced_secs
from evaluation.songs.finished import Finished, Listed
from evaluation.songs.places import Place, plain, require_apart, track_name
from evaluation.taggrams.forms import write_form
from evaluation.taggrams.heard import hear_file
from trainer.tasks.tagging.tagger import Tagger

# Its suffix is none of FORMS, so that no song is written over it.
TAGS = Listed("evaluation.tag", "tagged.list", "tags", "another --out")
"""How the list of finished files is called, and what is said of it."""


@dataclass(frozen=True)
class WantedTags:
    """Says what is written of every file, and where."""

    # Of evaluation.taggrams.forms.FORMS.
    forms: Sequence[str]
    # Path or address of a folder.
    out: str
    overwrite: bool = False

    def places(self, path: Path) -> dict[str, Place]:
        """Returns where each form of a file goes."""
        name = plain(track_name(path))
        return {form: Place(self.out, f"{name}.{form}") for form in self.forms}


def tag_files(tagger: Tagger, paths: Sequence[Path], wanted: WantedTags) -> None:
    """Writes what is heard in every file; what is there already is left as it is.

    Args:
        tagger: says what it hears.
        paths: of files of sound.
        wanted: of each.

    Raises:
        ValueError: two files would be written under one name, or some cannot be heard; the others
            are heard first, and of those nothing is written.
    """
    places = {path: wanted.places(path) for path in paths}
    require_apart(places)
    made_by = tagger.identity()
    lengths = {path: announced_secs(path) for path in paths}
    refusals = []
    with make_bar("all files", sum(lengths.values()), stays=False) as bar:
        for path in paths:
            begun_secs = bar.n
            try:
                _tag_file(tagger, path, wanted, places[path], made_by, bar.update)
            except ValueError as error:
                named = str(path) in str(error)
                refusals.append(str(error) if named else f"{path}: {error}")
            finally:
                # A file may be longer or shorter than it says, refused, or there already.
                bar.update(begun_secs + lengths[path] - bar.n)
    if refusals:
        of_all = ""
        if len(paths) > 1:
            of_all = f"{len(refusals)} of {len(paths)} were not heard: "
        raise ValueError(of_all + " ".join(refusals))


def _tag_file(
    tagger: Tagger,
    path: Path,
    wanted: WantedTags,
    places: Mapping[str, Place],
    made_by: Mapping[str, Any],
    progress: Callable[[float], Any],
) -> None:
    """Writes what of one file is not there, all or none of it."""
    # Before any folder is made.
    sound = DecodedFile(path)
    made_of = {"song": checksum(path)._asdict(), "name": path.name, **made_by}
    folder = open_folder(wanted.out)
    with keeping(folder, "--out"):
        finished = Finished(folder, wanted.overwrite, TAGS)
        missing = {
            form: place for form, place in places.items() if finished.lacks(place.file, made_of)
        }
        if not missing:
            sound.close()
            print(f"{path.name}: there already", flush=True)
            return
        heard = hear_file(tagger, sound, progress)
        # Each appears under its name when this stack is left, when all of them are whole.
        with ExitStack() as putting:
            for form, place in missing.items():
                scratch = putting.enter_context(making(folder, place.file))
                write_form(form, heard, tagger, scratch)
                finished.note(place.file, made_of, checksum(scratch))
            finished.write()
    for warning in sound.warnings():
        print(f"warning: {warning}", file=sys.stderr, flush=True)
    print(heard.summary(), flush=True)
