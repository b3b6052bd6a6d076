"""Requires that a yaml fits the weights of a RoFormer, and says which of its fields must change."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, product

from configs.checks import shown
from data_prep.runtime.interruption import import_first
from trainer.imports.roformer_tensors import SYSTEMS, Sizes
from trainer.imports.roformer_yaml import Described

# Fields of the section model that say how such a network is trained, or by which program it is
# computed, and not what. Spectra may be normalised: features of bands are scaled to one length, and
# what is masked is scaled back.
_OF_NO_EFFECT = frozenset(
    {
        "attn_dropout",
        "dim_freqs_in",
        "ff_dropout",
        "flash_attn",
        "linear_flash_attn",
        # Chunks here are whole hops.
        "match_input_audio_length",
        "multi_stft_hop_size",
        "multi_stft_normalized",
        "multi_stft_resolution_loss_weight",
        "multi_stft_resolutions_window_sizes",
        "multi_stft_window_fn",
        "sage_attention",
        "stft_normalized",
        "use_torch_checkpoint",
    }
)
# Fields that would change what is computed, with the only value that networks here have.
_MUST_BE = {
    "skip_connection": (False, "the sum of all blocks before a block"),
    "stft_window_fn": (None, "an analysis window that is not Hann's"),
    "zero_dc": (False, "a lowest bin that is silent"),
}
# What the packages have where the yaml says nothing.
_USUAL_WINDOW = 2048
_USUAL_HOP = 512
_LARGEST_WINDOW = 2**16
# What a yaml may say wrongly that weights show: the first that fits is what they need.
_RATES = (44100, 48000, 32000, 24000, 22050, 16000, 8000)
_WINDOWS = (2048, 4096, 1024, 8192, 512)
_CHANNELS = (2, 1)
# Of what a sentence shows of a list.
_MOST_LETTERS = 200


@dataclass(frozen=True)
class Analysis:
    """Says what spectra a network reads, which its weights alone do not."""

    num_channels: int
    window_frames: int
    sample_rate: int
    # Of each band, where they are listed.
    band_bins: tuple[int, ...] = ()


def require_fit(described: Described, sizes: Sizes, weights: object, sample_rate: int) -> Analysis:
    """Returns the analysis that a yaml and weights agree on.

    Args:
        described: the yaml.
        sizes: of the weights.
        weights: names their file in errors.
        sample_rate: that the yaml says the network is for.

    Raises:
        ValueError: they do not fit together, or the yaml asks for what no network here computes.
    """
    said = _said(described, sample_rate)
    _require_known_fields(described, sizes, weights)
    if sizes.is_mel:
        needed = _mel_analysis(sizes, said)
    else:
        needed = _listed_analysis(sizes, said)
    if needed is None:
        raise ValueError(
            f"{weights} has other bands than {described.path}: not {len(sizes.band_features)} of "
            f"{sizes.system} with model.stft_n_fft {said.window_frames} at "
            f"{sample_rate} Hz, nor with another usual window or rate; take the yaml that belongs "
            f"to these weights."
        )
    changes = list(_changes(described, sizes, said, needed))
    if changes:
        raise ValueError(
            f"{described.path} does not fit {weights}: change {', '.join(changes)}; or take the "
            f"yaml that belongs to these weights."
        )
    _require_same_computation(described, needed.window_frames)
    return needed


def hop_frames(described: Described) -> int:
    """Returns the distance between analysis windows that a yaml says, or the package has."""
    return described.whole_number("model", "stft_hop_length") or _USUAL_HOP


def _said(described: Described, sample_rate: int) -> Analysis:
    """Returns what a yaml says of the analysis; no channels where it says nothing of them."""
    window = described.whole_number("model", "stft_n_fft") or _USUAL_WINDOW
    if window % 2 or window > _LARGEST_WINDOW:
        raise ValueError(
            f"{described.path} says model.stft_n_fft {window}; expected an even number up to "
            f"{_LARGEST_WINDOW}."
        )
    stereo = described.field("model", "stereo")
    num_channels = 0
    if isinstance(stereo, bool):
        num_channels = 1 + stereo
    return Analysis(num_channels, window, sample_rate)


def _require_known_fields(described: Described, sizes: Sizes, weights: object) -> None:
    """Refuses a yaml of the other kind of network, and fields that nobody here knows."""
    bands = {True: "num_bands", False: "freqs_per_bands"}
    other = bands[not sizes.is_mel]
    if described.field("model", other) is not None:
        raise ValueError(
            f"{described.path} is of a {SYSTEMS[not sizes.is_mel]} (model.{other}), {weights} of a "
            f"{sizes.system}; take the yaml that belongs to these weights."
        )
    known = {*_OF_NO_EFFECT, *_MUST_BE, *bands.values(), *_of_weights(sizes, Analysis(1, 2, 1))}
    known |= {"sample_rate", "stft_hop_length", "stft_win_length"}
    unknown = [str(name)[:100] for name in described.sections["model"] if name not in known]
    if unknown:
        raise ValueError(
            f"{described.path} says model.{', model.'.join(unknown[:10])}, which is not known here "
            f"and may change what the network computes; take it away if it does not."
        )


def _require_same_computation(described: Described, window_frames: int) -> None:
    """Refuses fields that ask for what no network here computes."""
    shorter = (window_frames, "an analysis window that is shorter than its transform")
    for name, (only, meaning) in {**_MUST_BE, "stft_win_length": shorter}.items():
        value = described.field("model", name)
        if value is not None and value != only:
            raise ValueError(
                f"{described.path} says model.{name} {_shown(value)}, which is {meaning}: no "
                f"network here has that; expected {_shown(only)}."
            )


def _listed_analysis(sizes: Sizes, said: Analysis) -> Analysis | None:
    """Returns an analysis whose bands are those of weights: of the window that is said if it can.

    Of each bin a band has two features for each channel.
    """
    found = []
    for num_channels in dict.fromkeys((said.num_channels, *_CHANNELS)):
        features = 2 * num_channels
        if num_channels and not any(size % features for size in sizes.band_features):
            bins = tuple(size // features for size in sizes.band_features)
            window_frames = 2 * (sum(bins) - 1)
            found.append(Analysis(num_channels, window_frames, said.sample_rate, bins))
    of_window = [each for each in found if each.window_frames == said.window_frames]
    return next(iter([*of_window, *found]), None)


def _mel_analysis(sizes: Sizes, said: Analysis) -> Analysis | None:
    """Returns an analysis whose mel bands are those of weights: the one that is said if it can."""
    # It imports Keras, for which what is refused before does not wait.
    import_first(["keras"])
    from trainer.networks.band_split.bands import mel_bands

    windows = dict.fromkeys((said.window_frames, *_WINDOWS))
    rates = dict.fromkeys((said.sample_rate, *_RATES))
    channels = [each for each in dict.fromkeys((said.num_channels, *_CHANNELS)) if each]
    num_bands = len(sizes.band_features)
    for window_frames, sample_rate in product(windows, rates):
        bands = mel_bands(num_bands, window_frames // 2 + 1, sample_rate)
        for num_channels in channels:
            if tuple(2 * num_channels * len(band) for band in bands) == sizes.band_features:
                return Analysis(num_channels, window_frames, sample_rate)
    return None


def _of_weights(sizes: Sizes, analysis: Analysis) -> dict[str, object]:
    """Returns the fields of the section model that weights determine, with their values."""
    fields: dict[str, object] = {
        "dim": sizes.width,
        "depth": sizes.depth,
        "stereo": analysis.num_channels == 2,
        "num_stems": sizes.num_stems,
        "time_transformer_depth": sizes.time_depth,
        "freq_transformer_depth": sizes.frequency_depth,
        "linear_transformer_depth": sizes.linear_depth,
        "dim_head": sizes.head_size,
        "heads": sizes.num_heads,
        "stft_n_fft": analysis.window_frames,
        "mask_estimator_depth": sizes.mask_depth,
        "mlp_expansion_factor": sizes.mask_wider,
    }
    if sizes.is_mel:
        fields["num_bands"] = len(sizes.band_features)
    else:
        fields["freqs_per_bands"] = analysis.band_bins
    return fields


def _changes(described: Described, sizes: Sizes, said: Analysis, needed: Analysis) -> Iterator[str]:
    """Yields every field of a yaml that says something else than the weights, and what they say."""
    for name, value in _of_weights(sizes, needed).items():
        found = described.field("model", name)
        if isinstance(found, list):
            found = tuple(found)
        if name == "stft_n_fft":
            # Or what the package has where the yaml says nothing.
            found = said.window_frames
        # True is 1 to Python.
        is_same = found == value and type(found) is type(value)
        if found is not None and value is not None and not is_same:
            yield f"model.{name} from {_shown(found)} to {_shown(value)}"
    num_channels = described.field("audio", "num_channels")
    if num_channels not in (None, needed.num_channels):
        yield f"audio.num_channels from {_shown(num_channels)} to {needed.num_channels}"
    if said.sample_rate != needed.sample_rate:
        rates = f"from {said.sample_rate} to {needed.sample_rate}"
        yield f"audio.sample_rate and model.sample_rate {rates}"


def _shown(value: object) -> str:
    """Returns a value as a yaml has it, equal numbers of a list together."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "null"
    if not isinstance(value, tuple) or not all(type(each) is int for each in value):
        return shown(value)
    runs = [f"{len(list(run))} of {number}" for number, run in groupby(value)]
    text = f"({', '.join(runs)})"
    if len(text) > _MOST_LETTERS:
        text = f"{text[:_MOST_LETTERS]} ...)"
    return text
