"""Says what sizes the window of every network has."""

from typing import Protocol


class Window(Protocol):
    """Holds the sizes of one input of a network and its estimate, all in frames.

    A full-length estimate lays windows one hop apart over a track, which counts as preceded and
    followed by zeros, and keeps one hop of each estimate. Windows of the same sizes are equal.
    """

    def __hash__(self) -> int:
        """Returns the same for equal windows: each is compiled once."""

    @property
    def mixture_frames(self) -> int:
        """Returns the frames that go in."""

    @property
    def estimate_frames(self) -> int:
        """Returns the frames that come out, of the middle of what goes in."""

    @property
    def margin_frames(self) -> int:
        """Returns the frames of the input on each side of the estimate."""

    @property
    def hop_frames(self) -> int:
        """Returns the distance between windows that are neighbours, a multiple of the stride."""

    @property
    def stride_frames(self) -> int:
        """Returns the shift under whose multiples alone a full-length estimate repeats itself."""

    @property
    def reach_frames(self) -> int:
        """Returns how far before and behind a frame of it the mixture plays a part, at most."""

    @property
    def lead_frames(self) -> int:
        """Returns how long before the track the first window begins to read."""

    @property
    def kept_offset(self) -> int:
        """Returns the first frame of an estimate that a full-length estimate keeps."""

    @property
    def overlap(self) -> int:
        """Returns how many windows a frame of a full-length estimate is the weighted mean of.

        It is 1 where a hop of each estimate is kept as it is. Else the whole estimate is kept, and
        windows fade in and out.
        """
