"""The same seconds of several runs, to be heard side by side."""

from collections.abc import Mapping

from evaluation.document.parts import Block, Text
from evaluation.listening.clips import FILE_NAME, Choice, RecordedClip, read_clips
from evaluation.listening.sounds import decode, encode, match_levels
from evaluation.report.clip_players import Heard, fit
from evaluation.scores.saved import ScoredRun


def common_clips(runs: Mapping[str, ScoredRun]) -> list[Block]:
    """Clips of the stretch that every run has a recording of, under the short names of the runs.

    Raises:
        ValueError: the archive of a run is not what evaluation.evaluate writes.
    """
    found = {name: _common(run) for name, run in runs.items()}
    choices = [
        choice
        for choice in next(iter(found.values()))
        if all(choice in each for each in found.values())
    ]
    if not choices:
        without = [name for name, recordings in found.items() if not recordings]
        why = (
            f"{', '.join(without)} came without sounds"
            if without
            else "they were recorded at different places"
        )
        return [Text(f"Nothing can be heard side by side: {why}.")]
    return list(
        fit(
            [
                _heard(choice, {name: each[choice] for name, each in found.items()})
                for choice in choices
            ]
        )
    )


def _common(run: ScoredRun) -> dict[Choice, RecordedClip]:
    recordings = read_clips(run.folder / FILE_NAME) if run.folder else []
    return {each.choice: each for each in recordings if each.choice.why == "common"}


def _heard(choice: Choice, recordings: Mapping[str, RecordedClip]) -> Heard:
    """All at one level again: that of a recording is what its own highest peak allowed."""
    first, *_ = recordings.values()
    sounds = [first.sounds[take] for take in ("mixture", "reference")]
    sounds += [recording.sounds["estimate"] for recording in recordings.values()]
    waveforms = [decode(sound)[0] for sound in sounds]
    levels = zip(waveforms, match_levels(waveforms), strict=True)
    mixture, reference, *estimates = (
        encode(waveform, level, first.sample_rate) for waveform, level in levels
    )
    known = {"mixture": mixture, "reference": reference}
    return Heard(choice, first.sample_rate, known, dict(zip(recordings, estimates, strict=True)))
