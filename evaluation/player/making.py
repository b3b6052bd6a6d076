"""Makes the page of a run.

Axes: N sounds, T frames, Z numbers of a sound.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from configs import Config, GenerationSettings, GeneratorSettings
from configs.generator import SPECTRUM_HOP, SPECTRUM_WINDOW, STRIDE, TAPS
from data_prep.audio.activity import INAUDIBLE_DBFS
from data_prep.runtime.quantities import pluralized
from data_prep.storage.files import replacing
from evaluation.player.axes import (
    Floats,
    axes_of_prior,
    axes_of_sounds,
    map_limits,
    principal_axes,
)
from evaluation.player.packing import as_packed, num_letters, pack
from evaluation.player.page import Contents, to_html
from trainer.loop.checkpoints import restore_network
from trainer.loop.workdir import TrainingRun
from trainer.networks.generator.network import Generator, make_network
from trainer.tasks.generation.making import Maker
from trainer.tasks.generation.sounds import classes_of, load_sounds

# A page with more letters holds its weights in float16.
_MOST_LETTERS = 20_000_000
# Of the template, the style and the scripts, generously.
_OTHER_LETTERS = 120_000
# Of the end of a sound that is dropped, as data_prep prepares one-shots.
_FADE_SECS = 0.005
# What browsers play.
_LEAST_RATE = 3000
_MOST_RATE = 768_000


class TrainingSounds(NamedTuple):
    """Holds the sounds of which a network learnt; none where it hears none."""

    names: list[str]
    # One a sound, which may be empty.
    classes: list[str]
    # (N, Z)
    latents: Floats


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
        ValueError: the run has no such checkpoint, its records are gone, or no browser plays sounds
            of its rate.
    """
    rate = run.config.audio.sample_rate
    if not _LEAST_RATE <= rate <= _MOST_RATE:
        raise ValueError(
            f"{workdir} makes sounds of {rate:,} frames a second; expected {_LEAST_RATE:,} to "
            f"{_MOST_RATE:,}, which browsers play."
        )
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


def make_contents(
    config: Config,
    network: Generator,
    sounds: TrainingSounds,
    steps: int,
    value_bytes: int,
    command: str,
) -> Contents:
    """Makes all that a page holds.

    Args:
        config: of the run.
        network: its weights are as the page will read them.
        sounds: of the map.
        steps: that the network has learnt.
        value_bytes: 4 for float32, 2 for float16.
        command: that made the page.
    """
    assert isinstance(config.task, GenerationSettings)
    latents = sounds.latents
    if len(latents):
        axes = axes_of_sounds(latents)
        start = latents.mean(axis=0)
    else:
        axes = axes_of_prior(network.settings.latents, config.task.prior)
        start = axes.middle
    numbers = {
        "sounds": latents,
        "start": start,
        "middle": axes.middle,
        "directions": axes.directions,
        "spreads": axes.spreads,
        "limits": map_limits(axes, latents),
    }
    if config.task.method == "autoencoder":
        numbers |= _dice_of(latents)
    weights = {variable.path: np.asarray(variable) for variable in network.variables}
    packed_weights = pack(weights, value_bytes)
    packed_numbers = pack(numbers, 4)
    classes = sorted(set(sounds.classes))
    described = {
        "name": config.name,
        **_describe(config, network.settings),
        "classes": classes,
        "names": sounds.names,
        "class_numbers": [classes.index(each) for each in sounds.classes],
        "weights": packed_weights.described,
        "numbers": packed_numbers.described,
    }
    return Contents(
        title=config.name,
        subtitle=_subtitle(network, sounds, steps, value_bytes),
        num_latents=network.settings.latents,
        num_directions=len(axes.directions),
        has_sounds=bool(len(latents)),
        has_encoder=network.encoder is not None,
        command=command,
        described=described,
        weights=packed_weights.text,
        numbers=packed_numbers.text,
    )


def _dice_of(latents: Floats) -> dict[str, Floats]:
    """Returns what numbers by dice are made of, as ``Maker.draw`` draws those of an autoencoder.

    Normal numbers times ``dice`` (K, Z), and ``dice_middle`` (Z,), have mean and covariance of the
    sounds.
    """
    axes = principal_axes(latents)
    # Of N sounds, the variance is estimated with N - 1.
    unbiased = np.sqrt(len(latents) / max(1, len(latents) - 1))
    dice = axes.directions * axes.spreads[:, None] * unbiased
    return {"dice_middle": axes.middle, "dice": dice.astype(np.float32)}


def _describe(config: Config, model: GeneratorSettings) -> dict[str, Any]:
    """Returns what the scripts must know of network, task and sounds."""
    assert isinstance(config.task, GenerationSettings)
    rate = config.audio.sample_rate
    return {
        "model": {
            "num_frames": model.num_frames,
            "latents": model.latents,
            "body": model.body,
            "units": list(model.units),
            "activation": model.activation,
            "num_columns": model.num_columns,
            "num_levels": model.num_levels,
            "hears": model.hears,
            "stride": STRIDE,
            "taps": TAPS,
            "spectrum_window": SPECTRUM_WINDOW,
            "spectrum_hop": SPECTRUM_HOP,
        },
        "method": config.task.method,
        "prior": config.task.prior,
        "sample_rate": rate,
        "attack_frame": round(config.task.attack_secs * rate),
        "fade_frames": round(_FADE_SECS * rate),
        "inaudible": 10 ** (INAUDIBLE_DBFS / 20),
    }


def _subtitle(network: Generator, sounds: TrainingSounds, steps: int, value_bytes: int) -> str:
    parts = [
        "One-shots to play",
        f"step {steps:,}",
        pluralized(network.settings.latents, "number"),
    ]
    if sounds.names:
        parts.append(pluralized(len(sounds.names), "training sound"))
    parts.append(f"{pluralized(network.count_params(), 'parameter')} in float{8 * value_bytes}")
    return " · ".join(parts)
