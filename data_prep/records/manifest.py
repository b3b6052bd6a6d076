"""The manifest: what every later stage opens first, and where it learns what a folder of records holds."""

import dataclasses
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import configs
from configs import Config
from data_prep.records.format import FORMAT_VERSION, Layout, Record, iter_records
from data_prep.storage import open_folder
from data_prep.storage.files import plain_name

FILE_NAME = "manifest.json"


@dataclass(frozen=True)
class TrackEntry:
    """A track as it was written."""

    name: str
    num_frames: int
    num_excerpts: int
    num_parts: dict[
        str, int
    ]  # instrument -> parts summed into it; its keys are the labels of the piece
    residual_db: (
        float | None
    )  # mixture against the sum of the sources; None where it is exactly the sum
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ShardEntry:
    """A shard and the whole tracks in it, in order."""

    name: str
    num_bytes: int
    crc32c: str  # base64 of the big-endian checksum, as Cloud Storage states it
    tracks: tuple[TrackEntry, ...]


@dataclass(frozen=True)
class Manifest:
    """All that holds for a folder of records."""

    config: Config
    corpus: str
    code_revision: str
    shards: dict[str, tuple[ShardEntry, ...]]  # split -> its shards
    known_leaks: tuple[dict[str, Any], ...] = ()
    skipped: tuple[str, ...] = ()  # names of tracks that could not be read
    format_version: int = field(default=FORMAT_VERSION)

    @property
    def layout(self) -> Layout:
        """The layout of every record."""
        return layout_of(self.config)

    def tracks(self, split: str) -> tuple[TrackEntry, ...]:
        """The tracks of a split, in the order in which they are stored."""
        return tuple(track for shard in self.shards.get(split, ()) for track in shard.tracks)

    def iter_records(self, folder: str, split: str) -> Iterator[Record]:
        """The records of a split: whole tracks, one after the other, each in order.

        Their addresses count from the first byte of the first shard on, the shards being laid end to end.

        Raises:
            ValueError: a shard is missing, corrupt, or cut off (between two records its checksums do not tell).
        """
        import tensorflow as tf

        address = 0
        for shard in self.shards.get(split, ()):
            path, found = f"{folder}/{shard.name}", 0
            if tf.io.gfile.exists(path) and tf.io.gfile.stat(path).length > shard.num_bytes:
                raise ValueError(
                    f"{path} is longer than its {shard.num_bytes} bytes; write the records again."
                )
            for record in iter_records(path, self.layout, address):
                yield record
                found += 1
            expected = sum(track.num_excerpts for track in shard.tracks)
            if found != expected:
                raise ValueError(
                    f"{path} holds {found} records, expected {expected}; write the records again."
                )
            address += shard.num_bytes

    def require(self, config: Config, folder: str) -> None:
        """Refuse records that a config's network cannot use.

        Raises:
            ValueError: rate, channels, vocabulary or stored context do not fit, naming both values.
        """
        ours, theirs = layout_of(config), self.layout
        for section, name in (("audio", "sample_rate"), ("audio", "channels"), ("data", "sources")):
            need, have = (_written(getattr(layout, name)) for layout in (ours, theirs))
            if need != have:
                raise ValueError(
                    f"the experiment {config.name} needs records with {name} {need}, those in {folder} have {have}; "
                    f"write records for it, or choose an experiment for them, as with --set {section}.{name}={have}."
                )
        needed = config.model.window().margin_frames
        stored = self.config.data.context_frames
        if stored < needed:
            raise ValueError(
                f"the network of {config.name} reads {needed} frames around an estimate, the records in {folder} store "
                f"{stored}; write them with --set data.context_frames={needed}."
            )

    def to_json(self) -> str:
        """The manifest as JSON text."""
        return json.dumps(dataclasses.asdict(self), indent=1)


def _written(value: int | tuple[str, ...]) -> str:
    """A value as ``--set`` takes it."""
    return str(value) if isinstance(value, int) else ",".join(value)


def layout_of(config: Config) -> Layout:
    """The layout of the records that an experiment writes."""
    return Layout(
        config.audio.sample_rate, config.audio.channels, config.data.sources, config.data.encoding
    )


def load_manifest(folder: str) -> Manifest:
    """The manifest of a folder of records, on a disk or a bucket.

    Raises:
        ValueError: there is none, or it is not one that this code can read.
    """
    path, opened = f"{folder}/{FILE_NAME}", open_folder(folder)
    try:
        text = opened.read_text(FILE_NAME)
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} cannot be read; {folder} must be a folder that data_prep.write made."
        ) from error
    if text is None:
        opened.list_names()  # fails where it is the bucket that is missing
        raise ValueError(
            f"there is no {FILE_NAME} in {folder}: data_prep.write has not finished there, or the folder is another."
        )
    return manifest_from_json(text, path)


def manifest_from_json(text: str, path: str) -> Manifest:
    """The manifest that a JSON text describes; ``path`` names it in errors.

    Raises:
        ValueError: it is not one that this code can read.
    """
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}.") from error
    version = tree.get("format_version") if isinstance(tree, dict) else None
    if version is None:
        raise ValueError(
            f"{path} is not a manifest: it has no format version; expected one that data_prep.write made."
        )
    if version != FORMAT_VERSION:
        raise ValueError(
            f"{path} has format version {version}, this code reads {FORMAT_VERSION}; write it again."
        )
    try:
        return _from_tree(tree)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is not a manifest: {type(error).__name__} {error}; write the records again."
        ) from error


def shard_from_tree(tree: dict[str, Any]) -> ShardEntry:
    """The entry that ``dataclasses.asdict`` turned into plain values; its name must not lead out of the folder."""
    entry = ShardEntry(**{**tree, "tracks": tuple(map(track_from_tree, tree["tracks"]))})
    plain_name(entry.name)
    _require_types(texts=(entry.crc32c,), counts=(entry.num_bytes,))
    return entry


def track_from_tree(tree: dict[str, Any]) -> TrackEntry:
    """As ``shard_from_tree``."""
    entry = TrackEntry(**{**tree, "warnings": tuple(tree["warnings"])})
    _require_types(
        texts=(entry.name, *entry.num_parts, *entry.warnings),
        counts=(entry.num_frames, entry.num_excerpts, *entry.num_parts.values()),
    )
    if entry.residual_db is not None and not math.isfinite(entry.residual_db):
        raise TypeError(f"residual_db is {entry.residual_db}")
    return entry


def _require_types(texts: Iterable[object], counts: Iterable[object]) -> None:
    """JSON has whatever types whoever wrote it liked; ``TypeError`` where that is none of ours."""
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"{text!r} is no text")
    for count in counts:
        if not (type(count) is int and 0 <= count < 2**63):
            raise TypeError(f"{count!r} is no count")


def _from_tree(tree: dict[str, Any]) -> Manifest:
    _require_types(texts=tree.get("skipped", ()), counts=())
    return Manifest(
        config=configs.from_json(json.dumps(tree["config"])),
        corpus=str(tree["corpus"]),
        code_revision=str(tree["code_revision"]),
        shards={
            split: tuple(map(shard_from_tree, shards)) for split, shards in tree["shards"].items()
        },
        known_leaks=tuple(tree["known_leaks"]),
        skipped=tuple(tree.get("skipped", ())),
    )
