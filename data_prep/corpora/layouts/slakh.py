"""Declares Slakh2100: MIDI rendered by samplers, with ``metadata.yaml`` per track and its notes.

Manilow, Wichern, Seetharaman, Le Roux, "Cutting Music Source Separation Some Slakh", WASPAA 2019.
Mono, 44.1 kHz. Sources are called CLASS: PROGRAM, as "Guitar: Distortion Guitar".
"""

from collections.abc import Iterator
from pathlib import Path

from data_prep.corpora.layouts.layout import Layout
from data_prep.corpora.layouts.sidecars import Fields
from data_prep.corpora.layouts.tracks import Part

# Those of redux, without the tracks that it omits.
NUM_TRACKS = 1710
SAMPLE_RATE = 44100
LEFT_OUT = {"omitted": "redux leaves them out, as their MIDI occurs in others"}


def _parts(folder: Path, fields: Fields) -> Iterator[Part]:
    for name, stem in fields.entries("stems"):
        # Some were not rendered: there is no file.
        if stem.flag("audio_rendered"):
            kind = f"{stem.text('inst_class')}: {stem.text('midi_program_name')}"
            notes = folder / "MIDI" / f"{name}.mid"
            saved = notes if stem.flag("midi_saved", missing=True) else None
            yield Part(kind, folder / "stems" / f"{name}.flac", saved)


LAYOUT = Layout(
    title="Slakh2100",
    expected="train, validation and test with folders such as Track00001, each with metadata.yaml",
    places=("{split}/{track}", "slakh2100_flac_redux/{split}/{track}"),
    sidecars=("{place}/metadata.yaml",),
    parts=_parts,
    mixture="mix.flac",
    splits={"train": "train", "validation": "valid", "test": "test"},
    names="slakh",
)
