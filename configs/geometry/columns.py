"""Computes the sizes of windows of columns, such as those of networks that mask spectra."""

from dataclasses import dataclass, replace

# Analysis hops in an analysis window, and those of its beginning that an earlier one reaches into.
OVERLAP = 4
_SHARED = OVERLAP - 1


class ColumnsWindow:
    """Is what windows of columns share: all that one estimates is kept, from its first frame on."""

    @property
    def margin_frames(self) -> int:
        """Returns the frames of the input on each side of the estimate."""
        raise NotImplementedError

    @property
    def reach_frames(self) -> int:
        """Returns how far before and behind a frame of an estimate the mixture plays a part."""
        return self.margin_frames

    @property
    def lead_frames(self) -> int:
        """Returns how long before the track the first window begins to read."""
        return self.margin_frames

    @property
    def overlap(self) -> int:
        """Returns 1: of neighbouring estimates one frame is kept as it is."""
        return 1

    @property
    def kept_offset(self) -> int:
        """Returns 0: all of an estimate is kept from its first frame on."""
        return 0


@dataclass(frozen=True)
class MaskWindow(ColumnsWindow):
    """Holds the sizes of the window of a network that masks a spectrogram. It is a ``Window``.

    A column is the spectrum of one analysis window, which is four analysis hops long. Frames are
    estimated where four masked columns overlap: of M' masked columns that is M' - 3 hops. The
    network reads ``context_columns`` more on each side than it masks.
    """

    analysis_hop: int
    num_masked: int
    context_columns: int
    # The only shifts under which the masks repeat themselves.
    stride_columns: int = 1

    @property
    def num_columns(self) -> int:
        """Returns how many columns the network reads, M."""
        return self.num_masked + 2 * self.context_columns

    @property
    def mixture_frames(self) -> int:
        """Returns the frames that M columns cover."""
        return (self.num_columns + _SHARED) * self.analysis_hop

    @property
    def estimate_frames(self) -> int:
        """Returns the frames that four masked columns cover, M' - 3 hops."""
        return (self.num_masked - _SHARED) * self.analysis_hop

    @property
    def margin_frames(self) -> int:
        """Returns the frames of the input on each side of the estimate."""
        return (self.context_columns + _SHARED) * self.analysis_hop

    @property
    def stride_frames(self) -> int:
        """Returns the frames of a shift under which the network repeats itself."""
        return self.stride_columns * self.analysis_hop

    @property
    def hop_frames(self) -> int:
        """Returns the distance between windows that are neighbours: what whole strides estimate."""
        return self.estimate_frames // self.stride_frames * self.stride_frames

    def for_mixture(self, mixture_frames: int) -> "MaskWindow":
        """Returns the window of the same network that reads so many frames."""
        columns = mixture_frames // self.analysis_hop - _SHARED
        return replace(self, num_masked=columns - 2 * self.context_columns)
