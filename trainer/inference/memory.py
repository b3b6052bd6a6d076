"""Says how long the windows of a full-length estimate are, for the memory that they may take."""

import os
import sys
from typing import TYPE_CHECKING

from data_prep.runtime.memory import available_memory

# It imports Keras, for which a command that is refused does not wait.
if TYPE_CHECKING:
    from trainer.networks.network import Network

# Windows that estimate more than so many times what they read beside it, or so few frames, are not
# worth their memory.
_MOST_TO_CONTEXT = 8
_FEW_FRAMES = 2**17
MEMORY_MB = 1200
"""What a window takes at most, which every laptop has.

Longer windows compute less context twice: of the published network a seventh of all at this size.
Estimates are the same but for rounding. What happens to be free plays no part, so that the same
sound gives the same bytes.
"""


def return_freed_memory() -> None:
    """Lets TensorFlow return what it frees to the system, where it is not imported yet.

    Else it keeps a store of its own on a CPU, which doubles where no place in it is large enough:
    after an hour of a song the published network took 600 MB more than before. Without that store
    it takes a third more time, in which the system clears memory; the bytes are the same.
    """
    os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")


def frames_in(memory_mb: float, network: "Network") -> int:
    """Returns how many frames a window estimates that takes so much memory, in MB, at most.

    They are no more than is of use. Where less memory is there, it is what there is, and that is
    said.
    """
    available_mb = available_memory() / 1e6
    if available_mb < memory_mb:
        print(
            f"warning: there are {available_mb:,.0f} MB of memory left and not {memory_mb:,.0f}, "
            f"so that windows are shorter: that is slower, and estimates may differ by rounding.",
            file=sys.stderr,
            flush=True,
        )
        memory_mb = available_mb
    shortest = network.window()
    # What a window of any length reads beside what it estimates, and what it is rounded up by.
    context_frames = shortest.mixture_frames - shortest.hop_frames + shortest.stride_frames
    most_frames = int(memory_mb * 1e6 / network.frame_bytes()) - context_frames
    return min(most_frames, max(_FEW_FRAMES, _MOST_TO_CONTEXT * context_frames))
