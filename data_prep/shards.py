"""Records of single tracks, put together to shards of about one size."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import NamedTuple

from data_prep.manifest import ShardEntry, shard_from_tree
from data_prep.prepare import Prepared, records_path
from data_prep.records import shard_name
from data_prep.storage import Checksum, Folder, Stored, is_bucket, making, replacing

_SHARDS_PER_GROUP = 8  # numbers of shards are multiples of it, so that any number of TPU hosts shares them evenly
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


def place_all(shards: Sequence[Shard], folder: Folder, before: dict[str, Placed]) -> Iterator[ShardEntry]:
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
        stored = _concatenate(shard.tracks, folder.scratch, path)
        entry = ShardEntry(shard.name, *stored, tuple(track.entry for track in shard.tracks if track.entry))
        with replacing(sidecar) as temporary:
            temporary.write_text(json.dumps({"entry": asdict(entry), "keys": keys}), encoding="utf-8")
    for key in keys:
        records_path(folder.scratch, key).unlink()
    return entry


def _concatenate(tracks: Sequence[Prepared], scratch: Path, target: Path) -> Stored:
    """Records are framed one by one, so files of them are a file of them when they follow each other."""
    whole = Checksum()
    with target.open("wb") as output:
        for track in tracks:
            path, part = records_path(scratch, track.key), Checksum()
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    output.write(chunk)
                    part.update(chunk)
                    whole.update(chunk)
            if part.stored() != track.stored:
                raise ValueError(f"{path} was damaged after it was written; delete {scratch} and start again.")
    return whole.stored()
