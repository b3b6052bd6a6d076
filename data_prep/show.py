"""Look at records: a table of what a folder holds, or one track of it as a figure and as sound.

    python -m data_prep.show --records=records/urmp
    python -m data_prep.show --records=records/urmp --track=01_Jupiter_vn_vc --out=OUT
    python -m data_prep.show --records=records/urmp --track=01_Jupiter_vn_vc --record=0 --out=OUT

With --track, OUT gets overview.png, mixture.wav and a wav file of every instrument of the piece, as
training hears them, and the number of notes is printed. With --record, one record of the track,
counted from 0, with the context around the frames that it owns, which the figure shades.
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
from data_prep.audio.waveforms import writing_to
from data_prep.records.annotation_fields import most_onsets
from data_prep.records.entries import TrackEntry
from data_prep.records.format import Record
from data_prep.records.full_tracks import FullTrack, TrackInBlocks, join_blocks, owned_block
from data_prep.records.manifest import Manifest, load_manifest
from data_prep.runtime import command
from data_prep.runtime.quantities import clock, pluralized
from data_prep.storage import open_folder
from data_prep.storage.files import replacing
from data_prep.storage.lock import held

_DPI = 120
_NUM_NAMES = 5


def table(manifest: Manifest) -> Iterator[str]:
    """Yields the lines about a folder of records: sizes, instruments, polyphony of every split."""
    layout = manifest.layout
    yield (
        f"{manifest.corpus}, {layout.sample_rate} Hz, {pluralized(layout.channels, 'channel')}, "
        f"{layout.encoding}, splits {manifest.config.data.splits}, "
        f"written by {manifest.code_revision}"
    )
    yield ""
    yield f"{'':16}{_cells(SPLITS)}"
    yield from _size_lines(manifest)
    yield ""
    yield "with each instrument, tracks and h:mm:ss:"
    for source in layout.sources:
        cells = ""
        for split in SPLITS:
            playing = [track for track in manifest.tracks(split) if source in track.labels]
            cells += f"{len(playing):4} {_length(manifest, playing):>9}"
        # The cells are as wide as the others of this table, without a blank between them.
        yield f"{name_of(source):16}{cells}"
    yield ""
    yield (
        "by number of instruments, tracks (and number of parts, where those of one instrument are "
        "summed):"
    )
    for split in SPLITS:
        yield f"{split:16}{_polyphony(manifest.tracks(split)) or 'none'}"
    yield from _annotation_lines(manifest)
    for leak in manifest.known_leaks:
        yield f"known leak: {', '.join(leak['tracks'])}: {leak['reason']}"
    for name in manifest.skipped:
        yield f"skipped: {name} could not be read"


def _cells(texts: Sequence[str]) -> str:
    return "".join(f"{text:>12}" for text in texts)


def _size_lines(manifest: Manifest) -> Iterator[str]:
    """Yields how many tracks, hours, records, shards and bytes each split has."""
    tracks = [manifest.tracks(split) for split in SPLITS]
    shards = [manifest.shards.get(split, ()) for split in SPLITS]
    rows = {
        "tracks": [str(len(entries)) for entries in tracks],
        "h:mm:ss": [_length(manifest, entries) for entries in tracks],
        "records": [str(sum(track.num_excerpts for track in entries)) for entries in tracks],
        "shards": [str(len(entries)) for entries in shards],
        "MiB": [f"{sum(shard.num_bytes for shard in entries) / 2**20:.1f}" for entries in shards],
    }
    for name, texts in rows.items():
        yield f"{name:16}{_cells(texts)}"


def _annotation_lines(manifest: Manifest) -> Iterator[str]:
    """Yields how much beside labels is said of tracks, where anything is; and of how many less."""
    tracks = manifest.all_tracks()
    counts = {
        "without sources": [track for track in tracks if not track.num_parts],
        "with unknown labels": [track for track in tracks if track.unknown],
        "with tags": [track for track in tracks if track.tags],
        "with notes": [track for track in tracks if track.num_notes],
        "with context": [track for track in tracks if track.context_size],
    }
    found = [f"{len(members)} {what}" for what, members in counts.items() if members]
    if found:
        yield ""
        yield f"of {pluralized(len(tracks), 'track')} {', '.join(found)}"


def _polyphony(tracks: Sequence[TrackEntry]) -> str:
    """Returns how many tracks have how many instruments, and parts where these are more."""
    counts = Counter((len(track.labels), sum(track.num_parts.values())) for track in tracks)
    phrases = []
    for (num_instruments, num_parts), num_tracks in sorted(counts.items()):
        phrase = f"{num_tracks} with {num_instruments}"
        if num_parts > num_instruments:
            phrase += f" ({num_parts})"
        phrases.append(phrase)
    return ", ".join(phrases)


def _length(manifest: Manifest, tracks: Sequence[TrackEntry]) -> str:
    num_frames = sum(track.num_frames for track in tracks)
    return clock(num_frames / manifest.layout.sample_rate)


def load_records(manifest: Manifest, folder: str, track: str) -> list[Record]:
    """Reads the records of a track.

    Raises:
        ValueError: the folder has no such track, or its shard cannot be read.
    """
    for shard in manifest.all_shards():
        num_excerpts = {entry.name: entry.num_excerpts for entry in shard.tracks}
        if track in num_excerpts:
            records = manifest.iter_shard(folder, shard)
            ours = (record for record in records if record.track == track)
            # Once all of the track are there, the rest of the shard need not be read.
            return list(islice(ours, num_excerpts[track]))
    names = [entry.name for split in SPLITS for entry in manifest.tracks(split)]
    more = ", ..." if len(names) > _NUM_NAMES else ""
    raise ValueError(
        f"{folder} has no track {track!r}; it has {', '.join(names[:_NUM_NAMES])}{more}."
    )


def show_track(manifest: Manifest, folder: str, track: str, record: int | None, out: Path) -> None:
    """Writes the figure and the audio of a track, or of one of its records.

    Raises:
        ValueError: there is no such track or record.
    """
    # Only now, since Matplotlib takes seconds to import.
    from data_prep.records.overview import draw_overview

    records = load_records(manifest, folder, track)
    owned = None
    if record is None:
        shown = _join(track, records, manifest)
    elif 0 <= record < len(records):
        shown = _whole_record(records[record], manifest)
        owned = records[record].owned()
    else:
        raise ValueError(f"{track} has the records 0 to {len(records) - 1}, not {record}.")
    rate = manifest.layout.sample_rate
    vocabulary = manifest.layout.sources
    out.mkdir(parents=True, exist_ok=True)
    figure = draw_overview(shown, rate, vocabulary, owned)
    with replacing(out / "overview.png") as path:
        figure.savefig(path, format="png", dpi=_DPI)
    _write_wav(out / f"{MIXTURE}.wav", shown.mixture, rate)
    print(_notes_line(records if record is None else records[record : record + 1], rate))
    stored = {vocabulary[slot] for record in records for slot in record.slots}
    for label in shown.labels:
        # Of a record without sources there is nothing to hear.
        if not stored:
            break
        _write_wav(out / f"{label}.wav", shown.references[vocabulary.index(label)], rate)


def _notes_line(records: Sequence[Record], rate: int) -> str:
    """Returns how many notes the stored frames of records have, and how dense they are."""
    counts = sorted({len(record.notes) for record in records})
    most = max(most_onsets(record.notes, rate) for record in records)
    span = " to ".join(str(count) for count in dict.fromkeys((counts[0], counts[-1])))
    return f"notes: {span} in a record with its context, {most} begin within a second at most"


def _whole_record(record: Record, manifest: Manifest) -> FullTrack:
    """Returns all that a record stores, as if it were a track."""
    name = f"{record.track}, from {record.start / manifest.layout.sample_rate:.1f} s"
    # A record that owned its context, too, would be all of a track.
    whole = record._replace(start=0, owned_frames=len(record.mixture), context_before=0)
    return _join(name, [whole], manifest)


def _join(name: str, records: Sequence[Record], manifest: Manifest) -> FullTrack:
    """Returns the frames that records own, end to end."""
    layout = manifest.layout
    track = TrackInBlocks(
        name=name,
        num_frames=sum(record.owned_frames for record in records),
        labels=records[0].label_names(layout.sources),
        context=records[0].context,
        blocks=(owned_block(record, layout) for record in records),
    )
    return join_blocks(track, layout)


def _write_wav(path: Path, waveform: Waveform, rate: int) -> None:
    """Writes a waveform (T, C) in float, for what a record stores may exceed full scale."""
    with replacing(path) as temporary, writing_to(path.parent):
        soundfile.write(temporary, waveform, rate, subtype="FLOAT", format="WAV")
    # Silence is told as -200 dBFS: its logarithm would be a warning.
    peak = max(float(np.abs(waveform).max()), 1e-10)
    print(f"{path}: {len(waveform) / rate:.1f} s, peak {20 * np.log10(peak):.1f} dBFS", flush=True)


def main(_: Sequence[str]) -> None:
    """Turns flags into a table, or files."""
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
    command.import_first(["tensorflow", "data_prep.records.overview"])
    with held(FLAGS.out, "--out", beside=True):
        show_track(manifest, records, FLAGS.track, FLAGS.record, Path(FLAGS.out))


FLAGS = flags.FLAGS

if __name__ == "__main__":
    flags.DEFINE_string("records", None, "folder of the records", required=True)
    flags.DEFINE_string("track", None, "name of a track; without one, the folder is described")
    flags.DEFINE_integer(
        "record", None, "one record of the track, counted from 0, instead of all of it"
    )
    flags.DEFINE_string("out", None, "folder for the figure and the audio of the track")
    command.run(main)
