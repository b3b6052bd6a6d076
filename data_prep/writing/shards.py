"""Records of single tracks, put together to shards of about one size."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import NamedTuple

from data_prep.records.format import shard_name
from data_prep.records.manifest import ShardEntry, shard_from_tree
from data_prep.storage import Folder, is_bucket
from data_prep.storage.files import Checksum, Stored, replacing
from data_prep.storage.folder import making
from data_prep.writing.prepare import Prepared, records_path

_SHARDS_PER_GROUP = (
    8  # numbers of shards are multiples of it, so that any number of TPU hosts shares them evenly
)
_UPLOADS = 4  # at a time: an upload waits for the network, not for this machine
_CHUNK_BYTES = 2**20
_SIDECAR = ".shard.json"  # in the scratch folder: what is known of a shard in place, until the manifest says it


@dataclass(frozen=True)
class Shard:
    """A shard to put together."""

    name: str
    tracks: tuple[Prepared, ...]


def plan(split: str, tracks: Sequence[Prepared], shard_mib: int) -> list[Shard]:
    """Tracks dealt to shards: the largest first, each to the emptiest shard.

    The shards of a split are a multiple of eight, and near ``shard_mib`` where there is enough for that; less than
    eight tracks get a shard each, since a shard holds whole tracks.
    """
    sizes = {track.files.name: track.stored.num_bytes for track in tracks if track.stored}
    groups = -(-sum(sizes.values()) // (_SHARDS_PER_GROUP * shard_mib * 2**20))
    groups = max(1, min(groups, len(tracks) // _SHARDS_PER_GROUP))
    count = min(len(tracks), groups * _SHARDS_PER_GROUP)
    shards: list[list[Prepared]] = [[] for _ in range(count)]
    filled = [0] * count
    for track in sorted(tracks, key=lambda track: (-sizes[track.files.name], track.files.name)):
        emptiest = filled.index(min(filled))
        shards[emptiest].append(track)
        filled[emptiest] += sizes[track.files.name]
    in_order = (sorted(shard, key=lambda track: track.files.name) for shard in shards)
    return [Shard(shard_name(split, i, count), tuple(shard)) for i, shard in enumerate(in_order)]


class Placed(NamedTuple):
    """A shard that is where it belongs."""

    entry: ShardEntry
    keys: tuple[str, ...]  # of the jobs that prepared its tracks


def placed_before(folder: Folder) -> dict[str, Placed]:
    """The shards that an interrupted job has put in place, by name, their bytes checked."""
    found = {}
    for path in sorted(folder.scratch.glob(f"*{_SIDECAR}")):
        tree = json.loads(path.read_text(encoding="utf-8"))
        placed = Placed(shard_from_tree(tree["entry"]), tuple(tree["keys"]))
        if folder.stat(placed.entry.name) == (placed.entry.num_bytes, placed.entry.crc32c):
            found[placed.entry.name] = placed
    return found


def place_all(
    shards: Sequence[Shard], folder: Folder, before: dict[str, Placed]
) -> Iterator[ShardEntry]:
    """Puts shards in place (``place``), in a bucket several at a time; their entries come in order."""
    if not is_bucket(folder.url):
        yield from (place(shard, folder, before) for shard in shards)
        return
    # Threads that end with the process: who interrupts a job must not wait for uploads that go nowhere.
    with ThreadPool(_UPLOADS) as pool:
        yield from pool.imap(lambda shard: place(shard, folder, before), shards)


def place(shard: Shard, folder: Folder, before: dict[str, Placed]) -> ShardEntry:
    """Puts a shard in place unless an earlier job did, and frees the disk of the records it was made of.

    Raises:
        ValueError: records of a track are not what they were when they were written, or the place is taken.
    """
    keys = tuple(track.key for track in shard.tracks)
    if shard.name in before and before[shard.name].keys == keys:
        return before[shard.name].entry
    sidecar = folder.scratch / f"{shard.name}{_SIDECAR}"
    if sidecar.exists():
        folder.delete(shard.name)  # ours, but of other tracks; what is not ours is not overwritten
    with making(folder, shard.name, overwrite=False) as path:
        stored = _put_together(shard.tracks, folder.scratch, path)
        entry = ShardEntry(
            shard.name, *stored, tuple(track.entry for track in shard.tracks if track.entry)
        )
        with replacing(sidecar) as temporary:
            temporary.write_text(
                json.dumps({"entry": asdict(entry), "keys": keys}), encoding="utf-8"
            )
    for key in keys[1:]:
        records_path(folder.scratch, key).unlink()
    return entry


def _put_together(tracks: Sequence[Prepared], scratch: Path, target: Path) -> Stored:
    """Records are framed one by one, so files of them are a file of them when they follow each other.

    The first becomes the shard itself: many a shard is of one track, and need not be written a second time.
    """
    first, *others = tracks
    whole = Checksum()
    with suppress(FileNotFoundError):
        records_path(scratch, first.key).replace(target)
    for chunk in _iter_chunks(first, target):
        whole.update(chunk)
    with target.open("ab") as output:
        for track in others:
            for chunk in _iter_chunks(track, records_path(scratch, track.key)):
                output.write(chunk)
                whole.update(chunk)
    return whole.stored()


def _iter_chunks(track: Prepared, path: Path) -> Iterator[bytes]:
    """The records of a track; behind the last an error where they are not those that were written, or not there."""
    found = Checksum()
    with suppress(FileNotFoundError), path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            found.update(chunk)
            yield chunk
    if found.stored() != track.stored:
        raise ValueError(
            f"the records of {track.files.name} in {path.parent} are gone, or were damaged after they were written; "
            f"the same command prepares them again."
        )
