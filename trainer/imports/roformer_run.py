"""Makes a run of the weights of a BS-RoFormer or a Mel-Band RoFormer, and of their yaml."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import configs
from configs import BandSplitSettings, Config
from configs.checks import shown
from data_prep.runtime.quantities import pluralized
from trainer.imports.reading import read_weights, sha256_of
from trainer.imports.roformer_fit import Analysis, hop_frames, require_fit
from trainer.imports.roformer_tensors import EXPECTED, Sizes, sizes_of, values_by_path
from trainer.imports.roformer_yaml import Described, read_description
from trainer.imports.tensor_file import Tensors
from trainer.loop.workdir import Imported, open_imported_run

# It imports Keras, for which a command that is refused does not wait.
if TYPE_CHECKING:
    from trainer.networks.network import Network

# Of nearly all of these networks, where the yaml does not say it.
_USUAL_RATE = 44100
_NOT_STATED = "not stated"


@dataclass(frozen=True)
class Told:
    """Holds what somebody says who imports weights; empty or 0 where it is nothing."""

    licence: str = ""
    # In the order of the stems; of one stem, a second name is that of what it leaves.
    sources: Sequence[str] = ()
    sample_rate: int = 0
    # Chunks over each frame.
    overlap: int = 0


@dataclass(frozen=True)
class RoFormer:
    """Holds weights that can be imported."""

    config: Config
    imported: Imported
    sizes: Sizes
    tensors: Tensors


def read_roformer(
    weights: Path, description: Path, torch_python: str = "", told: Told | None = None
) -> RoFormer:
    """Reads a file of weights and its yaml, and says what it finds.

    Args:
        weights: of PyTorch (.ckpt), or of safetensors.
        description: the yaml.
        torch_python: an interpreter that has PyTorch; empty for this one.
        told: what the files need not say.

    Raises:
        ValueError: one of the files is not what it should be, they do not fit together, or PyTorch
            is needed and is not there.
    """
    told = told or Told()
    if not weights.is_file():
        raise ValueError(f"there is no file {weights}; expected {EXPECTED}.")
    described = read_description(description)
    rate = _sample_rate(described, told.sample_rate)
    (tensors,) = read_weights([weights], torch_python, EXPECTED)
    sizes = sizes_of(tensors, weights)
    print(
        f"{weights.name}: {sizes.system}, {pluralized(sizes.depth, 'block')} of {sizes.width} "
        f"features, {len(sizes.band_features)} bands, {pluralized(sizes.num_stems, 'stem')}",
        flush=True,
    )
    analysis = require_fit(described, sizes, weights, rate)
    sources, residual = _sources(described, sizes.num_stems, told.sources)
    try:
        model = _model(described, sizes, analysis, _overlap(described, told.overlap))
        config = _config(replace(model, residual=residual), sizes, analysis, sources)
    except ValueError as error:
        raise ValueError(f"{description} and {weights} make no network: {error}") from error
    imported = Imported(
        system=sizes.system,
        licence=told.licence or _NOT_STATED,
        trained_on="",
        files={path.name: sha256_of(path) for path in (weights, description)},
    )
    return RoFormer(config, imported, sizes, tensors)


def write_run(found: RoFormer, workdir: str) -> None:
    """Makes the run of weights in a folder.

    Raises:
        ValueError: it holds a run already.
    """
    from trainer.loop.checkpoints import save_network
    from trainer.networks import make_network

    network = make_network(found.config)
    give_weights(network, found)
    open_imported_run(workdir, found.config, found.imported)
    save_network(workdir, network)


def give_weights(network: "Network", found: RoFormer) -> None:
    """Assigns every tensor of a file to its variable in the network of the config."""
    variables = {each.path.removeprefix(f"{network.name}/"): each for each in network.variables}
    for path, values in values_by_path(found.tensors, found.sizes):
        variables.pop(path).assign(values)
    assert not variables


def _sample_rate(described: Described, given: int) -> int:
    """Returns the rate that weights are for, and says so where it is a guess."""
    rates = [given, *(described.whole_number(part, "sample_rate") for part in ("audio", "model"))]
    distinct = list(dict.fromkeys(rate for rate in rates if rate))
    if not distinct:
        print(
            f"note: nothing says the sample rate; {_USUAL_RATE} Hz unless --sample_rate says "
            f"another."
        )
        return _USUAL_RATE
    if len(distinct) > 1:
        raise ValueError(
            f"the sample rate is said to be {' and '.join(map(str, distinct))} Hz, by "
            f"--sample_rate or in audio and model of {described.path}; expected one."
        )
    return distinct[0]


def _overlap(described: Described, given: int) -> int:
    """Returns how many chunks lie over a frame, and says so where it is a guess."""
    overlap = given or described.whole_number("inference", "num_overlap")
    if overlap is None:
        overlap = BandSplitSettings.overlap
        print(
            f"note: nothing says inference.num_overlap; {overlap} chunks over each frame unless "
            f"--overlap says another number."
        )
    return overlap


def _sources(
    described: Described, num_stems: int, given: Sequence[str]
) -> tuple[tuple[str, ...], str | None]:
    """Returns the names of the sources, and that of them which the others leave of a mixture.

    Only one stem leaves another one; it is the second of the two.
    """
    where = f"{described.path} says training.instruments"
    names = tuple(given)
    if names:
        where = "--sources says"
    else:
        names = _names(described, num_stems)
    if len(names) == num_stems:
        return names, None
    if num_stems == 1 and len(names) == 2:
        return names, names[1]
    also = ""
    if num_stems == 1:
        also = " and, if you like, one for what it leaves of a mixture"
    raise ValueError(
        f"{where} {', '.join(names) or 'nothing'}; the weights have "
        f"{pluralized(num_stems, 'stem')}: expected {pluralized(num_stems, 'name')}{also}, as "
        f"--sources=NAME,NAME in their order."
    )


def _names(described: Described, num_stems: int) -> tuple[str, ...]:
    """Returns the names that a yaml has for the stems; the target first, where one is named."""
    names = described.names("training", "instruments")
    target = described.field("training", "target_instrument")
    is_wanted = num_stems == 1 and len(names) != 1
    if target is None and not is_wanted:
        return names
    if num_stems > 1 or target not in names:
        expected = "null"
        if num_stems == 1:
            expected = "one of training.instruments"
        raise ValueError(
            f"{described.path} says training.target_instrument {shown(target)}; the weights have "
            f"{pluralized(num_stems, 'stem')}: expected {expected}, or name the stems with "
            f"--sources."
        )
    return (target, *(name for name in names if name != target))


def _model(
    described: Described, sizes: Sizes, analysis: Analysis, overlap: int
) -> BandSplitSettings:
    """Returns the settings of the network."""
    chunk = described.whole_number("inference", "chunk_size")
    chunk = chunk or described.whole_number("audio", "chunk_size")
    if chunk is None:
        raise ValueError("audio.chunk_size is missing; expected the frames of a chunk.")
    if sizes.hidden_features % sizes.width:
        raise ValueError(
            f"masks have {sizes.hidden_features} features between their layers; expected a "
            f"multiple of those of a band, {sizes.width}."
        )
    model = BandSplitSettings(
        window_frames=analysis.window_frames,
        hop_frames=hop_frames(described),
        estimate_frames=chunk,
        overlap=overlap,
        bands="mel",
        num_bands=len(sizes.band_features),
        width=sizes.width,
        depth=sizes.depth,
        time_depth=sizes.time_depth,
        frequency_depth=sizes.frequency_depth,
        linear_depth=sizes.linear_depth,
        num_heads=sizes.num_heads,
        head_size=sizes.head_size,
        mask_depth=sizes.mask_depth,
        mask_wider=sizes.mask_wider or BandSplitSettings.mask_wider,
        conditioning="none",
        gate_heads=False,
    )
    if sizes.is_mel:
        return model
    return replace(model, bands="listed", band_bins=analysis.band_bins)


def _config(
    model: BandSplitSettings, sizes: Sizes, analysis: Analysis, sources: tuple[str, ...]
) -> Config:
    """Returns the config of a run."""
    base = configs.load("musdb_hq")
    name = "bs_roformer"
    if sizes.is_mel:
        name = "mel_roformer"
    return replace(
        base,
        name=name,
        audio=replace(base.audio, sample_rate=analysis.sample_rate, channels=analysis.num_channels),
        data=replace(base.data, sources=sources),
        model=model,
    )
