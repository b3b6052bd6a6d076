"""Computes the features of a file of sound of any kind, in bounded memory."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.audio.activity import INAUDIBLE_DBFS, peak
from data_prep.audio.decoding import DecodedFile
from data_prep.audio.tracks import Waveform
from evaluation.classes.kept import Heard, KeptFeatures, sha256_of
from evaluation.classes.mfcc import NUM_FEATURES, RunningMfcc

# It imports TensorFlow, for which a command that is refused does not wait.
if TYPE_CHECKING:
    from trainer.inference.layer_features import LayerFeatures

# Of a shorter sound one window of coefficients is more than all.
SHORTEST_SECS = 0.1


class Ear:
    """Is what hears files: layers of a tagger and coefficients, of which both are kept."""

    def __init__(self, layers: LayerFeatures, folder: Path, required: bool = False) -> None:
        """Makes the ear of a tagger.

        Args:
            layers: of the tagger.
            folder: where features are kept.
            required: whether it is an error that nothing can be written there.
        """
        self._layers = layers
        sizes = (sum(layers.sizes), NUM_FEATURES)
        self._kept = KeptFeatures(folder, layers.checksum(), sizes, required)

    def hear(self, path: Path) -> Heard:
        """Returns the features of a file, those that are kept or new ones.

        Raises:
            ValueError: it is no file of sound, holds none, or too little.
        """
        if not path.is_file():
            raise ValueError(f"there is no file {path}.")
        sha256 = sha256_of(path)
        heard = self._kept.read(sha256)
        if heard is None:
            heard = self._compute(path, sha256)
            self._kept.keep(heard)
        return heard

    def _compute(self, path: Path, sha256: str) -> Heard:
        from trainer.inference import streams

        sound = DecodedFile(path)
        rate = sound.audio_format.sample_rate
        level = _Level(sound.iter_blocks())
        mfcc = RunningMfcc(self._layers.sample_rate)
        try:
            mono = streams.mono_at(level, rate, self._layers.sample_rate)
            # Both hear the same, at the rate of the tagger.
            layers = self._layers.of_mono(mfcc.watch(mono))
        finally:
            sound.close()
        if level.num_frames < SHORTEST_SECS * rate:
            raise ValueError(
                f"{path} is too short: {level.num_frames / rate:.3f} s of sound, expected at least "
                f"{SHORTEST_SECS} s."
            )
        if level.peak <= 10 ** (INAUDIBLE_DBFS / 20):
            raise ValueError(
                f"{path} is silent: it stays below {INAUDIBLE_DBFS:.0f} dB of full scale."
            )
        for warning in sound.warnings():
            print(f"warning: {warning}", file=sys.stderr, flush=True)
        return Heard(sha256, layers, mfcc.features())


class _Level:
    """Measures blocks (frames, C) on their way."""

    def __init__(self, blocks: Iterable[Waveform]) -> None:
        self._blocks = blocks
        self.num_frames = 0
        self.peak = 0.0

    def __iter__(self) -> Iterator[Waveform]:
        for block in self._blocks:
            self.num_frames += len(block)
            self.peak = max(self.peak, peak(block))
            yield block
