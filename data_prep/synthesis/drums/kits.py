"""Writes kits as folders of wav files, KIT/CLASS/file.wav.

Files are mono, 44.1 kHz and 24 bits, and peak at -1 dB: how loud a drum is, is for its player.
"""

import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from data_prep.audio.waveforms import writing_to
from data_prep.synthesis.drums.dice import draw_kit
from data_prep.synthesis.drums.patch import Patch
from data_prep.synthesis.drums.patch_folder import NamedPatch, class_of
from data_prep.synthesis.drums.render import render

_RATE = 44_100
_BITS = "PCM_24"
_PEAK = 10 ** (-1 / 20)
# What is softer is silence, and not made louder.
_SOFTEST_PEAK = 1e-3


def write_kit(folder: Path, max_secs: float, rng: np.random.Generator) -> None:
    """Writes a kit by dice: CLASS/01.wav and so on.

    Args:
        folder: of the kit.
        max_secs: the longest sound.
        rng: the dice.
    """
    for name, patches in draw_kit(rng).items():
        (folder / name).mkdir()
        for number, patch in enumerate(patches, 1):
            _write_sound(folder / name / f"{number:02d}.wav", patch, max_secs, rng)


def write_kit_of_patches(
    folder: Path, patches: Sequence[NamedPatch], max_secs: float, seed: int
) -> None:
    """Writes a kit of patches: CLASS/01_NAME.wav and so on, numbered within the class.

    Which ones are silent, as where they begin later than their end is cut, is said on stderr.

    Args:
        folder: of the kit.
        patches: of the kit.
        max_secs: the longest sound.
        seed: the dice for noise, which every file has for itself.
    """
    numbers: dict[str, int] = {}
    for path, patch in patches:
        name = class_of(path)
        numbers[name] = numbers.get(name, 0) + 1
        (folder / name).mkdir(exist_ok=True)
        rng = np.random.default_rng([seed, zlib.crc32(path.as_posix().encode())])
        file_name = f"{numbers[name]:02d}_{path.stem}.wav"
        peak = _write_sound(folder / name / file_name, patch, max_secs, rng)
        if peak <= _SOFTEST_PEAK:
            print(f"{path}: silent in its first {max_secs:g} seconds", file=sys.stderr)


def _write_sound(path: Path, patch: Patch, max_secs: float, rng: np.random.Generator) -> float:
    """Writes a sound and returns the peak that it had."""
    sound = render(patch, _RATE, rng, max_secs)
    peak = float(np.abs(sound).max())
    if peak > _SOFTEST_PEAK:
        sound *= _PEAK / peak
    with writing_to(path.parent):
        soundfile.write(path, sound, _RATE, subtype=_BITS)
    return peak
