"""Finds what is wrong with a copy of a corpus, once every track was decoded, and prints it.

That is: what cannot be read, another number of tracks or another rate than was published, and leaks
between splits. There is a line for each track, then warnings, then errors.
"""

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
from data_prep.writing.prepare import PreparedTrack

_MAX_NAME_COLUMNS = 40


@dataclass(frozen=True)
class Findings:
    """Holds what is wrong with a corpus, a sentence each."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    # Tracks that could not be read and were to be left out.
    skipped: tuple[PreparedTrack, ...]


def judge(
    listing: Listing, tracks: Sequence[PreparedTrack], config: Config, strict: bool, skip_bad: bool
) -> Findings:
    """Returns the errors and warnings of a corpus.

    Args:
        listing: says which tracks there are.
        tracks: are its tracks as they were read.
        config: says at which rate the tracks were sketched, and the vocabulary.
        strict: makes another number of tracks than was published an error, not a warning.
        skip_bad: leaves tracks out that cannot be read, instead of making them errors.
    """
    errors: list[str] = []
    warnings: list[str] = []
    if strict:
        errors += _count_findings(listing)
    else:
        warnings += _count_findings(listing)
    bad = [track for track in tracks if track.errors]
    good = [track for track in tracks if not track.errors]
    if not skip_bad:
        errors += [sentence for track in bad for sentence in track.errors]
    elif not good:
        errors.append(f"no track of {listing.root} can be read.")
    filled_splits = {track.files.split for track in good}
    warnings += [f"no track is for {split}." for split in SPLITS if split not in filled_splits]
    for track in good:
        sentences = (*_rate_findings(listing, track), *track.warnings)
        # Sentences name its files.
        warnings += [f"{track.files.place}: {sentence}" for sentence in sentences]
    warnings += listing.unused
    if listing.splits:
        warnings += _split_findings(listing.splits, listing.all_names)
    for shared in _shared_recordings(good, config):
        sentence, is_error = _leak_finding(shared, listing.splits)
        if is_error:
            errors.append(sentence)
        else:
            warnings.append(sentence)
    skipped = [track for track in bad if skip_bad]
    return Findings(errors=tuple(errors), warnings=tuple(warnings), skipped=tuple(skipped))


def table(tracks: Sequence[PreparedTrack]) -> Iterator[str]:
    """Yields a line for every track: its format, and how far its mixture is from its sources."""
    width = min(max(len(track.files.name) for track in tracks), _MAX_NAME_COLUMNS)
    yield (f"{'track':{width}} split   length    rate ch   mix-sum  sources")
    for track in tracks:
        name = track.files.name
        if len(name) > width:
            name = name[: width - 3] + "..."
        yield f"{name:{width}} {track.files.split:5} {_measures(track)}"


def finding_lines(findings: Findings) -> Iterator[str]:
    """Yields warnings, then skipped tracks, then errors: what matters most stands last."""
    skipped = [sentence for track in findings.skipped for sentence in track.errors]
    for title, sentences in (
        ("warnings", findings.warnings),
        ("skipped", skipped),
        ("errors", findings.errors),
    ):
        if sentences:
            yield f"{title} ({len(sentences)}):"
            yield from (f"  {sentence}" for sentence in sentences)
    if not findings.errors:
        yield "no errors"


def _measures(track: PreparedTrack) -> str:
    """Returns the columns of the table behind the name and the split of a track."""
    if track.original is None or track.entry is None:
        return "cannot be read"
    sample_rate, channels, num_frames = track.original
    minutes, secs = divmod(round(num_frames / sample_rate), 60)
    residual = track.entry.residual_db
    # As wide as a number with its unit, so that the columns stand below each other.
    difference = "   exact" if residual is None else f"{residual:5.1f} dB"
    parts = ", ".join(
        name if count == 1 else f"{count} {name}" for name, count in track.entry.num_parts.items()
    )
    if not parts:
        difference = "       -"
        parts = f"none; said to play: {', '.join(track.entry.labels) or 'nothing'}"
    return f"{minutes:4}:{secs:02} {sample_rate:7} {channels:2}  {difference}  {parts}"


def _split_findings(splits: Splits, names: Collection[str]) -> list[str]:
    """Returns what a split file names that is not there, and the leaks that it lists."""
    findings = []
    missing = splits.missing(names)
    if missing:
        findings.append(f"the splits {splits.name} name what is not there: {', '.join(missing)}.")
    for leak in splits.known_leaks:
        tracks = ", ".join(leak["tracks"])
        findings.append(f"known leak between splits: {tracks}: {leak['reason']}.")
    return findings


def _count_findings(listing: Listing) -> list[str]:
    """Returns a sentence where there are more or fewer tracks than were published."""
    published = CORPORA[listing.corpus].num_tracks
    if published in (None, len(listing.all_names)):
        return []
    num_tracks = pluralized(len(listing.all_names), "track")
    return [f"{listing.root} has {num_tracks}, {published} were published; is the copy complete?"]


def _rate_findings(listing: Listing, track: PreparedTrack) -> list[str]:
    """Returns a sentence where a track has another rate than was published."""
    published = CORPORA[listing.corpus].sample_rate
    rate = track.original and track.original.sample_rate
    if published in (None, rate):
        return []
    return [f"it has {rate} Hz, the corpus was published at {published}; is it the original?"]


def _shared_recordings(
    tracks: Sequence[PreparedTrack], config: Config
) -> Iterator[SharedRecording]:
    """Yields the pairs of tracks that share a recording."""

    def load(files: TrackFiles) -> Track:
        # Sketches only suggest pairs; these are loaded again and compared.
        return with_accompaniment(load_track(files), config.data.sources)

    hop = hop_secs(config.audio.sample_rate)
    sketched = [Sketched(track.files, track.sketches, hop) for track in tracks if track.sketches]
    return find_shared_recordings(sketched, load)


def _leak_finding(shared: SharedRecording, splits: Splits | None) -> tuple[str, bool]:
    """Returns the sentence about a shared recording, and whether it is an error."""
    # A loop or a machine's pattern is no leak: two pieces may have it from the same collection.
    is_leak = shared.one.split != shared.other.split and not shared.repeats
    if not is_leak:
        return f"{'alike' if shared.repeats else 'duplicate'}: {shared}.", False
    if splits is not None and splits.knows_leak(shared.one.name, shared.other.name):
        return f"known leak, found: {shared}.", False
    return (
        f"leak: {shared}; put both into one split, or list them under known_leaks of the split "
        f"file.",
        True,
    )
