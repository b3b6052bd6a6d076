"""Makes sound of which nobody can learn an order, as a run hears it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from configs import Config, OrderingSettings
from data_prep.audio.loading import load_track
from data_prep.audio.tracks import AudioFormat, TrackFiles, Waveform
from data_prep.synthesis.controls import KINDS, write_control

# A steady sound is the same everywhere; so many make other phases and noises.
NUM_PIECES = 3
# Of a piece, at least, and puzzles that it is as long as.
_SECS = 20.0
_NUM_PUZZLES = 2
_SEED = 0


def iter_controls(config: Config) -> Iterator[tuple[str, list[Waveform]]]:
    """Yields the name of each control, and its pieces (T, C) at the rate and channels of a run.

    They are files, decoded as others are: coded noise went through a codec.
    """
    audio_format = AudioFormat(config.audio.sample_rate, config.audio.channels)
    assert isinstance(config.task, OrderingSettings)
    secs = max(_SECS, _NUM_PUZZLES * config.task.longest_secs)
    rng = np.random.default_rng(_SEED)
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            place = Path(folder) / kind
            place.mkdir()
            write_control(place, kind, NUM_PIECES, secs, rng)
            pieces = [
                load_track(TrackFiles(name=path.stem, split=None, mixture=path), audio_format)
                for path in sorted(place.iterdir())
            ]
            yield kind.replace("_", " "), [piece.mixture for piece in pieces]
