"""Makes the sounds of a report: clips with players and spectrograms, as many as fit into it."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

from configs import instruments
from evaluation.document.numbers import short_number, signed_decibels
from evaluation.document.parts import Block, Cell, Clip, Clips, Take, Text
from evaluation.document.rating_form import RatingForm
from evaluation.document.spectrograms import Spectrograms
from evaluation.listening import sounds
from evaluation.listening.clips import Choice, RecordedClip
from evaluation.listening.sounds import EncodedSound, Floats
from evaluation.listening.three_spectrograms import NOTE, draw_before_and_after
from evaluation.ratings import saved
from evaluation.report.metric_names import V3
from evaluation.scores.aggregates import SegmentKey, segment_key
from evaluation.scores.improvement import improvements_by_segment
from evaluation.scores.table import MODEL, Row

# Of all clips of a page, so that it stays below 20 MB.
BUDGET_BYTES = 17_000_000
TITLES = {
    "common": "A stretch with every source that sounds in it",
    "worst": "Where it gains the least over the mixture",
    "best": "Where it gains the most over the mixture",
}
# Of the sounds of a run.
JUDGED = ("reference", "estimate")
HOW = (
    "The takes of a clip are the same seconds at the same level (RMS over the clip; the change is "
    "printed), coded without loss. Starting one stops the others and goes on at the same moment. "
    "Listen blind shuffles the takes to be judged and hides their names and pictures until you "
    "reveal them. Frequencies are logarithmic, and "
    f"{sounds.RANGE_DB} dB lie between black and the brightest spot of a clip."
)
# The task, the scale and the words are those of ITU-R BS.1534, 5.4; its hidden anchors are missing.
HOW_TO_RATE = (
    "In the page, Listen blind also takes a rating of each sound, once it has been played: how "
    "good is it as the source alone, from 0 (bad) to 100 (excellent)? Ratings stay in the browser "
    "until they are saved as a table, which evaluation.compare --ratings=FILE sets beside the "
    "metrics. A rating is what one listener thinks of these seconds at this level. It is no "
    "measurement, and blind only if the sounds were not heard under their names before."
)
_MARKED = " Between the two lines of a picture lies the scored segment."


class ClipSounds(NamedTuple):
    """Holds what a clip is made of, before its sounds are drawn and encoded into the page."""

    choice: Choice
    sample_rate: int
    # This and the next by the name that the page gives a sound.
    known: Mapping[str, EncodedSound]
    judged: Mapping[str, EncodedSound]
    # Of the judged ones that can be rated: what they are rated as.
    rated_as: Mapping[str, str] = {}
    numbers: Sequence[tuple[str, Cell]] = ()
    # What training changed, where it is known.
    spectrograms: Spectrograms | None = None


def run_clips(recordings: Sequence[RecordedClip], rows: Sequence[Row]) -> list[Block]:
    """Makes the clips of one run: reference and estimate, to be judged beside the mixture.

    Args:
        recordings: the sounds of the clips.
        rows: of ``model`` and ``mixture`` at least; the numbers of the clips are theirs.
    """
    numbers = _numbers_by_segment(recordings, rows)
    clips = [
        ClipSounds(
            choice=recording.choice,
            sample_rate=recording.sample_rate,
            known={"mixture": recording.sounds["mixture"]},
            judged={name: recording.sounds[name] for name in JUDGED},
            rated_as={name: recording.key_of(name) for name in JUDGED},
            numbers=numbers.get(_segment_of(recording.choice), ()),
            spectrograms=draw_before_and_after(recording),
        )
        for recording in recordings
    ]
    return fit(clips)


def _segment_of(choice: Choice) -> SegmentKey | None:
    """Returns by what rows of the segment of a choice are found; None where it is no segment."""
    if choice.segment_secs is None:
        return None
    start_secs, _ = choice.segment_secs
    return (choice.track, start_secs, choice.source)


def _numbers_by_segment(
    recordings: Iterable[RecordedClip], rows: Sequence[Row]
) -> dict[SegmentKey | None, list[tuple[str, Cell]]]:
    """Returns the numbers that stand beside the clip of a segment."""
    segments = {_segment_of(recording.choice) for recording in recordings}
    own = [row for row in rows if segment_key(row) in segments]
    improvements = improvements_by_segment(own)
    # None is the key of clips that are no segment. No row is found by it, so they have no numbers.
    numbers: dict[SegmentKey | None, list[tuple[str, Cell]]] = {}
    for row in own:
        if row.system == MODEL:
            improvement = Cell(improvements.get(segment_key(row)), "signed_db", role="key")
            numbers[segment_key(row)] = [
                ("Improvement", improvement),
                ("SNR", Cell(row.snr)),
                *((title, Cell(getattr(row, metric))) for metric, title in V3.items()),
            ]
    return numbers


def fit(clips: Sequence[ClipSounds], budget: int = BUDGET_BYTES) -> list[Block]:
    """Returns clips under their titles, as many as fit.

    Args:
        clips: of these the common ones have precedence, then the worst and the best in turn.
        budget: for the sounds and pictures of all clips, in bytes of the page.
    """
    kept: dict[str, list[Clip]] = {why: [] for why in TITLES}
    num_left_out = 0
    for number, clip_sounds in enumerate(_by_precedence(clips)):
        clip = make_clip(f"clip-{number}", clip_sounds)
        size = _num_bytes(clip)
        # A later one may be smaller, and still fit.
        if size > budget:
            num_left_out += 1
            continue
        budget -= size
        kept[clip_sounds.choice.why].append(clip)
    blocks: list[Block] = []
    if any(kept.values()):
        note = HOW
        if any(clip.mark for listed in kept.values() for clip in listed):
            note += _MARKED
        blocks.append(Text(note, "note"))
    if any(clip.spectrograms for listed in kept.values() for clip in listed):
        blocks.append(Text(NOTE, "note"))
    blocks += [Clips(TITLES[why], listed) for why, listed in kept.items() if listed]
    blocks += _rating_form([clip for listed in kept.values() for clip in listed])
    if num_left_out:
        sentence = (
            "Left out, so that the file stays small: "
            f"{num_left_out} of {num_left_out + sum(map(len, kept.values()))} clips."
        )
        blocks.append(Text(sentence, "note"))
    return blocks


def _num_bytes(clip: Clip) -> int:
    """Returns how much of a page the sounds and pictures of a clip take."""
    num_bytes = sum(len(take.sound) + len(take.picture) for take in (*clip.known, *clip.judged))
    if clip.spectrograms is not None:
        num_bytes += sum(len(each.picture) for each in clip.spectrograms.pictures)
    return num_bytes


def _rating_form(clips: Sequence[Clip]) -> list[RatingForm]:
    """Returns where the ratings of clips are saved; nothing where none can be rated."""
    keys = [take.rated_as for clip in clips for take in clip.judged if take.rated_as]
    if not keys:
        return []
    page = hashlib.sha256("\n".join(keys).encode("ascii")).hexdigest()[:16]
    return [RatingForm(page, saved.COLUMNS, saved.WORDS, HOW_TO_RATE)]


def _by_precedence(clips: Sequence[ClipSounds]) -> list[ClipSounds]:
    by_why: dict[str, list[ClipSounds]] = {why: [] for why in TITLES}
    for clip in clips:
        by_why[clip.choice.why].append(clip)
    # The common ones are the same in every run, so that reports can be compared by ear.
    ordered = by_why["common"]
    for pair in zip_longest(by_why["worst"], by_why["best"]):
        ordered += [clip for clip in pair if clip is not None]
    return ordered


def make_clip(key: str, clip_sounds: ClipSounds) -> Clip:
    """Makes the players and pictures of a clip; ``key`` tells it from other clips of the page."""
    choice = clip_sounds.choice
    rate = clip_sounds.sample_rate
    powers: dict[str, Floats] = {}
    for name, sound in {**clip_sounds.known, **clip_sounds.judged}.items():
        # With a change of 0 dB it is not decoded to its old level, but drawn as it is heard.
        waveform, _ = sounds.decode(sound._replace(gain_db=0.0))
        powers[name] = sounds.spectrogram(waveform, rate)
        # The takes of a clip are the same seconds.
        secs = len(waveform) / rate
    # One scale of brightness for all takes: a quiet one is dark.
    loudest = max(float(power.max()) for power in powers.values())

    def takes(by_name: Mapping[str, EncodedSound]) -> list[Take]:
        return [
            Take(
                name=name,
                sound=sounds.data_uri(sound.flac, "audio/flac"),
                picture=sounds.data_uri(sounds.picture(powers[name], loudest), "image/png"),
                alternative=_in_words(name, secs, rate),
                note=f"{signed_decibels(sound.gain_db)} dB",
                rated_as=clip_sounds.rated_as.get(name, ""),
            )
            for name, sound in by_name.items()
        ]

    return Clip(
        key=key,
        title=instruments.name_of(choice.source),
        note=_where(choice, secs),
        numbers=clip_sounds.numbers,
        known=takes(clip_sounds.known),
        judged=takes(clip_sounds.judged),
        mark=_mark(choice, secs),
        ticks=sounds.frequency_ticks(rate),
        track=choice.track,
        source=choice.source,
        start_secs=choice.start_secs,
        spectrograms=clip_sounds.spectrograms,
    )


def _in_words(name: str, secs: float, rate: int) -> str:
    return (
        f"Spectrogram of the {name}, {short_number(round(secs, 2))} s, "
        f"from {short_number(sounds.MIN_HZ)} Hz to {short_number(rate / 2000)} kHz"
    )


def _where(choice: Choice, secs: float) -> str:
    """Says which seconds of which track are scored, or heard where none are."""
    start, stop = choice.segment_secs or (choice.start_secs, choice.start_secs + secs)
    return f"{choice.track}, {short_number(start)} to {short_number(round(stop, 3))} s"


def _mark(choice: Choice, secs: float) -> tuple[float, float] | None:
    """Returns where the scored segment begins and ends, as shares of the clip's ``secs``."""
    if choice.segment_secs is None:
        return None
    start, stop = choice.segment_secs
    first = (start - choice.start_secs) / secs
    last = (stop - choice.start_secs) / secs
    # A track may end within its last segment.
    return (first, min(last, 1.0))
