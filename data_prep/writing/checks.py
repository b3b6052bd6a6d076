"""What is wrong with a copy of a corpus: every track decoded, counts, leaks between splits; a table, errors apart."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from configs import Config
from configs.splits import SPLITS, Splits
from data_prep.audio.loading import load_track
from data_prep.audio.tracks import Track, TrackFiles, with_accompaniment
from data_prep.corpora import CORPORA, Listing
from data_prep.fingerprints.leaks import SharedRecording, Sketched, find_shared_recordings
from data_prep.fingerprints.sketches import hop_secs
from data_prep.runtime.quantities import pluralized
from data_prep.writing.prepare import Prepared


@dataclass(frozen=True)
class Findings:
    """What is wrong with a corpus, a sentence each."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    skipped: tuple[Prepared, ...]  # tracks that could not be read and were to be left out


def judge(
    listing: Listing, tracks: Sequence[Prepared], config: Config, strict: bool, skip_bad: bool
) -> Findings:
    """Errors and warnings of a corpus.

    Args:
        listing: what was found.
        tracks: what became of each of its tracks.
        config: says at which rate the tracks were sketched, and the vocabulary.
        strict: another number of tracks than was published is an error, not a warning.
        skip_bad: tracks that cannot be read are left out instead of being errors.
    """
    errors: list[str] = []
    warnings: list[str] = []
    (errors if strict else warnings).extend(_count_findings(listing))
    bad, good = (
        [track for track in tracks if track.errors],
        [track for track in tracks if not track.errors],
    )
    if not skip_bad:
        errors += [sentence for track in bad for sentence in track.errors]
    elif not good:
        errors.append(f"no track of {listing.root} can be read.")
    warnings += [
        f"no track is for {split}."
        for split in SPLITS
        if not any(t.files.split == split for t in good)
    ]
    for track in good:
        warnings += [
            f"{track.files.name}: {sentence}"
            for sentence in (*_rate_findings(listing, track), *track.warnings)
        ]
    warnings += _split_findings(listing.splits, listing.all_names) if listing.splits else []
    for shared in _shared_recordings(good, config):
        is_leak = shared.one.split != shared.other.split and not shared.repeats
        known = listing.splits is not None and listing.splits.knows_leak(
            shared.one.name, shared.other.name
        )
        (errors if is_leak and not known else warnings).append(_describe(shared, is_leak, known))
    return Findings(tuple(errors), tuple(warnings), tuple(bad) if skip_bad else ())


def table(tracks: Sequence[Prepared]) -> Iterator[str]:
    """A line for every track: what it is, and how far its mixture is from the sum of its sources."""
    width = min(max(len(track.files.name) for track in tracks), 40)
    yield (f"{'track':{width}} split   length    rate ch   mix-sum  sources")
    for track in tracks:
        name = (
            track.files.name
            if len(track.files.name) <= width
            else track.files.name[: width - 3] + "..."
        )
        yield f"{name:{width}} {track.files.split:5} {_measures(track)}"


def finding_lines(findings: Findings) -> Iterator[str]:
    """Warnings, then skipped tracks, then errors: what matters most stands last."""
    for title, sentences in (
        ("warnings", findings.warnings),
        ("skipped", [sentence for track in findings.skipped for sentence in track.errors]),
        ("errors", findings.errors),
    ):
        if sentences:
            yield f"{title} ({len(sentences)}):"
            yield from (f"  {sentence}" for sentence in sentences)
    if not findings.errors:
        yield "no errors"


def _measures(track: Prepared) -> str:
    if track.original is None or track.entry is None:
        return "cannot be read"
    sample_rate, channels, num_frames = track.original
    minutes, secs = divmod(round(num_frames / sample_rate), 60)
    residual = track.entry.residual_db
    off = "   exact" if residual is None else f"{residual:5.1f} dB"
    parts = ", ".join(
        name if count == 1 else f"{count} {name}" for name, count in track.entry.num_parts.items()
    )
    return f"{minutes:4}:{secs:02} {sample_rate:7} {channels:2}  {off}  {parts}"


def _split_findings(splits: Splits, found: Collection[str]) -> list[str]:
    missing = splits.missing(found)
    findings = (
        [f"the splits {splits.name} name what is not there: {', '.join(missing)}."]
        if missing
        else []
    )
    leaks = ((", ".join(leak["tracks"]), leak["reason"]) for leak in splits.known_leaks)
    return [
        *findings,
        *(f"known leak between splits: {tracks}: {reason}." for tracks, reason in leaks),
    ]


def _count_findings(listing: Listing) -> list[str]:
    published = CORPORA[listing.corpus].num_tracks
    if published in (None, len(listing.all_names)):
        return []
    found = pluralized(len(listing.all_names), "track")
    return [f"{listing.root} has {found}, {published} were published; is the copy complete?"]


def _rate_findings(listing: Listing, track: Prepared) -> list[str]:
    published, found = (
        CORPORA[listing.corpus].sample_rate,
        track.original and track.original.sample_rate,
    )
    if published in (None, found):
        return []
    return [f"it has {found} Hz, the corpus was published at {published}; is it the original?"]


def _shared_recordings(tracks: Sequence[Prepared], config: Config) -> Iterator[SharedRecording]:
    def load(files: TrackFiles) -> Track:
        return with_accompaniment(load_track(files), config.data.sources)

    hop = hop_secs(config.audio.sample_rate)
    return find_shared_recordings(
        [Sketched(t.files, t.sketches, hop) for t in tracks if t.sketches], load
    )


def _describe(shared: SharedRecording, is_leak: bool, known: bool) -> str:
    if not is_leak:
        return f"{'alike' if shared.repeats else 'duplicate'}: {shared}."
    if known:
        return f"known leak, found: {shared}."
    return f"leak: {shared}; put both into one split, or list them under known_leaks of the split file."
