"""Tracks to excerpts: the stretch of a track that one record owns, with the context its borders need."""

from collections.abc import Iterator
from dataclasses import dataclass

from configs import Data
from data_prep.audio.activity import is_audible
from data_prep.audio.tracks import Track, Waveform


@dataclass(frozen=True)
class Excerpt:
    """Frames [start, start + owned_frames) of a track, and what is stored around them.

    The waveforms have shape (T, C) with T = context_before + owned_frames + the context after, both contexts clipped
    to the track.
    """

    track: str
    sample_rate: int
    start: int
    owned_frames: int
    context_before: int
    labels: tuple[str, ...]  # of the whole piece, sounding here or not
    mixture: Waveform
    sources: dict[str, Waveform]  # only those that sound in the stored frames


def iter_excerpts(track: Track, data: Data) -> Iterator[Excerpt]:
    """The excerpts of a track, in order; their owned frames tile it, the last may be shorter.

    Args:
        track: at the rate and channel count of the records.
        data: the length of an excerpt and of the context stored on each side.
    """
    num_frames = len(track.mixture)
    hop = max(1, round(data.excerpt_secs * track.sample_rate))
    for start in range(0, num_frames, hop):
        stop = min(start + hop, num_frames)
        first = max(0, start - data.context_frames)
        stored = slice(first, min(num_frames, stop + data.context_frames))
        yield Excerpt(
            track=track.name,
            sample_rate=track.sample_rate,
            start=start,
            owned_frames=stop - start,
            context_before=start - first,
            labels=tuple(track.sources),
            mixture=track.mixture[stored],
            sources={
                name: wave[stored]
                for name, wave in track.sources.items()
                if is_audible(wave[stored])
            },
        )
