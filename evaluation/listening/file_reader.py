"""Reads what is to be heard of tracks whose estimates lie in files; needs no TensorFlow."""

from collections.abc import Sequence

from evaluation.estimates.track_on_disk import TrackOnDisk
from evaluation.listening.clips import Choice, ClipReader, ClipWaveforms
from evaluation.scores.table import MODEL


def make_file_reader(tracks: Sequence[TrackOnDisk]) -> ClipReader:
    """Returns a function of choices that reads what is to be heard of tracks in files."""
    by_name = {track.name: track for track in tracks}

    def read(choice: Choice) -> ClipWaveforms:
        track = by_name[choice.track]
        start, stop = choice.frames(track.sample_rate, track.num_frames)
        slot = track.vocabulary.index(choice.source)
        references = track.read_references(start, stop)
        estimates = track.read_estimates(start, stop)
        return ClipWaveforms(
            mixture=track.read_mixture(start, stop, references),
            reference=references[slot],
            estimate=estimates[MODEL][slot],
        )

    return read
