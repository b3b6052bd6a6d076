"""Cuts tracks into excerpts: the frames that a record owns, with the context of their borders."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from configs import Data
from data_prep.audio.activity import is_audible
from data_prep.audio.annotations import Annotations, Note
from data_prep.audio.tracks import Track, Waveform


@dataclass(frozen=True)
class Excerpt:
    """Holds frames [start, start + owned_frames) of a track, and what is stored around them.

    The waveforms have shape (T, C) with T = context_before + owned_frames + the context after;
    both contexts end where the track does.
    """

    track: str
    sample_rate: int
    start: int
    owned_frames: int
    context_before: int
    # They are those of the whole piece, but for the notes, which sound in the stored frames.
    annotations: Annotations
    mixture: Waveform
    # Only those are here that sound in the stored frames.
    sources: dict[str, Waveform]


def iter_excerpts(track: Track, data: Data) -> Iterator[Excerpt]:
    """Yields the excerpts of a track in order; their owned frames tile it, the last may own fewer.

    Args:
        track: is at the rate and channel count of the records.
        data: gives the length of an excerpt and of the context that is stored on each side.
    """
    num_frames = len(track.mixture)
    hop = max(1, round(data.excerpt_secs * track.sample_rate))
    said = track.said
    for start in range(0, num_frames, hop):
        stop = min(start + hop, num_frames)
        first = max(0, start - data.context_frames)
        last = min(num_frames, stop + data.context_frames)
        # A source is judged with its context: a network that reads the context must find it there.
        sources = {
            name: waveform[first:last]
            for name, waveform in track.sources.items()
            if is_audible(waveform[first:last])
        }
        yield Excerpt(
            track=track.name,
            sample_rate=track.sample_rate,
            start=start,
            owned_frames=stop - start,
            context_before=start - first,
            annotations=replace(said, notes=_notes_within(said.notes, first, last)),
            mixture=track.mixture[first:last],
            sources=sources,
        )


def _notes_within(notes: tuple[Note, ...], first: int, last: int) -> tuple[Note, ...]:
    """Returns the notes that sound in frames [first, last), as they are in the track."""
    return tuple(note for note in notes if note.onset < last and note.offset > first)
