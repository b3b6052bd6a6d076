"""Describes the network that says which instruments sound, column by column."""

from dataclasses import dataclass, replace
from typing import Literal

from configs.checks import require, require_legal_words, require_within
from configs.geometry import ColumnsWindow
from configs.settings import NetworkSettings

# The lowest and the highest value of a field: ten times what is of use, and more.
_LIMITS = {
    "window_frames": (8, 2**16),
    "hop_frames": (1, 2**16),
    "num_bands": (2, 4096),
    "lowest_hz": (0, 2**18),
    "highest_hz": (0, 2**18),
    "column_hops": (1, 2**12),
    "width": (1, 8192),
    "depth": (1, 64),
    "context_columns": (0, 2**16),
    "sequence_answers": (1, 2**16),
    "estimate_frames": (1, 2**26),
}
# Dilations of the convolutions begin anew after so many: 1, 2, 4, 8, 1, ...
_DILATIONS = 4
# Filters of the convolutions over columns and bands with which the body dilated begins; each reads
# one column more on each side.
IMAGE_FILTERS = (24, 32, 48)
# Bodies that look at so many columns around an answer as at one picture.
PICTURE_COLUMNS = {
    "cnn1d": 129,
    "cnn3x3": 129,
    "multi_kernel": 129,
    "crnn": 129,
    "singing_cnn": 115,
    "musicnn": 187,
    "vgg": 187,
    "vgg_msd": 187,
}
# Fewer bands would leave nothing of a picture where these bodies keep the largest of neighbours.
_LEAST_BANDS = {
    "cnn3x3": 4,
    "multi_kernel": 4,
    "crnn": 64,
    "singing_cnn": 25,
    "musicnn": 3,
    "vgg": 64,
    "vgg_msd": 64,
}
# Bodies that go through the columns.
_RECURRENT = ("blstm",)
# Their layers have three quarters, a half and all of ``width`` in turn.
_QUARTERS = (3, 2, 4)


@dataclass(frozen=True)
class ColumnWindow(ColumnsWindow):
    """Holds the sizes of the window of a network that answers by column. It is a ``Window``.

    Answer n of a track is centred on n times ``column_frames``; the network reads
    ``context_frames`` before the first frame of its first column and behind those of its last.
    """

    column_frames: int
    num_columns: int
    context_frames: int
    # Answers that are computed together: the network repeats itself under their shifts alone.
    stride_columns: int = 1

    @property
    def margin_frames(self) -> int:
        """Returns the frames of the input on each side of those that are answered for."""
        return self.context_frames

    @property
    def estimate_frames(self) -> int:
        """Returns the frames from the first answer on to the one behind the last."""
        return self.num_columns * self.column_frames

    @property
    def mixture_frames(self) -> int:
        """Returns the frames that go in."""
        return self.estimate_frames + 2 * self.margin_frames

    @property
    def stride_frames(self) -> int:
        """Returns the distance of answers that are computed in the same way."""
        return self.column_frames * self.stride_columns

    @property
    def hop_frames(self) -> int:
        """Returns the distance between windows that are neighbours: all that is answered."""
        return self.estimate_frames


@dataclass(frozen=True)
class TaggerSettings(NetworkSettings):
    """Describes a network that gives the probability of every instrument; see docs/tagging.md."""

    kind: str = "tagger"
    body: Literal[
        "dilated",
        "blstm",
        "cnn1d",
        "cnn3x3",
        "multi_kernel",
        "crnn",
        "singing_cnn",
        "musicnn",
        "vgg",
        "vgg_msd",
    ] = "dilated"
    # What a body hears: bands of a spectrum, or what convolutions learn of the waveform.
    front: Literal["mel", "waveform"] = "mel"
    # Of the analysis.
    window_frames: int = 2048
    hop_frames: int = 512
    num_bands: int = 96
    lowest_hz: float = 0.0
    # 0: half of the rate.
    highest_hz: float = 0.0
    # Where mel bands lie, and what a band adds up to.
    mel_scale: Literal["htk", "slaney"] = "slaney"
    # What becomes of the power, or the magnitude, of a band.
    loudness: Literal["decibels", "log_magnitude", "log_power"] = "decibels"
    # There is an answer for one column of the analysis of so many.
    column_hops: int = 1
    # Of the bodies dilated and blstm alone, as depth is; the others are as they were published.
    width: int = 96
    # How many blocks, or recurrent layers, lie behind each other.
    depth: int = 8
    # Of a recurrent body, on each side of what it answers.
    context_columns: int = 30
    # A recurrent body begins anew after so many answers.
    sequence_answers: int = 158
    # At least; whole columns are answered.
    estimate_frames: int = 65536
    # Several instruments may sound at a time, or one of them always does.
    answers: Literal["several", "one"] = "several"

    def __post_init__(self) -> None:
        require_within(self, "model", _LIMITS)
        require_legal_words(self, "model")
        even = self.window_frames % 2 == 0
        require(even, "model.window_frames", self.window_frames, "an even number of frames")
        high = self.highest_hz
        ordered = high == 0 or high > self.lowest_hz
        require(ordered, "model.highest_hz", high, "0, or more than model.lowest_hz")
        if self.front == "waveform":
            hop = self.hop_frames
            power = hop >= 2 and hop & (hop - 1) == 0
            require(power, "model.hop_frames", hop, "a power of two, of which a waveform is halved")
            expected = f"at least {3 * hop}, which the convolutions of model.front=waveform read"
            long = self.window_frames >= 3 * hop
            require(long, "model.window_frames", self.window_frames, expected)
        self._require_body()

    def _require_body(self) -> None:
        """Raises a ``ValueError`` where a body cannot have such sizes."""
        least = _LEAST_BANDS.get(self.body, 2)
        expected = f"at least {least}, of which model.body={self.body} leaves something"
        require(self.num_bands >= least, "model.num_bands", self.num_bands, expected)
        if self.body in _RECURRENT:
            expected = f"a multiple of 4, as layers of model.body={self.body} have quarters of it"
            require(self.width % 4 == 0, "model.width", self.width, expected)

    @property
    def gives(self) -> str:
        """Returns what the network gives: the activity of instruments."""
        return "activity"

    @property
    def takes_labels(self) -> bool:
        """Returns that labels are no condition of the network: it says them."""
        return False

    @property
    def column_frames(self) -> int:
        """Returns the distance of two answers in frames."""
        return self.hop_frames * self.column_hops

    @property
    def picture_columns(self) -> int:
        """Returns how many columns a body looks at for an answer; 0 of others than pictures."""
        return PICTURE_COLUMNS.get(self.body, 0)

    @property
    def dilations(self) -> list[int]:
        """Returns the columns between the taps of each block of the body dilated."""
        return [2 ** (i % _DILATIONS) for i in range(self.depth)]

    @property
    def units(self) -> list[int]:
        """Returns the units of each layer of a recurrent body, in one direction."""
        return [
            _QUARTERS[i % len(_QUARTERS)] * self.width // max(_QUARTERS) for i in range(self.depth)
        ]

    @property
    def read_columns(self) -> int:
        """Returns how many columns of the analysis a body reads on each side of an answer."""
        if self.picture_columns:
            return self.picture_columns // 2
        if self.body in _RECURRENT:
            return self.context_columns
        return len(IMAGE_FILTERS) + sum(self.dilations)

    def window(self, frames: int | None = None) -> ColumnWindow:
        """Returns the window of training, or the smallest one that answers for so many frames."""
        if frames is None:
            frames = self.estimate_frames
        margin = self.read_columns * self.hop_frames + self.window_frames // 2
        together = self.sequence_answers if self.body in _RECURRENT else 1
        num_answers = together * -(-frames // (together * self.column_frames))
        return ColumnWindow(self.column_frames, num_answers, margin, together)

    def with_answers_every(self, column_hops: int) -> "TaggerSettings":
        """Returns the same network with an answer for one column of another number."""
        return replace(self, column_hops=column_hops)


def require_tagger(model: NetworkSettings, name: str) -> TaggerSettings:
    """Returns the section of a network if it is one that hears instruments.

    Args:
        model: the section.
        name: of the experiment, for the sentence.

    Raises:
        ValueError: it is another network.
    """
    if not isinstance(model, TaggerSettings):
        raise ValueError(
            f"{name} is no run that hears instruments: its model.kind is {model.kind}, expected "
            f"tagger (docs/tagging.md)."
        )
    return model
