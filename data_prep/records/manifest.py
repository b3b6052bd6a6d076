"""Defines the manifest, which every later stage opens first: what a folder of records holds."""

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import configs
from configs import Config
from configs.reading import parse_json
from configs.splits import SPLITS
from data_prep.records.entries import (
    CorpusFile,
    ShardEntry,
    TrackEntry,
    corpus_files_from_values,
    require_sources,
    require_types,
    shard_from_values,
)
from data_prep.records.format import FORMAT_VERSION, READABLE_VERSIONS, Layout, Record
from data_prep.records.shard_files import ADVICE, iter_records, require_shard
from data_prep.storage import open_folder

FILE_NAME = "manifest.json"
# The field of the file that is computed from all others.
_CHECKSUM = "checksum"


@dataclass(frozen=True)
class Manifest:
    """Holds all that is known of a folder of records."""

    config: Config
    corpus: str
    code_revision: str
    # Split -> its shards.
    shards: dict[str, tuple[ShardEntry, ...]]
    known_leaks: tuple[dict[str, Any], ...] = ()
    # The names of tracks that could not be read.
    skipped: tuple[str, ...] = ()
    # Track -> the files that it was made from, also of those that could not be read.
    corpus_files: dict[str, tuple[CorpusFile, ...]] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    @property
    def layout(self) -> Layout:
        """Returns the layout of every record."""
        return layout_of(self.config)._replace(format_version=self.format_version)

    def tracks(self, split: str) -> tuple[TrackEntry, ...]:
        """Returns the tracks of a split, in the order in which they are stored."""
        return tuple(track for shard in self.shards.get(split, ()) for track in shard.tracks)

    def all_tracks(self) -> list[TrackEntry]:
        """Returns the tracks of all splits, those for training first."""
        return [track for shard in self.all_shards() for track in shard.tracks]

    def all_shards(self) -> list[ShardEntry]:
        """Returns the shards of all splits, those for training first."""
        return [shard for split in SPLITS for shard in self.shards.get(split, ())]

    def iter_records(self, folder: str, split: str) -> Iterator[Record]:
        """Yields the records of a split: whole tracks, one after the other, each in order.

        Their addresses count from the first byte of the first shard on, the shards being laid end
        to end.

        Raises:
            ValueError: as from ``iter_shard``.
        """
        address = 0
        for shard in self.shards.get(split, ()):
            yield from self.iter_shard(folder, shard, address)
            address += shard.num_bytes

    def iter_shard(self, folder: str, shard: ShardEntry, address: int = 0) -> Iterator[Record]:
        """Yields the records of a shard in order; its first byte lies at the address.

        Raises:
            ValueError: the shard is missing or another than was written, or a record is corrupt or
                not what the manifest says.
        """
        require_shard(open_folder(folder), shard)
        path = f"{folder}/{shard.name}"
        tracks = {track.name: track for track in shard.tracks}
        for record in iter_records(path, self.layout, address):
            track = tracks.get(record.track)
            labels = set(record.label_names(self.layout.sources))
            if track is None or labels != set(track.labels):
                raise ValueError(
                    f"{path} holds a record of {record.track} with the labels "
                    f"{', '.join(sorted(labels))}, which {folder}/{FILE_NAME} does not name; "
                    f"{ADVICE}"
                )
            yield record

    def require_shards(self, folder: str) -> None:
        """Refuses a folder whose shards are not those that were written, which takes no time.

        Raises:
            ValueError: as from ``require_shard``.
        """
        opened = open_folder(folder)
        for shard in self.all_shards():
            require_shard(opened, shard)

    def require(self, config: Config, folder: str) -> None:
        """Refuses records that the network of a config cannot use.

        Raises:
            ValueError: rate, channels, vocabulary or stored context do not fit; it names both.
        """
        wanted = layout_of(config)
        for section, name in (("audio", "sample_rate"), ("audio", "channels"), ("data", "sources")):
            need = _as_override(getattr(wanted, name))
            have = _as_override(getattr(self.layout, name))
            if need != have:
                raise ValueError(
                    f"the experiment {config.name} needs records with {name} {need}, those in "
                    f"{folder} have {have}; write records for it, or choose an experiment for "
                    f"them, as with --set {section}.{name}={have}."
                )
        # The margin is 0 where a network pads by itself.
        needed = config.model.window().margin_frames
        stored = self.config.data.context_frames
        if stored < needed:
            raise ValueError(
                f"the network of {config.name} reads {needed} frames around an estimate, the "
                f"records in {folder} store {stored}; write them with "
                f"--set data.context_frames={needed}."
            )

    def require_sources(self, folder: str, splits: Sequence[str]) -> None:
        """Refuses records of which sources, or labels, are not all known.

        Raises:
            ValueError: a track of the splits has a label and no such source, or a label that nobody
                knows; it names the first.
        """
        for track in (track for split in splits for track in self.tracks(split)):
            require_sources(track, folder)

    def require_notes(self, folder: str, splits: Sequence[str]) -> None:
        """Refuses records without notes.

        Raises:
            ValueError: a split has tracks, and none of them has notes.
        """
        for split in splits:
            if self.tracks(split) and not self.num_with_notes(split):
                raise ValueError(
                    f"the {split} tracks in {folder} have no notes; write them from a corpus that "
                    f"has some (URMP's Notes_*.txt)."
                )

    def num_with_notes(self, split: str) -> int:
        """Returns how many tracks of a split have notes."""
        return sum(track.num_notes > 0 for track in self.tracks(split))

    @property
    def context_size(self) -> int:
        """Returns how many numbers the vector of a slot has; 0 where no track has vectors."""
        return max((track.context_size for track in self.all_tracks()), default=0)

    def to_json(self) -> str:
        """Returns the manifest as JSON text, with a checksum of all that it says."""
        values = dataclasses.asdict(self)
        return json.dumps({**values, _CHECKSUM: _checksum(values)}, indent=1)


def _as_override(value: int | tuple[str, ...]) -> str:
    """Returns a value as ``--set`` takes it."""
    return str(value) if isinstance(value, int) else ",".join(value)


def layout_of(config: Config) -> Layout:
    """Returns the layout of the records that an experiment writes."""
    return Layout(
        sample_rate=config.audio.sample_rate,
        channels=config.audio.channels,
        sources=config.data.sources,
        encoding=config.data.encoding,
    )


def load_manifest(folder: str) -> Manifest:
    """Reads the manifest of a folder of records, on a disk or a bucket.

    Raises:
        ValueError: there is none, or it is not one that this code can read.
    """
    path = f"{folder}/{FILE_NAME}"
    records_folder = open_folder(folder)
    try:
        text = records_folder.read_text(FILE_NAME)
    except OSError as error:
        raise ValueError(
            f"{path} cannot be read; {folder} must be a folder that data_prep.write made."
        ) from error
    if text is None:
        # This fails with a sentence of its own where it is the bucket that is missing.
        records_folder.list_names()
        raise ValueError(
            f"there is no {FILE_NAME} in {folder}: data_prep.write has not finished there, "
            f"or the folder is another."
        )
    return manifest_from_json(text, path)


def manifest_from_json(text: str, path: str) -> Manifest:
    """Returns the manifest that a JSON text describes; ``path`` names it in errors.

    Raises:
        ValueError: it is not one that this code can read.
    """
    values = parse_json(text, path)
    version = values.get("format_version") if isinstance(values, dict) else None
    if version is None:
        raise ValueError(
            f"{path} is not a manifest: it has no format version; "
            f"expected one that data_prep.write made."
        )
    if version not in READABLE_VERSIONS:
        raise ValueError(
            f"{path} has format version {version}, this code reads "
            f"{' and '.join(map(str, READABLE_VERSIONS))}; write it again."
        )
    # Manifests that were written before had none.
    checksum = values.pop(_CHECKSUM, None)
    if checksum not in (None, _checksum(values)):
        raise ValueError(
            f"{path} was changed since it was written: its checksum is another; put the original "
            f"back, or delete it and give the command of data_prep.write again."
        )
    try:
        return _manifest_from_values(values)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is not a manifest: {type(error).__name__} {error}; write the records again."
        ) from error


def _checksum(values: dict[str, Any]) -> str:
    """Returns the checksum of what a manifest says, in whatever order."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _manifest_from_values(values: dict[str, Any]) -> Manifest:
    require_types(texts=values.get("skipped", ()), counts=())
    return Manifest(
        config=configs.from_values(values["config"]),
        corpus=str(values["corpus"]),
        code_revision=str(values["code_revision"]),
        shards={
            split: tuple(shard_from_values(shard) for shard in shards)
            for split, shards in values["shards"].items()
        },
        known_leaks=tuple(values["known_leaks"]),
        # Manifests that were written before tracks could be skipped do not have it.
        skipped=tuple(values.get("skipped", ())),
        # Nor those that were written before a corpus was known by its content.
        corpus_files=corpus_files_from_values(values.get("corpus_files", {})),
        format_version=values["format_version"],
    )
