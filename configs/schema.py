"""Holds everything that an experiment can vary, as dataclasses that refuse nonsense.

The defaults are the network and data of the first publication of this system; the experiments in
``configs.experiments`` replace what they vary. No default stands anywhere else.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from configs import instruments
from configs.checks import one_of, require, require_legal_words, require_within
from configs.networks import WaveUNetSettings
from configs.settings import NetworkSettings, TaskSettings
from configs.tasks import SeparationSettings
from configs.training import Begun, Train

# Of a run that keeps a moving average of its weights.
WEIGHTS = ("average", "raw")

# The lowest and the highest value of a field, generously: beyond them a command would not end, or
# fail in the words of a library.
_DATA_LIMITS = {"excerpt_secs": (0.1, 3600), "context_frames": (0, 2**26), "shard_mib": (1, 2**20)}
_AUGMENTATION_LIMITS = {
    "min_gain": (0, 1000),
    "max_gain": (0, 1000),
    "remix": (0, 1),
    "silence": (0, 1),
    "label_dropout": (0, 1),
    "note_dropout": (0, 1),
    "note_jitter_ms": (0, 10_000),
    "wrong_notes": (0, 1),
    "context_dropout": (0, 1),
    "detune_cents": (0, 1200),
    "equalise_db": (0, 60),
}
_EVALUATION_LIMITS = {
    "segment_secs": (0.01, 3600),
    "hop_secs": (0, 3600),
    "active_relative_db": (-1000, 0),
    # The equations for two sources have 1 GiB then.
    "filter_taps": (1, 4096),
}
# At the lowest rate it is a frame.
SHORTEST_HOP_SECS = 0.001

# A source must be a name that a file can have.
_PLAIN_NAME = re.compile(r"\w[\w .+,()&'-]*")
_PLAIN_WORDS = "a name that a file can have: letters, digits, spaces and any of .+,()&'-_"
_FREE_WORDS = f"another name: commands mean something else by {', '.join(instruments.RESERVED)}"


@dataclass(frozen=True)
class Audio:
    """Says what every waveform of an experiment has in common."""

    sample_rate: int = 22050
    channels: int = 1

    def __post_init__(self) -> None:
        # FLAC, in which clips are kept, has no higher rate; nobody hears anything at a lower one.
        require_within(self, "audio", {"sample_rate": (1000, 655_350)})
        one_of("audio.channels", self.channels, (1, 2))


@dataclass(frozen=True)
class Data:
    """Says how a corpus becomes records."""

    # The vocabulary, in slot order.
    sources: tuple[str, ...] = instruments.URMP
    # A file of configs/splits, official (musdb's own), or the path of a JSON file.
    splits: str = "grouped"
    excerpt_secs: float = 20.0
    # Stored on each side of an excerpt: what 12 levels with kernels 15 and 5 read.
    context_frames: int = 65527
    encoding: Literal["int16", "float32"] = "int16"
    # MiB of records per shard, about.
    shard_mib: int = 128

    def __post_init__(self) -> None:
        distinct = len(set(self.sources)) == len(self.sources) > 0 and all(self.sources)
        require(distinct, "data.sources", self.sources, "at least one name, each once")
        for name in self.sources:
            require(_PLAIN_NAME.fullmatch(name) is not None, "data.sources", name, _PLAIN_WORDS)
            is_free = name.casefold() not in instruments.RESERVED
            require(is_free, "data.sources", name, _FREE_WORDS)
        require_within(self, "data", _DATA_LIMITS)
        require_legal_words(self, "data")


@dataclass(frozen=True)
class Augmentation:
    """Says how training examples are changed at random; whatever is changed, the labels follow."""

    # Each source is scaled by a random gain between these two.
    min_gain: float = 1.0
    max_gain: float = 1.0
    # Share of examples that mix any instruments, each from a track of its own.
    remix: float = 0.0
    # Share of examples that lose one source and its label.
    silence: float = 0.0
    # Each source is turned upside down or not; this hides that reeds and brass are lopsided.
    flip_polarity: bool = False
    # Left and right of each source trade places or not; mono stays as it is.
    swap_channels: bool = False
    # Share of examples whose labels are unknown to the network.
    label_dropout: float = 0.0
    # Share of examples whose notes are unknown to the network.
    note_dropout: float = 0.0
    # Each note begins and ends so much earlier or later at most.
    note_jitter_ms: float = 0.0
    # Share of examples in which one instrument has the notes of another piece, and a silent target.
    wrong_notes: float = 0.0
    # Share of examples of which no other modality tells anything.
    context_dropout: float = 0.0
    # Each source is played so much higher or lower at most, in cents, and as much faster or slower.
    detune_cents: float = 0.0
    # Each source passes an equaliser whose octaves are raised or lowered so much at most.
    equalise_db: float = 0.0

    def __post_init__(self) -> None:
        require_within(self, "augmentation", _AUGMENTATION_LIMITS)
        ordered = self.min_gain <= self.max_gain
        require(ordered, "augmentation.min_gain", self.min_gain, "at most max_gain")

    @property
    def keeps_the_mixture(self) -> bool:
        """Says whether the network hears the stored mixture, and not the sum of changed sources."""
        turned = self.flip_polarity or self.swap_channels
        changed = turned or self.remix or self.silence or self.detune_cents or self.equalise_db
        return self.min_gain == self.max_gain == 1 and not changed


@dataclass(frozen=True)
class Evaluation:
    """Says what is scored, and how."""

    # 0.743 in the first publication.
    segment_secs: float = 1.0
    # From one segment to the next; 0: the length of a segment.
    hop_secs: float = 0.0
    # A source sounds above this level relative to its loudest segment ...
    active_relative_db: float = -60.0
    # ... and above this level; a signal below it is silent.
    silent_dbfs: float = -80.0
    # Of the distortion filter of BSS Eval.
    filter_taps: int = 512
    # Also ISR, SIR and SAR of BSS Eval v4: free with one channel, with two five times the cost.
    bss_v4: bool = True
    # What the filters of v4 are fitted to.
    v4_filters: Literal["segment", "track"] = "segment"
    # Museval's rules: its frames, filters per track, nothing where a source is silent.
    museval_compatible: bool = False
    # What computes SDR, SIR and SAR of v3.
    backend: Literal["own", "mir_eval"] = "own"

    def __post_init__(self) -> None:
        require_within(self, "evaluation", _EVALUATION_LIMITS)
        hop = self.hop_secs
        legal_hop = hop == 0 or SHORTEST_HOP_SECS <= hop <= self.segment_secs
        expected = f"0, or from {SHORTEST_HOP_SECS} to evaluation.segment_secs"
        require(legal_hop, "evaluation.hop_secs", hop, expected)
        level = self.active_relative_db
        require(level < 0, "evaluation.active_relative_db", level, "a level below 0 dB")
        require_legal_words(self, "evaluation")
        if self.museval_compatible:
            expected = "true, as museval computes BSS Eval v4 alone"
            require(self.bss_v4, "evaluation.bss_v4", self.bss_v4, expected)
            one_of("evaluation.backend", self.backend, ("own",))
        if self.backend == "mir_eval":
            taps = self.filter_taps
            require(taps == 512, "evaluation.filter_taps", taps, "512, as mir_eval has them")
        # Records do not store what stays below -80 dBFS (data_prep.audio.activity), so that it
        # cannot be told from silence.
        legal_level = -80 <= self.silent_dbfs < 0
        expected = "a level from -80 to below 0 dB"
        require(legal_level, "evaluation.silent_dbfs", self.silent_dbfs, expected)

    @property
    def fits_track(self) -> bool:
        """Says whether the filters of v4 are fitted to the whole track."""
        return self.bss_v4 and (self.v4_filters == "track" or self.museval_compatible)


@dataclass(frozen=True)
class Config:
    """Holds one experiment; the sections ``model`` and ``task`` are of the kind that they name."""

    name: str
    audio: Audio = field(default_factory=Audio)
    data: Data = field(default_factory=Data)
    model: NetworkSettings = field(default_factory=WaveUNetSettings)
    task: TaskSettings = field(default_factory=SeparationSettings)
    augmentation: Augmentation = field(default_factory=Augmentation)
    train: Train = field(default_factory=Train)
    evaluation: Evaluation = field(default_factory=Evaluation)
    begun: Begun = field(default_factory=Begun)

    def __post_init__(self) -> None:
        self.model.require_sources(self.data.sources)
        self.task.require_network(self.model, self.audio.sample_rate)
        self.task.require_excerpts(self.data.excerpt_secs)
        self.task.require_augmentation(self.augmentation.keeps_the_mixture)
        window = self.model.window()
        needed = window.margin_frames
        if self.data.context_frames < needed:
            raise ValueError(
                f"data.context_frames is {self.data.context_frames}; the network reads {needed} "
                f"frames on each side of an estimate, so records must hold at least as many."
            )
        self.task.require_window(window)

    @property
    def needs_labels(self) -> bool:
        """Says whether the network was trained to be told the instruments."""
        return self.model.takes_labels

    @property
    def takes_unknown_labels(self) -> bool:
        """Says whether the network learnt to do without labels, at least in some examples."""
        return not self.needs_labels or self.augmentation.label_dropout > 0

    @property
    def takes_unknown_notes(self) -> bool:
        """Says whether the network learnt to do without notes, at least in some examples."""
        return not self.model.takes_notes or self.augmentation.note_dropout > 0
