"""Tells how far a corpus is on its way to records, how long the rest takes, and what came of it."""

import time
from collections.abc import Iterator, Sequence

from configs.splits import SPLITS
from data_prep.audio.tracks import TrackFiles
from data_prep.records.entries import ShardEntry
from data_prep.records.manifest import Manifest
from data_prep.runtime.quantities import clock
from data_prep.writing.prepare import PreparedTrack, TrackToPrepare

# What came of a track.
READ = "read"
READ_BEFORE = "read before"
NOT_READ = "cannot be read"


class PreparationProgress:
    """Prints a line per track: how many are done, and how long the rest will take at this rate.

    The rate is that of the bytes of files, since tracks differ in length and number of parts.
    """

    def __init__(self, tracks: Sequence[TrackToPrepare]) -> None:
        self._num_tracks = len(tracks)
        self._num_done = 0
        self._sizes = {track.files.name: track.num_bytes for track in tracks}
        self._bytes_left = sum(self._sizes.values())
        self._bytes_read = 0
        self._started = time.monotonic()

    def done(self, track: PreparedTrack) -> None:
        """Prints the line of a track."""
        self.tell(track.files, outcome_of(track))

    def tell(self, files: TrackFiles, outcome: str) -> None:
        """Prints the line of a track that may have been prepared elsewhere."""
        size = self._sizes[files.name]
        self._num_done += 1
        self._bytes_left -= size
        # A track that was read before takes next to no time, so it tells nothing of the rate.
        if outcome != READ_BEFORE:
            self._bytes_read += size
        position = f"{self._num_done}/{self._num_tracks}"
        name = f"{files.split} {files.name}"
        print(f"{position} {name}: {outcome}{self._time_left()}", flush=True)

    def _time_left(self) -> str:
        """Returns nothing while all tracks were read before: how long one takes is not known."""
        if not self._bytes_read:
            return ""
        elapsed = time.monotonic() - self._started
        return f" ({clock(elapsed / self._bytes_read * self._bytes_left)} left)"


def outcome_of(track: PreparedTrack) -> str:
    """Returns whether a track was read, was read before, or cannot be read."""
    if track.errors:
        return NOT_READ
    return READ if track.is_new else READ_BEFORE


class UploadProgress:
    """Prints a line per shard: how many are in place, and how long the others will take."""

    def __init__(self, num_shards: int) -> None:
        self._num_shards = num_shards
        self._num_done = 0
        self._started = time.monotonic()

    def done(self, entry: ShardEntry) -> None:
        """Prints the line of a shard."""
        self._num_done += 1
        elapsed = time.monotonic() - self._started
        left = clock(elapsed / self._num_done * (self._num_shards - self._num_done))
        size = f"{entry.num_bytes / 2**20:.1f} MiB"
        position = f"{self._num_done}/{self._num_shards}"
        print(f"{position} {entry.name} is there, {size} ({left} left)", flush=True)


def summary_lines(manifest: Manifest) -> Iterator[str]:
    """Yields a line for each split of a finished folder."""
    rate = manifest.config.audio.sample_rate
    for split in SPLITS:
        tracks = manifest.tracks(split)
        shards = manifest.shards[split]
        length = clock(sum(track.num_frames for track in tracks) / rate)
        num_excerpts = sum(track.num_excerpts for track in tracks)
        num_bytes = sum(shard.num_bytes for shard in shards)
        yield (
            f"{split:6} {len(tracks):4} tracks {length:>9} {num_excerpts:6} records "
            f"{len(shards):4} shards {num_bytes / 2**20:9.1f} MiB"
        )
