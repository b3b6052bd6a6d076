"""Tells whether a folder of finished records holds what a command would write there."""

from collections.abc import Iterator, Sequence

from configs import Config
from configs.instruments import ACCOMPANIMENT
from configs.splits import SPLITS
from data_prep.audio.annotations import Annotations
from data_prep.corpora import Listing
from data_prep.records.entries import NOTES, CorpusFile
from data_prep.records.manifest import FILE_NAME, Manifest, load_manifest
from data_prep.storage import Folder
from data_prep.writing.examination import Options
from data_prep.writing.prepare import read_contents

# In a sentence.
_MOST_CHANGES = 3


def require_finished(
    config: Config, listing: Listing, folder: Folder, options: Options
) -> Manifest:
    """Returns the manifest of a folder that is finished, if it holds what was asked for.

    Every file of the corpus and every shard is read for that.

    Raises:
        ValueError: it holds records of another config, or of a corpus that has changed since, lacks
            tracks that were asked for, or has lost a shard.
    """
    manifest = load_manifest(folder.url)
    _require_same_kind(manifest, config, listing, folder)
    _require_whole_tracks(manifest, folder, options)
    changes = [
        *_changed_tracks(manifest, listing),
        *_changed_labels(manifest, listing),
        *_changed_files(manifest, listing),
    ]
    if changes:
        more = ""
        if len(changes) > _MOST_CHANGES:
            more = f", and {len(changes) - _MOST_CHANGES} more"
        raise ValueError(
            f"{listing.root} has changed since the records in {folder.url} were written: "
            f"{', '.join(changes[:_MOST_CHANGES])}{more}; choose another --out, or delete that "
            f"folder first."
        )
    for entry in manifest.all_shards():
        if folder.stat(entry.name) != (entry.num_bytes, entry.crc32c):
            raise ValueError(
                f"{folder.url}/{entry.name} is not there with its {entry.num_bytes} bytes and its "
                f"checksum; delete what is there of it, and {folder.url}/{FILE_NAME}, then give "
                f"the same command again."
            )
    return manifest


def _require_same_kind(
    manifest: Manifest, config: Config, listing: Listing, folder: Folder
) -> None:
    # Of a config only these sections say what records hold; one network's records fit another.
    is_same = manifest.config.audio == config.audio and manifest.config.data == config.data
    if manifest.corpus != listing.corpus or not is_same:
        raise ValueError(
            f"{folder.url} already holds finished records of another corpus or config "
            f"({manifest.corpus}, {manifest.config.name}); choose another --out, or delete that "
            f"folder first."
        )


def _require_whole_tracks(manifest: Manifest, folder: Folder, options: Options) -> None:
    """Refuses records that lack what the flags of the command do not allow to be lacking."""
    if manifest.skipped and not options.skip_bad:
        raise ValueError(
            f"the finished records in {folder.url} lack {', '.join(manifest.skipped)}, which could "
            f"not be read; delete that folder to write all, or give --skip_bad to keep them as "
            f"they are."
        )
    damaged = sorted(
        track.name for split in SPLITS for track in manifest.tracks(split) if track.is_damaged
    )
    if damaged and not options.read_on_over_damage:
        raise ValueError(
            f"the finished records in {folder.url} are silent where files of "
            f"{', '.join(damaged)} are damaged; choose another --out for a corpus that is whole, "
            f"or give --read_on_over_damage to keep them as they are."
        )


def _changed_tracks(manifest: Manifest, listing: Listing) -> Iterator[str]:
    """Yields which tracks came, went, or belong to another split now."""
    before = {track.name: split for split in SPLITS for track in manifest.tracks(split)}
    now = {track.name: track.split for track in listing.tracks}
    for name in sorted(before.keys() | now.keys()):
        if name not in now:
            yield f"the track {name} is gone"
        elif name not in before and name not in manifest.skipped:
            yield f"the track {name} is new"
        elif name in before and before[name] != now[name]:
            yield f"the track {name} is for {now[name]}, not {before[name]}"


def _changed_labels(manifest: Manifest, listing: Listing) -> Iterator[str]:
    """Yields of which tracks something else is said beside their files."""
    vocabulary = manifest.layout.sources
    entries = {track.name: track for split in SPLITS for track in manifest.tracks(split)}
    for track in listing.tracks:
        entry = entries.get(track.name)
        if entry is None:
            continue
        said = track.annotations or Annotations(playing=entry.labels)
        if ACCOMPANIMENT in vocabulary:
            rest = [name for name in said.playing if name not in vocabulary]
            said = said.renamed(dict.fromkeys(rest, ACCOMPANIMENT))
        unknown = [name for name in vocabulary if said.label_of(name) < 0]
        before = (set(entry.labels), set(entry.unknown), entry.tags, entry.grades)
        if before != (set(said.playing), set(unknown), said.tags, said.grades):
            yield f"the labels or tags of {track.name} are others"


def _changed_files(manifest: Manifest, listing: Listing) -> Iterator[str]:
    """Yields which files of the tracks are others; of what older code wrote nothing is known."""
    for track in listing.tracks:
        if track.name in manifest.corpus_files:
            before = manifest.corpus_files[track.name]
            now = read_contents(track)
            if manifest.format_version == 1:
                # It has no notes.
                now = tuple(file for file in now if not file.label.startswith(NOTES))
            for change in _differences(before, now):
                yield f"{track.name}/{change}"


def _differences(before: Sequence[CorpusFile], now: Sequence[CorpusFile]) -> Iterator[str]:
    old_files = {file.name: file for file in before}
    new_files = {file.name: file for file in now}
    for name in sorted(old_files.keys() | new_files.keys()):
        if name not in new_files:
            yield f"{name} is gone"
        elif name not in old_files:
            yield f"{name} is new"
        elif new_files[name].label != old_files[name].label:
            yield f"{name} is {new_files[name].label}, not {old_files[name].label}"
        elif new_files[name] != old_files[name]:
            yield f"{name} has other bytes"
