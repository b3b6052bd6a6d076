"""Brings spoken sentences of two telephone exchanges, one speaker and language each."""

from pathlib import Path

import numpy as np

from benchmarks.corpora.debian_sounds import Package, fetch_all
from data_prep.audio.tracks import Waveform
from data_prep.audio.waveforms import read_sound

ENGLISH = "english"
FRENCH = "french"
SAMPLE_RATE = 8000
# In the folder of a speaker; nobody speaks in them.
_TONES = ("ascending-2tone", "beep", "beeperr", "descending-2tone")
_SILENCE = "silence"

PACKAGES = {
    ENGLISH: Package(
        "asterisk-core-sounds-en-wav",
        "1.6.1-1",
        "2be3ea287d83299d143815fa804f11179a75b7affd4a758b98b55f5afc18a35d",
        "CC-BY-SA",
        "usr/share/asterisk/sounds/en_US_f_Allison",
    ),
    FRENCH: Package(
        "asterisk-core-sounds-fr-wav",
        "1.6.1-1",
        "8d4e1bc32ed5ba7fbda40841ca1825ed20cc6232724a473c90f8bb0e53e6073e",
        "CC-BY-SA",
        "usr/share/asterisk/sounds/fr_CA_f_June",
    ),
}


def fetch_prompts(folder: Path, language: str) -> list[Path]:
    """Fetches the prompts of a language to FOLDER/LANGUAGE; returns those that are speech."""
    fetch_all(PACKAGES[language], ".wav", folder / language)
    paths = sorted((folder / language).rglob("*.wav"))
    return [path for path in paths if path.stem not in _TONES and path.parent.name != _SILENCE]


def one_after_the_other(paths: list[Path], seed: int) -> Waveform:
    """Returns prompts in an order drawn with a seed, as one waveform (T, 1).

    Raises:
        ValueError: one is of another rate than all.
    """
    order = np.random.default_rng(seed).permutation(len(paths))
    spoken = []
    for number in order:
        waveform, rate = read_sound(paths[number])
        if rate != SAMPLE_RATE:
            raise ValueError(f"{paths[number]} is of {rate} Hz; expected {SAMPLE_RATE}.")
        spoken.append(waveform)
    return np.concatenate(spoken)
