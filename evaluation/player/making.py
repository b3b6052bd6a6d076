"""Makes the page of a run.

Axes: N sounds, T frames, Z numbers of a sound.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from data_prep.runtime.quantities import pluralized
from data_prep.storage.files import replacing
from evaluation.player.packing import as_packed, num_letters
from evaluation.player.page import TrainingSounds, make_contents, to_html
from trainer.loop.checkpoints import restore_network
from trainer.loop.workdir import TrainingRun
from trainer.networks.generator.network import Generator, make_network
from trainer.tasks.generation.making import Maker
from trainer.tasks.generation.sounds import classes_of, load_sounds

# A page with more letters holds its weights in float16.
_MOST_LETTERS = 20_000_000
# Of the template, the style and the scripts, generously.
_OTHER_LETTERS = 120_000
# What every browser plays, by the standard (Web Audio API, createBuffer); some play more.
_LEAST_RATE = 8000
_MOST_RATE = 96_000


def write_page(
    run: TrainingRun,
    workdir: str,
    checkpoint: str,
    weights: str,
    out: Path,
    in_halves: bool,
    command: str,
) -> None:
    """Writes the page of a run.

    Args:
        run: of one-shots.
        workdir: its folder.
        checkpoint: best, latest, or a number of steps.
        weights: average or raw.
        out: the file.
        in_halves: whether its weights are float16 though float32 would fit.
        command: that made the page.

    Raises:
        ValueError: the run has no such checkpoint, its records are gone, or not every browser plays
            sounds of its rate.
    """
    _require_playable(run, workdir)
    # The page computes in float32, whatever the run did.
    config = replace(run.config, train=replace(run.config.train, compute_dtype="float32"))
    network = make_network(config)
    steps = restore_network(workdir, network, checkpoint, weights)
    value_bytes = _fitting(network, run, in_halves)
    # The dots then lie where the page itself would put their sounds.
    for variable in network.variables:
        variable.assign(as_packed(np.asarray(variable), value_bytes, variable.path))
    sounds = hear_training_sounds(run, Maker(config, network))
    page = to_html(make_contents(config, network, sounds, steps, value_bytes, command))
    with replacing(out) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="xmlcharrefreplace", newline="\n")


def _require_playable(run: TrainingRun, workdir: str) -> None:
    rate = run.config.audio.sample_rate
    if not _LEAST_RATE <= rate <= _MOST_RATE:
        raise ValueError(
            f"{workdir} makes sounds of {rate:,} frames a second; expected {_LEAST_RATE:,} to "
            f"{_MOST_RATE:,}, which every browser plays."
        )


def _fitting(network: Generator, run: TrainingRun, in_halves: bool) -> int:
    """Returns the bytes of a weight: 4 where the page then is small enough, else 2; says so."""
    num_parameters = network.count_params()
    tracks = run.manifest.tracks("train")
    others = _OTHER_LETTERS + sum(len(track.name) + 20 for track in tracks)
    others += num_letters(len(tracks) * network.settings.latents, 4)
    value_bytes = 4
    if in_halves or num_letters(num_parameters, 4) + others > _MOST_LETTERS:
        value_bytes = 2
        megabytes = (num_letters(num_parameters, 2) + others) / 1e6
        print(
            f"The network has {pluralized(num_parameters, 'parameter')}: the page has about "
            f"{megabytes:.1f} MB, its weights in float16.",
            flush=True,
        )
    return value_bytes


def hear_training_sounds(run: TrainingRun, maker: Maker) -> TrainingSounds:
    """Returns the training sounds of a run as its network hears them.

    Raises:
        ValueError: the records are gone, or are others than those of the run.
    """
    if not maker.hears:
        return TrainingSounds([], [], np.zeros((0, maker.network.settings.latents), np.float32))
    names, waveforms = load_sounds(run.manifest, run.records, "train")
    return TrainingSounds(names, classes_of(run.manifest, "train"), maker.hear(waveforms))
