"""Measures what shorter chunks and less overlap cost a network of band-split attention.

    python -m benchmarks.trained.chunks --workdir=runs/bands --records=records/urmp --split=test

The same weights estimate the tracks in chunks of the length that they were trained with, of a half
and a quarter of it, each with one to four chunks over every frame, first of all as the config says.
Printed are the improvement over the mixture (the median over segments in which several sources
sound), what it is beside the first, the time, and the jump at borders of chunks: the root mean
square of the differences of neighbouring frames across the borders, beside that of all other
neighbours, in dB. Above 0 dB a border is rougher than the estimate is elsewhere.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
from absl import flags

from configs import Config
from configs.band_split import BandSplitSettings
from configs.splits import SPLITS
from data_prep.audio.tracks import Waveform
from data_prep.records.full_tracks import iter_full_tracks
from data_prep.records.manifest import load_manifest
from data_prep.runtime import command
from trainer.inference.separator import Separator
from trainer.loop.checkpoints import restore_network
from trainer.loop.workdir import load_run
from trainer.networks import make_network
from trainer.tasks.separation.validation import improvements

FLAGS = flags.FLAGS
_PARTS = (1, 2, 4)
_OVERLAPS = (1, 2, 4)


def _jump_db(estimates: Waveform, hop: int) -> float:
    """Returns how much rougher estimates (K, T, C) are at multiples of a hop than elsewhere."""
    # At i the difference of frames i and i + 1.
    squares = np.square(np.diff(estimates, axis=1)).mean(axis=(0, 2))
    is_border = np.arange(1, len(squares) + 1) % hop == 0
    return float(10 * np.log10(squares[is_border].mean() / squares[~is_border].mean()))


def _with_chunks(config: Config, num_frames: int, overlap: int) -> Config:
    model = config.model
    assert isinstance(model, BandSplitSettings)
    return replace(config, model=replace(model, estimate_frames=num_frames, overlap=overlap))


def main(_: Sequence[str]) -> int:
    """Prints a line for every length and overlap."""
    config = load_run(FLAGS.workdir).config
    if not isinstance(config.model, BandSplitSettings):
        raise ValueError(f"expected a run of band-split attention; {FLAGS.workdir} is none.")
    trained = make_network(config)
    restore_network(FLAGS.workdir, trained, FLAGS.checkpoint)
    weights = trained.get_weights()
    manifest = load_manifest(FLAGS.records)
    manifest.require(config, FLAGS.records)
    tracks = list(iter_full_tracks(manifest, FLAGS.records, FLAGS.split))
    print(f"{'chunk':>8}{'overlap':>9}{'improvement':>13}{'beside':>9}{'jump':>11}{'seconds':>9}")
    first = None
    as_configured = (1, config.model.overlap)
    others = [choice for choice in product(_PARTS, _OVERLAPS) if choice != as_configured]
    for parts, overlap in [as_configured, *others]:
        own = _with_chunks(config, config.model.estimate_frames // parts, overlap)
        network = make_network(own)
        network.set_weights(weights)
        separator = Separator(own, network)
        started = time.perf_counter()
        estimates = [separator.estimate(track.mixture, track.labels) for track in tracks]
        secs = time.perf_counter() - started
        pairs = list(zip(tracks, estimates, strict=True))
        found = np.concatenate([improvements(track, each, own) for track, each in pairs])
        improvement = float(np.median(found))
        first = improvement if first is None else first
        window = network.window()
        jump = np.median([_jump_db(each, window.hop_frames) for _, each in pairs])
        length = f"{window.estimate_frames / own.audio.sample_rate:.2f} s"
        line = f"{length:>8}{overlap:>9}{improvement:>10.2f} dB{improvement - first:>+9.2f}"
        print(f"{line}{jump:>+8.2f} dB{secs:>9.1f}", flush=True)
    return command.FINISHED


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "folder of the run", required=True)
    flags.DEFINE_string("records", None, "folder of the records", required=True)
    flags.DEFINE_enum("split", "test", SPLITS, "which tracks to estimate")
    flags.DEFINE_string("checkpoint", "latest", "best (in validation), latest, or a number")
    command.run(main)
