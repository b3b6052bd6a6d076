"""Holds sets of one-shots with what is known of them, of records or made.

Axes: N sounds, T frames, J columns, F bins.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from data_prep.records.manifest import Manifest
from trainer.tasks.generation.distances import Levels, spectral_levels
from trainer.tasks.generation.sounds import Sounds, classes_of, load_sounds

# Analysed at a time: the spectra of all would take much memory.
_BATCH = 64


@dataclass(frozen=True)
class SoundSet:
    """Holds sounds; those that were made have neither names nor classes."""

    # (N, T), full scale is 1.
    sounds: Sounds
    names: Sequence[str] = ()
    # The first tag of each, or an empty word.
    classes: Sequence[str] = ()

    def __len__(self) -> int:
        """Returns N."""
        return len(self.sounds)

    @cached_property
    def levels(self) -> Levels:
        """Returns their levels, (N, J, F), in dB."""
        starts = range(0, len(self.sounds), _BATCH)
        return np.concatenate([spectral_levels(self.sounds[i : i + _BATCH]) for i in starts])

    @property
    def kits(self) -> list[str]:
        """Returns the kit of each; a sound without one is a kit of its own.

        A name is KIT/CLASS/NAME, or CLASS/NAME where there is no kit.
        """
        return [_kit_of(name) for name in self.names]

    def where(self, is_kept: NDArray[np.bool_]) -> "SoundSet":
        """Returns some sounds of a set whose sounds have names: those of True, (N,)."""
        kept = np.flatnonzero(is_kept)
        names = [self.names[i] for i in kept]
        return SoundSet(self.sounds[kept], names, [self.classes[i] for i in kept])


def _kit_of(name: str) -> str:
    parts = name.split("/")
    return parts[0] if len(parts) > 2 else name


def read_set(manifest: Manifest, folder: str, split: str) -> SoundSet:
    """Reads the one-shots of a split.

    Raises:
        ValueError: a record cannot be read.
    """
    names, sounds = load_sounds(manifest, folder, split)
    tracks = (track.name for track in manifest.tracks(split))
    class_by_name = dict(zip(tracks, classes_of(manifest, split), strict=True))
    return SoundSet(sounds, names, [class_by_name[name] for name in names])


def join(sets: Sequence[SoundSet]) -> SoundSet:
    """Returns the sounds of several sets, or of none, as one."""
    if not sets:
        return SoundSet(np.zeros((0, 0), np.float32))
    names = [name for each in sets for name in each.names]
    classes = [name for each in sets for name in each.classes]
    return SoundSet(np.concatenate([each.sounds for each in sets]), names, classes)
