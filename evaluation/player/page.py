"""Makes the text of a page that plays one-shots: all that it needs is in it.

Axes: N sounds, Z numbers of a sound.
"""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import numpy as np
from markupsafe import Markup

from configs import Config, GenerationSettings, GeneratorSettings
from configs.generator import SPECTRUM_HOP, SPECTRUM_WINDOW, STRIDE, TAPS
from data_prep.audio.activity import INAUDIBLE_DBFS
from data_prep.runtime.quantities import pluralized
from data_prep.shots.shaping import FADE_SECS
from evaluation.player.axes import (
    Floats,
    axes_of_prior,
    axes_of_sounds,
    map_limits,
    principal_axes,
)
from evaluation.player.packing import pack
from trainer.networks.generator.network import Generator

# The template, the style and the scripts lie beside this module.
_FOLDER = Path(__file__).parent
# Of the network, which are those of the worker, too; each may use what stands in those before it.
_OF_NETWORK = ("arrays", "spectrum", "network")
_SCRIPTS = (*_OF_NETWORK, "engine", "sounds", "pictures", "map", "own", "page")


class TrainingSounds(NamedTuple):
    """Holds the sounds of which a network learnt; none where it hears none."""

    names: list[str]
    # One a sound, which may be empty.
    classes: list[str]
    # (N, Z)
    latents: Floats


class Contents(NamedTuple):
    """Holds all that is different from page to page."""

    title: str
    subtitle: str
    num_latents: int
    num_directions: int
    has_sounds: bool
    has_encoder: bool
    command: str
    # What the scripts must know, as JSON has it.
    described: dict[str, Any]
    # Packed arrays.
    weights: str
    numbers: str


def to_html(contents: Contents) -> str:
    """Returns the page."""
    scripts = {name: _read(f"{name}.js") for name in _SCRIPTS}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        # A name that a template misspells is an error, not an empty text.
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Style and scripts are ours, no text of a run, and so they are markup already; of the JSON no
    # text can end the element that it stands in.
    described = json.dumps(contents.described).replace("<", "\\u003c")
    return environment.get_template("player.html.jinja").render(
        page=contents,
        described=Markup(described),
        weights=Markup(contents.weights),
        numbers=Markup(contents.numbers),
        style=Markup(_read("player.css")),
        scripts={name: Markup(text) for name, text in scripts.items()},
        of_network=_OF_NETWORK,
        # The page allows these very scripts and no other, whatever a name may hold.
        script_sources=" ".join(_source(text) for text in scripts.values()),
    )


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
    weights = pack({each.path: np.asarray(each) for each in network.variables}, value_bytes)
    arrays = _numbers_of(config, sounds)
    numbers = pack(arrays, 4)
    described = {
        **_describe(config, network.settings, sounds),
        "weights": weights.described,
        "numbers": numbers.described,
    }
    return Contents(
        title=config.name,
        subtitle=_subtitle(network, sounds, steps, value_bytes),
        num_latents=network.settings.latents,
        num_directions=len(arrays["directions"]),
        has_sounds=bool(sounds.names),
        has_encoder=network.encoder is not None,
        command=command,
        described=described,
        weights=weights.text,
        numbers=numbers.text,
    )


def _numbers_of(config: Config, sounds: TrainingSounds) -> dict[str, Floats]:
    """Returns the arrays of the map: sounds, where it begins, axes and limits; and of the dice."""
    assert isinstance(config.task, GenerationSettings)
    latents = sounds.latents
    if len(latents):
        axes = axes_of_sounds(latents)
        start = latents.mean(axis=0)
    else:
        axes = axes_of_prior(latents.shape[1], config.task.prior)
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
    return numbers


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


def _describe(config: Config, model: GeneratorSettings, sounds: TrainingSounds) -> dict[str, Any]:
    """Returns what the scripts must know of network, task and sounds."""
    assert isinstance(config.task, GenerationSettings)
    rate = config.audio.sample_rate
    classes = sorted(set(sounds.classes))
    return {
        "name": config.name,
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
        "fade_frames": round(FADE_SECS * rate),
        "inaudible": 10 ** (INAUDIBLE_DBFS / 20),
        "classes": classes,
        "names": sounds.names,
        "class_numbers": [classes.index(each) for each in sounds.classes],
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


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _source(script: str) -> str:
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
