"""Measures what a recurrent network of masks loses where its windows read less on each side.

    python -m benchmarks.trained.recurrent_context --workdir=runs/vocals_lstm song.wav
    python -m benchmarks.trained.recurrent_context --untrained --config=vocals_lstm

A song, or 12 s of noise, is estimated in windows of 3 s, which read more and more columns on each
side, and in one window of its whole length. Printed is how far the latter, over all sources, is
above the difference.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import soxr

from configs import Config
from configs.networks import StftMaskSettings
from data_prep.audio.conversion import to_mono
from data_prep.audio.tracks import Waveform
from data_prep.audio.waveforms import read_sound
from data_prep.runtime import command
from evaluation.songs.separator_flags import define_separator_flags, named_network
from trainer.inference.separator import Separator
from trainer.inference.tiling import make_block_estimator
from trainer.networks import make_network

# On each side; the last one stands for all there are.
_COLUMNS = (0, 15, 30, 60, 120)
_WINDOW_SECS = 3.0
_NOISE_SECS = 12.0


def _hear(paths: Sequence[str], config: Config) -> Waveform:
    audio = config.audio
    if paths:
        song, rate = read_sound(Path(paths[0]))
        if audio.channels == 1:
            song = to_mono(song)
        return soxr.resample(song, rate, audio.sample_rate)
    shape = (int(_NOISE_SECS * audio.sample_rate), audio.channels)
    return np.random.default_rng(0).uniform(-0.3, 0.3, shape).astype(np.float32)


def _estimate(
    config: Config, columns: int, weights: Sequence[Waveform], sound: Waveform, frames: int
) -> Waveform:
    """Estimates a sound in windows that estimate so many frames and read so many columns."""
    model = config.model
    assert isinstance(model, StftMaskSettings)
    # No records are read, whose context would have to be as long.
    data = replace(config.data, context_frames=(columns + 4) * model.window_frames)
    wider = replace(config, data=data, model=replace(model, context_columns=columns))
    network = make_network(wider)
    network.set_weights(weights)
    estimate = make_block_estimator(network, frames)
    conditions = {}
    if "labels" in network.conditions:
        conditions["labels"] = np.ones(len(config.data.sources), np.float32)
    return np.concatenate(list(estimate([sound[None]], conditions)), axis=2)


def _above(whole: Waveform, difference: Waveform) -> str:
    power = np.square(difference, dtype=np.float64).sum()
    if power == 0:
        return "no difference"
    return f"{10 * np.log10(np.square(whole, dtype=np.float64).sum() / power):.1f} dB"


def main(arguments: Sequence[str]) -> int:
    """Prints a line for every number of columns."""
    named = named_network()
    config = named.config
    model = config.model
    if not isinstance(model, StftMaskSettings) or model.body not in ("lstm", "blstm"):
        raise ValueError(
            f"expected a network of masks with a recurrent body; {config.name} is not."
        )
    separator = named.load()
    assert isinstance(separator, Separator)
    weights = separator.network.get_weights()
    sound = _hear(arguments[1:], config)
    whole = _estimate(config, max(_COLUMNS), weights, sound, len(sound))
    for columns in _COLUMNS:
        frames = int(_WINDOW_SECS * config.audio.sample_rate)
        difference = _estimate(config, columns, weights, sound, frames) - whole
        print(f"{columns:4} columns on each side: {_above(whole, difference)}")
    return command.FINISHED


if __name__ == "__main__":
    define_separator_flags()
    command.run(main, takes_files=True)
