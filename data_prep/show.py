"""Look at records: a table of what a folder holds, or one track of it as a figure and as sound.

    python -m data_prep.show --records=records/urmp
    python -m data_prep.show --records=records/urmp --track=01_Jupiter_vn_vc --out=jupiter
    python -m data_prep.show --records=records/urmp --track=01_Jupiter_vn_vc --record=0 --out=jupiter

With --track, OUT gets overview.png, mixture.wav and a wav file of every instrument of the piece, as training hears
them. With --record, one record of the track, pluralized from 0, with the context around the frames that it owns, which
the figure shades.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import soundfile
from absl import flags

from configs.instruments import name_of
from configs.splits import SPLITS
from data_prep.audio.tracks import MIXTURE, Waveform
from data_prep.records.format import Record, iter_records
from data_prep.records.full_tracks import FullTrack
from data_prep.records.manifest import Manifest, TrackEntry, load_manifest
from data_prep.runtime import command
from data_prep.runtime.quantities import clock, pluralized
from data_prep.storage import open_folder
from data_prep.storage.files import replacing


def table(manifest: Manifest) -> Iterator[str]:
    """What a folder of records holds: sizes, instruments and polyphony of every split."""
    layout = manifest.layout
    yield (
        f"{manifest.corpus}, {layout.sample_rate} Hz, {pluralized(layout.channels, 'channel')}, {layout.encoding}, "
        f"splits {manifest.config.data.splits}, written by {manifest.code_revision}"
    )
    yield ""
    yield f"{'':16}{''.join(f'{split:>12}' for split in SPLITS)}"
    rows = {
        "tracks": [f"{len(manifest.tracks(split))}" for split in SPLITS],
        "h:mm:ss": [_length(manifest, manifest.tracks(split)) for split in SPLITS],
        "records": [
            f"{sum(track.num_excerpts for track in manifest.tracks(split))}" for split in SPLITS
        ],
        "shards": [f"{len(manifest.shards.get(split, ()))}" for split in SPLITS],
        "MiB": [
            f"{sum(shard.num_bytes for shard in manifest.shards.get(split, ())) / 2**20:.1f}"
            for split in SPLITS
        ],
    }
    yield from (
        f"{name:16}{''.join(f'{cell:>12}' for cell in cells)}" for name, cells in rows.items()
    )
    yield from ("", "with each instrument, tracks and h:mm:ss:")
    for source in layout.sources:
        playing = [
            [track for track in manifest.tracks(split) if source in track.num_parts]
            for split in SPLITS
        ]
        cells = (f"{len(tracks):4} {_length(manifest, tracks):>9}" for tracks in playing)
        yield f"{name_of(source):16}{''.join(cells)}"
    yield from (
        "",
        "by number of instruments, tracks (and number of parts, where those of one instrument are summed):",
    )
    for split in SPLITS:
        counts = Counter(
            (len(t.num_parts), sum(t.num_parts.values())) for t in manifest.tracks(split)
        )
        described = ", ".join(
            f"{count} with {num}{f' ({parts})' if parts > num else ''}"
            for (num, parts), count in sorted(counts.items())
        )
        yield f"{split:16}{described or 'none'}"
    yield from (
        f"known leak: {', '.join(leak['tracks'])}: {leak['reason']}"
        for leak in manifest.known_leaks
    )
    yield from (f"skipped: {name} could not be read" for name in manifest.skipped)


def load_records(manifest: Manifest, folder: str, track: str) -> list[Record]:
    """The records of a track.

    Raises:
        ValueError: the folder has no such track, or its shard cannot be read.
    """
    for shard in (shard for split in SPLITS for shard in manifest.shards.get(split, ())):
        if track in {entry.name for entry in shard.tracks}:
            found = (
                r
                for r in iter_records(f"{folder}/{shard.name}", manifest.layout)
                if r.track == track
            )
            return list(
                islice(found, next(t.num_excerpts for t in shard.tracks if t.name == track))
            )
    names = [entry.name for split in SPLITS for entry in manifest.tracks(split)]
    raise ValueError(
        f"{folder} has no track {track!r}; it has {', '.join(names[:5])}{', ...' * (len(names) > 5)}."
    )


def show_track(manifest: Manifest, folder: str, track: str, record: int | None, out: Path) -> None:
    """Writes the figure and the audio of a track, or of one of its records.

    Raises:
        ValueError: there is no such track or record.
    """
    from data_prep.overview import draw_overview

    records, owned = load_records(manifest, folder, track), None
    if record is None:
        shown = _join(track, records, manifest)
    elif 0 <= record < len(records):
        shown, owned = _stored(records[record], manifest), records[record].owned()
    else:
        raise ValueError(f"{track} has the records 0 to {len(records) - 1}, not {record}.")
    rate = manifest.layout.sample_rate
    out.mkdir(parents=True, exist_ok=True)
    with replacing(out / "overview.png") as path:
        draw_overview(shown, rate, manifest.layout.sources, owned).savefig(
            path, format="png", dpi=120
        )
    sounds = {
        label: shown.references[manifest.layout.sources.index(label)] for label in shown.labels
    }
    for name, waveform in {MIXTURE: shown.mixture, **sounds}.items():
        _write_wav(out / f"{name}.wav", waveform, rate)


def _stored(record: Record, manifest: Manifest) -> FullTrack:
    """All that a record stores, as if it were a track."""
    whole = record._replace(start=0, owned_frames=len(record.mixture), context_before=0)
    return _join(
        f"{record.track}, from {record.start / manifest.layout.sample_rate:.1f} s",
        [whole],
        manifest,
    )


def _join(name: str, records: Sequence[Record], manifest: Manifest) -> FullTrack:
    """What the records own, end to end."""
    vocabulary = manifest.layout.sources
    num_frames = sum(record.owned_frames for record in records)
    mixture = np.zeros((num_frames, manifest.layout.channels), np.float32)
    references = np.zeros((len(vocabulary), *mixture.shape), np.float32)
    for record in records:
        place, owned = slice(record.start, record.start + record.owned_frames), record.owned()
        mixture[place] = record.mixture[owned] * record.scales[0]
        references[record.slots, place] = record.sources[:, owned] * record.scales[1:, None, None]
    labels = tuple(
        source for source, label in zip(vocabulary, records[0].labels, strict=True) if label
    )
    return FullTrack(name, labels, mixture, references)


def _write_wav(path: Path, waveform: Waveform, rate: int) -> None:
    """In float: what a record stores may exceed full scale."""
    with replacing(path) as temporary:
        soundfile.write(temporary, waveform, rate, subtype="FLOAT", format="WAV")
    level = 20 * np.log10(max(float(np.abs(waveform).max()), 1e-10))
    print(f"{path}: {len(waveform) / rate:.1f} s, peak {level:.1f} dBFS", flush=True)


def _length(manifest: Manifest, tracks: Sequence[TrackEntry]) -> str:
    return clock(sum(track.num_frames for track in tracks) / manifest.layout.sample_rate)


def main(_: Sequence[str]) -> None:
    """Flags -> table, or files."""
    records = open_folder(FLAGS.records).url
    manifest = load_manifest(records)
    if FLAGS.track is None:
        if FLAGS.record is not None or FLAGS.out is not None:
            raise ValueError(
                "--track is missing: name the track that --record and --out are about."
            )
        print("\n".join(table(manifest)))
        return
    if FLAGS.out is None:
        raise ValueError(
            "--out is missing: name the folder for the figure and the audio of the track."
        )
    command.import_first(["tensorflow", "data_prep.overview"])
    show_track(manifest, records, FLAGS.track, FLAGS.record, Path(FLAGS.out))


FLAGS = flags.FLAGS

if __name__ == "__main__":
    flags.DEFINE_string("records", None, "folder of the records", required=True)
    flags.DEFINE_string("track", None, "name of a track; without one, the folder is described")
    flags.DEFINE_integer(
        "record", None, "one record of the track, pluralized from 0, instead of all of it"
    )
    flags.DEFINE_string("out", None, "folder for the figure and the audio of the track")
    command.run(main)
