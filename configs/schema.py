"""Everything an experiment can vary, as frozen dataclasses that refuse what makes no sense.

The defaults are the network and data of the first publication of this system; the experiments beside this file
replace what they vary. No default stands anywhere else.
"""

import re
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from typing import Literal, get_args

from configs import instruments
from configs.geometry import Padding, PatchGeometry

Computation = Literal["plain", "cpu", "tpu"]

WEIGHTS = ("average", "raw")  # of a run that keeps a moving average of its weights

_PLACES = ("input", "bottleneck", "decoder", "heads")
CONDITIONING_PLACES = {
    "none": ("none",),
    "concat": _PLACES,
    "add": _PLACES,
    "scale": _PLACES,
    "film": _PLACES,
    "outer": ("bottleneck",),
}


def _require(holds: bool, name: str, value: object, expected: str) -> None:
    if not holds:
        raise ValueError(f"{name} is {value!r}; expected {expected}.")


def _one_of(name: str, value: object, legal: Collection[object]) -> None:
    _require(value in legal, name, value, "one of " + ", ".join(map(str, legal)))


@dataclass(frozen=True)
class Audio:
    """What every waveform of an experiment has in common."""

    sample_rate: int = 22050
    channels: int = 1

    def __post_init__(self) -> None:
        _require(
            self.sample_rate > 0,
            "audio.sample_rate",
            self.sample_rate,
            "a positive number of frames per second",
        )
        _one_of("audio.channels", self.channels, (1, 2))


@dataclass(frozen=True)
class Data:
    """How a corpus becomes records."""

    sources: tuple[str, ...] = instruments.URMP  # the vocabulary, in slot order
    splits: str = (
        "grouped"  # a file of configs/splits, official (musdb's own), or the path of a JSON file
    )
    excerpt_secs: float = 20.0
    context_frames: int = (
        65527  # stored on each side of an excerpt: what 12 levels with kernels 15 and 5 read
    )
    encoding: Literal["int16", "float32"] = "int16"
    shard_mib: int = 128  # of records per shard, about

    def __post_init__(self) -> None:
        distinct = len(set(self.sources)) == len(self.sources) > 0 and all(self.sources)
        _require(distinct, "data.sources", self.sources, "at least one name, each once")
        plain = all(
            re.fullmatch(r"\w[\w .+,()&'-]*", name) for name in self.sources
        )  # they become names of files
        _require(plain, "data.sources", self.sources, "names that files can have")
        _require(
            self.excerpt_secs > 0,
            "data.excerpt_secs",
            self.excerpt_secs,
            "a positive number of seconds",
        )
        _require(
            self.context_frames >= 0, "data.context_frames", self.context_frames, "0 or more frames"
        )
        _one_of("data.encoding", self.encoding, ("int16", "float32"))
        _require(self.shard_mib > 0, "data.shard_mib", self.shard_mib, "a positive number of MiB")


@dataclass(frozen=True)
class Model:
    """The Wave-U-Net and how labels enter it."""

    num_levels: int = 12
    num_filters: int = 24  # more per level: level i has i times as many
    down_kernel: int = 15
    up_kernel: int = 5
    padding: Padding = "valid"
    estimate_frames: int = 16389
    upsampling: Literal["linear", "learned"] = "linear"
    output: Literal["direct", "difference"] = "direct"
    residual: str | None = None  # the source that a difference output leaves to the mixture
    head_activation: Literal["tanh", "linear"] = "tanh"
    conditioning: Literal["none", "concat", "add", "scale", "film", "outer"] = "film"
    place: Literal["none", "input", "bottleneck", "decoder", "heads"] = "bottleneck"
    gate_heads: bool = True  # labels multiply the direct heads
    form: Computation = "cpu"  # how it is computed (trainer.networks.layers.DownsamplingBlock); the weights and results are the same

    def __post_init__(self) -> None:
        _require(
            self.num_filters > 0,
            "model.num_filters",
            self.num_filters,
            "a positive number of filters",
        )
        _one_of("model.padding", self.padding, ("valid", "same"))
        _one_of("model.upsampling", self.upsampling, ("linear", "learned"))
        _one_of("model.output", self.output, ("direct", "difference"))
        _one_of("model.head_activation", self.head_activation, ("tanh", "linear"))
        _one_of("model.form", self.form, get_args(Computation))
        _one_of("model.conditioning", self.conditioning, CONDITIONING_PLACES)
        if self.place not in CONDITIONING_PLACES[self.conditioning]:
            pairs = ", ".join(
                f"{kind} at {place}"
                for kind, places in CONDITIONING_PLACES.items()
                for place in places
            )
            raise ValueError(
                f"model.conditioning {self.conditioning!r} has no place {self.place!r}; the legal pairs are {pairs}."
            )
        needs_residual = self.output == "difference"
        _require(
            (self.residual is not None) == needs_residual,
            "model.residual",
            self.residual,
            "the name of a source"
            if needs_residual
            else "none, because a direct output has no residual slot",
        )
        self.geometry()

    def geometry(self) -> PatchGeometry:
        """The sizes of a training patch."""
        return PatchGeometry(
            self.num_levels, self.down_kernel, self.up_kernel, self.padding, self.estimate_frames
        )


@dataclass(frozen=True)
class Loss:
    """The weight of each term of the training loss, which is their sum (trainer.tasks.separation.losses)."""

    mse: float = 1.0  # mean squared error
    sse: float = 0.0  # squared error summed over slots and channels
    l1: float = 0.0  # mean absolute error
    si_sdr: float = 0.0  # minus the SI-SDR of what sounds, plus the level of what should not, dB
    stft: float = 0.0  # multi-resolution short-time Fourier transform

    def __post_init__(self) -> None:
        for name, weight in asdict(self).items():
            _require(weight >= 0, f"loss.{name}", weight, "a weight of 0 or more")
        _require(any(asdict(self).values()), "loss", "0 throughout", "at least one weight above 0")


@dataclass(frozen=True)
class Train:
    """The optimisation and the rhythm of the loop."""

    steps: int = 200_000  # in all, not additional ones
    batch_size: int = 64  # over all replicas
    optimizer: Literal["adam", "adamw"] = "adam"
    weight_decay: float = 0.01  # of adamw; biases do not decay
    learning_rate: float = 1e-4
    schedule: Literal["constant", "exponential", "cosine", "plateau"] = (
        "constant"  # cosine ends at 0 at the last step
    )
    warmup_steps: int = 0  # of a straight line from 0 to the schedule
    decay_rate: float = (
        0.96  # exponential: once every decay_steps; plateau: after plateau_validations
    )
    decay_steps: int = 10_000
    plateau_validations: int = 5  # in a row that are not better than the best before
    clip_norm: float = 0.0  # of the gradient of the global batch; 0 does not clip
    average_decay: float = 0.0  # of the moving average of the weights, such as 0.999; 0 keeps none
    min_gain: float = 1.0  # each source is scaled by a random gain between these two
    max_gain: float = 1.0
    remix: float = 0.0  # share of examples that mix any instruments, each from a track of its own; the labels follow
    silence: float = 0.0  # share of examples that lose one source and its label
    flip_polarity: bool = (
        False  # each is turned upside down or not; this hides that reeds and brass are lopsided
    )
    swap_channels: bool = (
        False  # left and right of each source trade places or not; mono stays as it is
    )
    label_dropout: float = 0.0  # share of examples whose labels are unknown to the network
    compute_dtype: Literal["float32", "bfloat16"] = "float32"
    cache: Literal["auto", "memory", "none"] = (
        "auto"  # of excerpts; auto: if they take less than half of what is free
    )
    seed: int = 0
    steps_per_call: int = 100  # on the device between two looks of the host
    checkpoint_steps: int = 1000
    keep_checkpoints: int = 3
    validation_steps: int = 5000  # from one validation to the next
    patience: int = 0  # validations in a row without a better one that end the run; 0 never does

    def __post_init__(self) -> None:
        counts = (
            "steps",
            "batch_size",
            "steps_per_call",
            "checkpoint_steps",
            "keep_checkpoints",
            "decay_steps",
        )
        for name in (*counts, "plateau_validations", "validation_steps"):
            value = getattr(self, name)
            _require(value > 0, f"train.{name}", value, "1 or more")
        for name in ("weight_decay", "warmup_steps", "clip_norm", "patience"):
            value = getattr(self, name)
            _require(value >= 0, f"train.{name}", value, "0 or more")
        _one_of("train.optimizer", self.optimizer, ("adam", "adamw"))
        _require(
            0 <= self.average_decay < 1,
            "train.average_decay",
            self.average_decay,
            "from 0 to below 1",
        )
        _require(self.steps <= 10**9, "train.steps", self.steps, "at most 1000000000")
        _require(
            self.learning_rate > 0, "train.learning_rate", self.learning_rate, "a positive number"
        )
        _one_of("train.schedule", self.schedule, ("constant", "exponential", "cosine", "plateau"))
        _require(
            0 < self.decay_rate <= 1,
            "train.decay_rate",
            self.decay_rate,
            "a factor above 0 and at most 1",
        )
        _require(
            0 <= self.min_gain <= self.max_gain,
            "train.min_gain",
            self.min_gain,
            "0 <= min_gain <= max_gain",
        )
        for name in ("remix", "silence", "label_dropout"):
            share = getattr(self, name)
            _require(0 <= share <= 1, f"train.{name}", share, "a share from 0 to 1")
        _one_of("train.cache", self.cache, ("auto", "memory", "none"))
        _require(self.seed >= 0, "train.seed", self.seed, "0 or more")
        _one_of("train.compute_dtype", self.compute_dtype, ("float32", "bfloat16"))


@dataclass(frozen=True)
class Evaluation:
    """What is scored, and how."""

    segment_secs: float = 1.0  # 0.743 in the first publication
    hop_secs: float = 0.0  # from one segment to the next; 0: the length of a segment
    active_relative_db: float = (
        -60.0
    )  # a source sounds above this level relative to its loudest segment ...
    silent_dbfs: float = -80.0  # ... and above this level; a signal below it is silent
    filter_taps: int = 512  # of the distortion filter of BSS Eval
    bss_v4: bool = True  # also ISR, SIR and SAR of BSS Eval v4: free with one channel, with two five times the cost
    v4_filters: Literal["segment", "track"] = "segment"  # what the filters of v4 are fitted to
    museval_compatible: bool = (
        False  # museval's rules: its frames, filters per track, nothing where a source is silent
    )
    backend: Literal["own", "mir_eval"] = "own"  # what computes SDR, SIR and SAR of v3

    def __post_init__(self) -> None:
        _require(
            self.segment_secs > 0,
            "evaluation.segment_secs",
            self.segment_secs,
            "a positive number of seconds",
        )
        legal_hop = 0 <= self.hop_secs <= self.segment_secs
        _require(
            legal_hop, "evaluation.hop_secs", self.hop_secs, "from 0 to evaluation.segment_secs"
        )
        _require(self.filter_taps > 0, "evaluation.filter_taps", self.filter_taps, "1 or more")
        level, threshold = self.active_relative_db, self.silent_dbfs
        _require(level < 0, "evaluation.active_relative_db", level, "a level below 0 dB")
        _one_of("evaluation.v4_filters", self.v4_filters, ("segment", "track"))
        if self.museval_compatible:
            _require(
                self.bss_v4,
                "evaluation.bss_v4",
                self.bss_v4,
                "true, as museval computes BSS Eval v4 alone",
            )
            _one_of("evaluation.backend", self.backend, ("own",))
        _one_of("evaluation.backend", self.backend, ("own", "mir_eval"))
        if self.backend == "mir_eval":
            _require(
                self.filter_taps == 512,
                "evaluation.filter_taps",
                self.filter_taps,
                "512, as mir_eval has them",
            )
        # What stays below -80 dBFS is not stored in records (data_prep.audio.activity), so it cannot be told from silence.
        _require(
            -80 <= threshold < 0,
            "evaluation.silent_dbfs",
            threshold,
            "a level from -80 to below 0 dB",
        )

    @property
    def fits_track(self) -> bool:
        """Whether the filters of v4 are fitted to the whole track."""
        return self.bss_v4 and (self.v4_filters == "track" or self.museval_compatible)


@dataclass(frozen=True)
class Config:
    """One experiment."""

    name: str
    audio: Audio = field(default_factory=Audio)
    data: Data = field(default_factory=Data)
    model: Model = field(default_factory=Model)
    loss: Loss = field(default_factory=Loss)
    train: Train = field(default_factory=Train)
    evaluation: Evaluation = field(default_factory=Evaluation)

    def __post_init__(self) -> None:
        if self.model.residual is not None:
            _one_of("model.residual", self.model.residual, self.data.sources)
        needed = self.model.geometry().context_frames
        if self.model.padding == "valid" and self.data.context_frames < needed:
            raise ValueError(
                f"data.context_frames is {self.data.context_frames}; the network reads {needed} frames on each side of "
                f"an estimate, so records must hold at least as many."
            )
        if self.loss.stft:
            frames = self.model.estimate_frames
            _require(
                frames >= 2048,
                "model.estimate_frames",
                frames,
                "2048 or more, the longest window of loss.stft",
            )

    @property
    def needs_labels(self) -> bool:
        """Whether the network was trained to be told the instruments."""
        return self.model.conditioning != "none" or self.model.gate_heads

    @property
    def takes_unknown_labels(self) -> bool:
        """Whether the network was trained to do without labels, always or in a share of the examples."""
        return not self.needs_labels or self.train.label_dropout > 0
