"""Joins the records of single tracks to shards of about one size, and puts these in place."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import NamedTuple

from configs.reading import read_object
from configs.splits import SPLITS
from data_prep.records.entries import ShardEntry, shard_from_values
from data_prep.records.shard_files import shard_name
from data_prep.storage import Folder, is_bucket
from data_prep.storage.files import Checksum, Digest, replacing
from data_prep.storage.folder import making
from data_prep.writing.prepare import PreparedTrack
from data_prep.writing.scratch import Scratch

# Numbers of shards are multiples of it, so that any number of TPU hosts shares them evenly.
_SHARDS_PER_GROUP = 8
# This is how many go on at a time: an upload waits for the network, not for this machine.
_UPLOADS = 4
_CHUNK_BYTES = 2**20
# Such a file in scratch says what is known of a shard in place, until the manifest says it.
_SIDECAR = ".shard.json"


@dataclass(frozen=True)
class Shard:
    """Says which tracks become a shard."""

    name: str
    tracks: tuple[PreparedTrack, ...]


class ShardInPlace(NamedTuple):
    """Holds what is known of a shard that is in its folder."""

    entry: ShardEntry
    # Those of the prepared tracks that it was made of.
    keys: tuple[str, ...]


def plan_splits(tracks: Sequence[PreparedTrack], shard_mib: int) -> dict[str, list[Shard]]:
    """Returns the shards of each split, of the tracks that could be read."""
    plans: dict[str, list[Shard]] = {}
    for split in SPLITS:
        chosen = [track for track in tracks if not track.errors and track.files.split == split]
        plans[split] = plan(split, chosen, shard_mib)
    return plans


def plan(split: str, tracks: Sequence[PreparedTrack], shard_mib: int) -> list[Shard]:
    """Deals tracks to shards: the largest first, each to the emptiest shard.

    The shards of a split are a multiple of eight, and near ``shard_mib`` where there is enough for
    that; less than eight tracks get a shard each, since a shard holds whole tracks.
    """
    sizes = {track.files.name: track.digest.num_bytes for track in tracks if track.digest}
    # The quotient is rounded up: shards may be smaller than wanted, but hardly larger.
    num_groups = -(-sum(sizes.values()) // (_SHARDS_PER_GROUP * shard_mib * 2**20))
    num_groups = max(1, min(num_groups, len(tracks) // _SHARDS_PER_GROUP))
    num_shards = min(len(tracks), num_groups * _SHARDS_PER_GROUP)
    shards: list[list[PreparedTrack]] = [[] for _ in range(num_shards)]
    num_bytes = [0] * num_shards
    # Where sizes are equal, names decide: the plan must not depend on which track was read first.
    for track in sorted(tracks, key=lambda track: (-sizes[track.files.name], track.files.name)):
        emptiest = num_bytes.index(min(num_bytes))
        shards[emptiest].append(track)
        num_bytes[emptiest] += sizes[track.files.name]
    return [
        Shard(
            name=shard_name(split, index, num_shards),
            tracks=tuple(sorted(shard, key=lambda track: track.files.name)),
        )
        for index, shard in enumerate(shards)
    ]


def shards_in_place(folder: Folder) -> dict[str, ShardInPlace]:
    """Returns the shards that an interrupted command has put in place, by name.

    Their sizes and checksums are compared with what the storage says.
    """
    in_place = {}
    for path in sorted(folder.scratch.glob(f"*{_SIDECAR}")):
        try:
            values = read_object(path)
            entry = shard_from_values(values["entry"])
            keys = tuple(values["keys"])
        except (ValueError, KeyError, TypeError, AttributeError):
            # Whatever is wrong with it, the tracks of the shard can be prepared again.
            continue
        if folder.stat(entry.name) == (entry.num_bytes, entry.crc32c):
            in_place[entry.name] = ShardInPlace(entry, keys)
    return in_place


def put_shards(
    shards: Sequence[Shard],
    folder: Folder,
    scratch: Scratch,
    in_place: dict[str, ShardInPlace],
) -> Iterator[ShardEntry]:
    """Puts shards in place, several at a time in a bucket; yields their entries in order.

    Raises:
        ValueError: comes from ``put_shard``.
    """
    if not is_bucket(folder.url):
        yield from (put_shard(shard, folder, scratch, in_place) for shard in shards)
        return
    # These are threads that end with the process: whoever interrupts the command must not wait for
    # uploads that go nowhere.
    with ThreadPool(_UPLOADS) as pool:
        yield from pool.imap(lambda shard: put_shard(shard, folder, scratch, in_place), shards)


def put_shard(
    shard: Shard, folder: Folder, scratch: Scratch, in_place: dict[str, ShardInPlace]
) -> ShardEntry:
    """Puts a shard in place unless it is there, and frees the disk of the records it was made of.

    Raises:
        ValueError: records of a track are not what they were when they were written, or there is
            another file of that name.
    """
    keys = tuple(track.key for track in shard.tracks)
    if shard.name in in_place and in_place[shard.name].keys == keys:
        return in_place[shard.name].entry
    sidecar = scratch.here / f"{shard.name}{_SIDECAR}"
    if sidecar.exists():
        # The shard in place is ours, but of other tracks. What is not ours is not overwritten.
        folder.delete(shard.name)
    with making(folder, shard.name, overwrite=False) as path:
        digest = _join_records(shard.tracks, scratch, path)
        entry = ShardEntry(
            name=shard.name,
            num_bytes=digest.num_bytes,
            crc32c=digest.crc32c,
            tracks=tuple(track.entry for track in shard.tracks if track.entry),
        )
        # It is written before the shard is put in place, at the end of this block: were it the
        # other way, a shard could be in place of which nobody knows whose it is.
        values = {"entry": asdict(entry), "keys": keys}
        with replacing(sidecar) as temporary:
            temporary.write_text(json.dumps(values), encoding="utf-8")
    for key in keys:
        scratch.forget(key)
    return entry


def _join_records(tracks: Sequence[PreparedTrack], scratch: Scratch, target: Path) -> Digest:
    """Makes one file of the records of all tracks and returns its size and checksum.

    Each record has a header and a footer of its own, so files of them that follow each other are a
    file of them. They are copied, so that whoever is killed before the shard is in place finds them
    again.
    """
    whole = Checksum()
    with target.open("wb") as output:
        for track in tracks:
            for chunk in _iter_chunks(track, scratch.records(track.key)):
                output.write(chunk)
                whole.update(chunk)
    return whole.digest()


def _iter_chunks(track: PreparedTrack, path: Path) -> Iterator[bytes]:
    """Yields the records of a track in chunks.

    Raises:
        ValueError: comes behind the last chunk, where these are not the bytes that were written, or
            not there.
    """
    whole = Checksum()
    with suppress(FileNotFoundError), path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            whole.update(chunk)
            yield chunk
    if whole.digest() != track.digest:
        raise ValueError(
            f"the records of {track.files.name} in {path.parent} are gone, or were damaged after "
            f"they were written; the same command prepares them again."
        )
