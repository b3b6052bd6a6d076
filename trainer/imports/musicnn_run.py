"""Makes a run of a model in the wheel of musicnn."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import configs
from configs import Config, TaggerSettings, TaggingSettings
from configs.checks import one_of
from configs.schema import Augmentation
from trainer.imports.musicnn_tensors import LAYERS, give_weights, read_checkpoint
from trainer.imports.musicnn_wheel import MODELS, PACKAGE, Contents, read_wheel
from trainer.imports.reading import sha256_of
from trainer.loop.workdir import Imported, open_imported_run

# It imports Keras, for which a command that is refused does not wait.
if TYPE_CHECKING:
    from trainer.networks.network import Network

# The analysis of all models.
_EXPERIMENT = "musicnn"


@dataclass(frozen=True)
class Found:
    """Holds a model that can be imported."""

    config: Config
    imported: Imported
    contents: Contents
    # The wheel and the model, in errors.
    where: str


def read_musicnn(wheel: Path, model: str, column_hops: int = 0) -> Found:
    """Reads a model of a wheel, but for its weights.

    Args:
        wheel: the file.
        model: one of ``MODELS``.
        column_hops: there is an answer for one column of so many; 0 for those of the experiment.

    Raises:
        ValueError: there is no such model, or no such wheel.
    """
    one_of("--model", model, MODELS)
    known = MODELS[model]
    contents = read_wheel(wheel, model)
    base = configs.load(_EXPERIMENT)
    assert isinstance(base.model, TaggerSettings)
    settings = replace(base.model, body=known.body)
    if column_hops:
        settings = settings.with_answers_every(column_hops)
    config = replace(
        base,
        name=model.lower(),
        data=replace(base.data, sources=contents.tags),
        model=settings,
        # The tags that they learnt were those of whole clips, as these were.
        task=TaggingSettings(truth="labels"),
        augmentation=Augmentation(),
    )
    imported = Imported(
        system=PACKAGE,
        licence=contents.licence,
        trained_on=known.trained_on,
        files={wheel.name: sha256_of(wheel)},
    )
    return Found(config, imported, contents, f"{model} in {wheel}")


def make_tagger(found: Found) -> "Network":
    """Makes the network of a model.

    Raises:
        ValueError: its weights are not those of the network.
    """
    from trainer.networks import make_network

    tensors = read_checkpoint(found.contents, found.where)
    network: Any = make_network(found.config)
    assert isinstance(found.config.model, TaggerSettings)
    give_weights(network.body, LAYERS[found.config.model.body], tensors, found.where)
    return network


def write_run(found: Found, network: "Network", workdir: str) -> None:
    """Makes the run of a model in a folder.

    Raises:
        ValueError: it holds a run already.
    """
    from trainer.loop.checkpoints import save_network

    open_imported_run(workdir, found.config, found.imported)
    save_network(workdir, network)
