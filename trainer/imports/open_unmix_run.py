"""Makes a run of the weights of Open-Unmix: a network with a body for each of its targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import configs
from configs import Config, StftMaskSettings
from configs.geometry import OVERLAP
from trainer.imports.open_unmix import Sizes, give_weights, sizes_of, unknown_names
from trainer.imports.published import Published, find_published, licence_of
from trainer.imports.reading import read_weights, sha256_of
from trainer.imports.tensor_file import Tensors
from trainer.imports.weight_files import WeightFile, find_weights, read_descriptions
from trainer.loop.workdir import Imported, open_imported_run

SYSTEM = "Open-Unmix"
_EXPECTED = "weights of Open-Unmix"
# Of most of its networks; no weights say it.
_USUAL_RATE = 44100
# A network that is trained hears so many analysis windows of a song at once.
_WINDOWS = 64


@dataclass(frozen=True)
class OpenUnmix:
    """Holds weights that can be imported."""

    config: Config
    imported: Imported
    # Of each source, in slot order.
    tensors: Sequence[Tensors]


def read_open_unmix(
    folder: Path, torch_python: str = "", licence: str = "", sample_rate: int = 0
) -> OpenUnmix:
    """Reads the weights in a folder, and says what it finds.

    Args:
        folder: has a file for each target.
        torch_python: an interpreter that has PyTorch; empty for this one.
        licence: of the weights, where the user knows it.
        sample_rate: that they are for; 0 where the files say it, or it is the usual one.

    Raises:
        ValueError: there are no weights, they are none of Open-Unmix, they do not fit together, or
            PyTorch is needed and is not there.
    """
    files = find_weights(folder)
    said = read_descriptions(folder, files)
    checksums = [sha256_of(file.path) for file in files]
    published = {
        file.target: find_published(file.tag, checksum)
        for file, checksum in zip(files, checksums, strict=True)
    }
    # Before PyTorch is begun, which takes seconds.
    terms = licence_of(published, licence)
    tensors = read_weights([file.path for file in files], torch_python, _EXPECTED)
    sizes = _common_sizes(files, tensors)
    _require_as_said(said, sizes)
    rate = _sample_rate(said, published, tensors, sample_rate)
    config = _config(sizes, tuple(file.target for file in files), rate, _name(published))
    names = [file.path.name for file in files]
    imported = Imported(
        system=SYSTEM,
        licence=terms,
        trained_on=_trained_on(published),
        files=dict(zip(names, checksums, strict=True)),
    )
    return OpenUnmix(config, imported, tensors)


def write_run(found: OpenUnmix, workdir: str) -> None:
    """Makes the run of weights in a folder.

    Raises:
        ValueError: it holds a run already.
    """
    from trainer.loop.checkpoints import save_network
    from trainer.networks.masks.stft_mask import make_network

    network = make_network(found.config)
    for body, tensors in zip(network.bodies, found.tensors, strict=True):
        give_weights(body, tensors)
    open_imported_run(workdir, found.config, found.imported)
    save_network(workdir, network)


def _name(published: Mapping[str, Published | None]) -> str:
    """Returns the name of an experiment: that of the weights where all are of one set."""
    first, *others = set(published.values())
    if others or first is None:
        return "openunmix"
    return first.name


def _trained_on(published: Mapping[str, Published | None]) -> str:
    """Returns what the targets learnt from, in words; empty where nothing is known of it."""
    known = dict.fromkeys(each.trained_on for each in published.values() if each is not None)
    if known and None in published.values():
        known["what is not known"] = None
    return " and ".join(known)


def _common_sizes(files: Sequence[WeightFile], tensors: Sequence[Tensors]) -> Sizes:
    """Returns the sizes that all targets have."""
    found = []
    for file, each in zip(files, tensors, strict=True):
        sizes = sizes_of(each, file.path)
        num_weights = sum(each[name].size for name in sizes.shapes())
        print(f"{file.target}: {file.path.name}, {num_weights:,} numbers", flush=True)
        unknown = unknown_names(each, sizes)
        if unknown:
            print(f"warning: {file.path} has more, which is left out: {', '.join(unknown)}.")
        found.append(sizes)
    first = found[0]
    for file, sizes in zip(files, found, strict=True):
        if sizes != first:
            raise ValueError(
                f"{files[0].path} and {file.path} are of networks of other sizes ({first} / "
                f"{sizes}); import them from folders of their own."
            )
    return first


def _require_as_said(said: Mapping[Path, Mapping[str, Any]], sizes: Sizes) -> None:
    """Refuses files of JSON that say something else than the weights."""
    frames = sizes.window_frames
    expected = {
        "nfft": (frames, "as of the weights"),
        "nhop": (frames // OVERLAP, "a quarter of the window, as of all networks here"),
        "nb_channels": (sizes.num_channels, "as of the weights"),
        "hidden_size": (sizes.width, "as of the weights"),
        "unidirectional": (False, "as of the weights"),
    }
    for path, values in said.items():
        for name, (value, why) in expected.items():
            if values.get(name, value) != value:
                raise ValueError(f"{path} says {name} {values[name]!r}; expected {value}, {why}.")


def _sample_rate(
    said: Mapping[Path, Mapping[str, Any]],
    published: Mapping[str, Published | None],
    tensors: Sequence[Tensors],
    given: int,
) -> int:
    """Returns the rate that weights are for, and says so where it is a guess."""
    rates: list[Any] = [given] if given else []
    rates += [values["sample_rate"] for values in said.values() if "sample_rate" in values]
    rates += [each.sample_rate for each in published.values() if each is not None]
    # Older versions store it beside the weights.
    rates += [float(each["sample_rate"].flat[0]) for each in tensors if "sample_rate" in each]
    distinct = list(dict.fromkeys(rates))
    if not distinct:
        print(
            f"note: nothing says the sample rate; {_USUAL_RATE} Hz unless --sample_rate says "
            f"another."
        )
        return _USUAL_RATE
    rate = distinct[0]
    is_whole = isinstance(rate, int | float) and float(rate).is_integer()
    if len(distinct) > 1 or not is_whole:
        raise ValueError(
            f"the sample rate is said to be {' and '.join(map(str, distinct))} Hz, by "
            f"--sample_rate or the files; expected one whole number."
        )
    return int(rate)


def _config(sizes: Sizes, sources: tuple[str, ...], sample_rate: int, name: str) -> Config:
    """Returns the config of a network that computes what weights of such sizes are for."""
    base = configs.load("musdb_mask")
    assert isinstance(base.model, StftMaskSettings)
    model = replace(
        base.model,
        window_frames=sizes.window_frames,
        estimate_frames=_WINDOWS * sizes.window_frames,
        features="magnitude",
        num_bins=sizes.heard_bins,
        width=sizes.width,
        depth=sizes.depth,
    )
    context_frames = max(base.data.context_frames, model.window().margin_frames)
    return replace(
        base,
        name=name,
        audio=replace(base.audio, sample_rate=sample_rate, channels=sizes.num_channels),
        data=replace(base.data, sources=sources, context_frames=context_frames),
        model=model,
    )
