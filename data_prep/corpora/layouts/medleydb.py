"""Declares MedleyDB: a folder per song with its mix and its stems, and metadata in YAML.

Bittner, Salamon, Tierney, Mauch, Cannam, Bello, "MedleyDB: A Multitrack Dataset for
Annotation-Intensive MIR Research", ISMIR 2014. Stereo, 44.1 kHz. A mix was mastered: it is not the
sum of its stems. A song is called ARTIST_TITLE.
"""

from collections.abc import Iterator
from pathlib import Path

from data_prep.corpora.layouts.layout import Layout
from data_prep.corpora.layouts.sidecars import Fields
from data_prep.corpora.layouts.tracks import Part

# 122 of version 1 and 74 of version 2.
NUM_TRACKS = 196
SAMPLE_RATE = 44100
LEFT_OUT = {"*_RAW": "stems are mixed from them"}


def _parts(folder: Path, fields: Fields) -> Iterator[Part]:
    has_bleed = fields.flag("has_bleed")
    for _, stem in fields.entries("stems"):
        path = folder / f"{folder.name}_STEMS" / stem.file_name("filename")
        yield Part(stem.text("instrument"), path, has_bleed=has_bleed)


LAYOUT = Layout(
    title="MedleyDB",
    expected=(
        "Audio with folders such as LizNelson_Rainfall, and LizNelson_Rainfall_METADATA.yaml in "
        "the folder of the song or in Metadata beside Audio"
    ),
    places=("Audio/{artist}_{title}",),
    sidecars=("{place}/{track}_METADATA.yaml", "Metadata/{track}_METADATA.yaml"),
    parts=_parts,
    mixture="{track}_MIX.wav",
    group="artist",
    names="medleydb",
)
