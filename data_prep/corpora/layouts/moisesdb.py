"""Declares MoisesDB: a folder per song with ``data.json`` and a folder per stem; no mixtures.

Pereira, Araújo, Korzeniowski, Vogl, "MoisesDB: A dataset for source separation beyond 4-stems",
ISMIR 2023. Stereo or mono, 44.1 kHz. The recordings of a stem are parts of one source.
"""

from collections.abc import Iterator
from pathlib import Path

from data_prep.corpora.layouts.layout import Layout
from data_prep.corpora.layouts.sidecars import Fields
from data_prep.corpora.layouts.tracks import Part

NUM_TRACKS = 240
SAMPLE_RATE = 44100


def _parts(folder: Path, fields: Fields) -> Iterator[Part]:
    for _, stem in fields.entries("stems"):
        name = stem.file_name("stemName")
        for _, track in stem.entries("tracks"):
            file = f"{track.file_name('id')}.{track.file_name('extension')}"
            has_bleed = track.flag("has_bleed", missing=False)
            yield Part(name, folder / name / file, has_bleed=has_bleed)


LAYOUT = Layout(
    title="MoisesDB",
    expected="moisesdb_v0.1 with a folder per song, which has data.json and its stems in it",
    places=("moisesdb_v0.1/{track}", "{track}"),
    sidecars=("{place}/data.json",),
    parts=_parts,
    mono_is_stereo=True,
    group="artist",
    names="moisesdb",
)
