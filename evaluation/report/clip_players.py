"""The sounds of a report: recordings as clips with players and spectrograms, as many as fit into the file."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

from configs import instruments
from evaluation.document.parts import Cell, Clip, Clips, Take, Text, gain, plain
from evaluation.listening import sounds
from evaluation.listening.clips import Choice, RecordedClip
from evaluation.listening.sounds import Sound
from evaluation.report.run_tables import V3
from evaluation.scores.aggregates import SegmentKey, segment_key
from evaluation.scores.improvement import improvements_by_segment
from evaluation.scores.table import Row

BUDGET_BYTES = 17_000_000  # of all clips, so that a page stays below 20 MB
TITLES = {
    "common": "A stretch with every source that sounds in it",
    "worst": "Where it gains the least over the mixture",
    "best": "Where it gains the most over the mixture",
}
HOW = (
    "The takes of a clip are the same seconds at the same level (RMS over the clip; the change is printed), coded "
    "without loss. Starting one stops the others and goes on at the same moment. Listen blind shuffles the takes to be "
    "judged and hides their names and pictures until you reveal them. Frequencies are logarithmic, and "
    f"{sounds.RANGE_DB} dB lie between black and the brightest spot of a clip."
)
_MARKED = " Between the two lines of a picture lies the scored segment."


class Heard(NamedTuple):
    """What a clip is made of, before its sounds are drawn and encoded into the page."""

    choice: Choice
    sample_rate: int
    known: Mapping[str, Sound]  # by the name that the page gives them
    judged: Mapping[str, Sound]
    numbers: Sequence[tuple[str, Cell]] = ()


def run_clips(recordings: Sequence[RecordedClip], rows: Sequence[Row]) -> list[Clips | Text]:
    """The clips of one run: the reference and the estimate to be judged beside the mixture."""
    numbers = _numbers(recordings, rows)
    heard = [
        Heard(
            each.choice,
            each.sample_rate,
            {"mixture": each.sounds["mixture"]},
            {name: each.sounds[name] for name in ("reference", "estimate")},
            numbers.get(_place(each.choice), ()),
        )
        for each in recordings
    ]
    return fit(heard)


def _place(choice: Choice) -> SegmentKey | None:
    return (choice.track, choice.segment_secs[0], choice.source) if choice.segment_secs else None


def _numbers(
    recordings: Iterable[RecordedClip], rows: Sequence[Row]
) -> dict[SegmentKey | None, list[tuple[str, Cell]]]:
    wanted = {_place(each.choice) for each in recordings}
    by_place = {segment_key(row): row for row in rows if row.system == "model" and segment_key(row) in wanted}
    found = improvements_by_segment([row for row in rows if segment_key(row) in wanted])
    return {
        where: [
            ("Improvement", Cell(found.get(where), "gain", role="key")),
            ("SNR", Cell(row.snr)),
            *((title, Cell(getattr(row, metric))) for metric, title in V3.items()),
        ]
        for where, row in by_place.items()
    }


def fit(heard: Sequence[Heard], budget: int = BUDGET_BYTES) -> list[Clips | Text]:
    """Clips under their titles, as many as fit: the common ones first, then the worst and the best in turn."""
    by_why = {why: [each for each in heard if each.choice.why == why] for why in TITLES}
    extremes = zip_longest(by_why["worst"], by_why["best"])
    order = [*by_why["common"], *(each for pair in extremes for each in pair if each)]
    found: dict[str, list[Clip]] = {why: [] for why in TITLES}
    left_out = 0
    for number, each in enumerate(order):
        clip = make_clip(f"clip-{number}", each)
        size = sum(len(take.sound) + len(take.picture) for take in (*clip.known, *clip.judged))
        if size > budget:
            left_out += 1
            continue
        budget -= size
        found[each.choice.why].append(clip)
    marked = any(clip.mark for clips in found.values() for clip in clips)
    blocks: list[Clips | Text] = (
        [Text(HOW + _MARKED * marked, "note")] if any(found.values()) else []
    )
    blocks += [Clips(TITLES[why], clips) for why, clips in found.items() if clips]
    if left_out:
        blocks.append(
            Text(
                f"Left out, so that the file stays small: {left_out} of {len(order)} clips.", "note"
            )
        )
    return blocks


def make_clip(key: str, heard: Heard) -> Clip:
    """Players and pictures; ``key`` tells it from the other clips of the page."""
    choice, rate = heard.choice, heard.sample_rate
    powers = {}
    for name, sound in {**heard.known, **heard.judged}.items():
        waveform, _ = sounds.decode(sound._replace(gain_db=0.0))  # as it is heard
        powers[name] = sounds.spectrogram(waveform, rate)
        secs = len(waveform) / rate
    loudest = max(float(power.max()) for power in powers.values())
    mark = None
    if choice.segment_secs:
        first, last = ((each - choice.start_secs) / secs for each in choice.segment_secs)
        mark = (first, min(last, 1.0))
    instrument = instruments.name_of(choice.source)

    def takes(chosen: Mapping[str, Sound]) -> list[Take]:
        return [
            Take(
                name,
                sounds.data_uri(sound.flac, "audio/flac"),
                sounds.data_uri(sounds.picture(powers[name], loudest), "image/png"),
                f"Spectrogram of the {name}, {plain(round(secs, 2))} s, from {plain(sounds.MIN_HZ)} Hz to "
                f"{plain(rate / 2000)} kHz",
                f"{gain(sound.gain_db)} dB",
            )
            for name, sound in chosen.items()
        ]

    start, stop = choice.segment_secs or (choice.start_secs, choice.start_secs + secs)
    where = f"{choice.track}, {plain(start)} to {plain(round(stop, 3))} s"
    return Clip(
        key=key,
        title=instrument,
        note=where,
        numbers=heard.numbers,
        known=takes(heard.known),
        judged=takes(heard.judged),
        mark=mark,
        ticks=sounds.frequency_ticks(rate),
    )
