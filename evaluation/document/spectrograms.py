"""Holds spectrograms that stand side by side on a page, to be compared by eye."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spectrogram:
    """Is the picture of a sound."""

    title: str
    # A data URI, so that the page needs no other file.
    picture: str
    # In pixels.
    width: int
    height: int
    # The picture in words.
    alternative: str
    # What is known of the sound beside what the picture shows.
    caption: str


@dataclass(frozen=True)
class Spectrograms:
    """Holds pictures of the same seconds, which share their axes and their scale of colours."""

    title: str
    pictures: Sequence[Spectrogram]
    # Frequencies, each with how far up the pictures it lies as a share of their height.
    frequencies: Sequence[tuple[str, float]]
    # Moments, each with how far to the right it lies as a share of the width.
    moments: Sequence[tuple[str, float]]
    # From dark to bright, at even distances on a scale in dB; and what its two ends mean.
    colours: Sequence[str]
    darkest: str
    brightest: str
