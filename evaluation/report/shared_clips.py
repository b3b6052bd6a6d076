"""Makes clips of the same seconds of several runs, to be heard side by side."""

from collections.abc import Mapping

from evaluation.document.parts import Block, Text
from evaluation.listening.archive import FILE_NAME, read_clips
from evaluation.listening.clips import Choice, RecordedClip
from evaluation.listening.sounds import decode, encode, match_levels
from evaluation.report.clip_players import ClipSounds, fit
from evaluation.scores.saved import ScoredRun


def common_clips(runs: Mapping[str, ScoredRun]) -> list[Block]:
    """Makes clips of the stretch that every run has a recording of.

    Args:
        runs: under the names that the page gives them.

    Raises:
        ValueError: the archive of a run is not what evaluation.evaluate writes.
    """
    recorded = {name: _read_common(run) for name, run in runs.items()}
    first, *others = recorded.values()
    choices = [choice for choice in first if all(choice in each for each in others)]
    if not choices:
        return [Text(f"Nothing can be heard side by side: {_why_none(recorded)}.")]
    clips = []
    for choice in choices:
        by_run = {name: recordings[choice] for name, recordings in recorded.items()}
        clips.append(_at_one_level(choice, by_run))
    return list(fit(clips))


def _read_common(run: ScoredRun) -> dict[Choice, RecordedClip]:
    recordings = read_clips(run.folder / FILE_NAME) if run.folder else []
    return {each.choice: each for each in recordings if each.choice.why == "common"}


def _why_none(recorded: Mapping[str, Mapping[Choice, RecordedClip]]) -> str:
    without = [name for name, recordings in recorded.items() if not recordings]
    if without:
        return f"{', '.join(without)} came without sounds"
    return "they were recorded at different places"


def _at_one_level(choice: Choice, recordings: Mapping[str, RecordedClip]) -> ClipSounds:
    """Brings the recordings of a choice, one of each run, to one level.

    Each recording has a level of its own, as far as its own highest peak allowed.
    """
    first, *_ = recordings.values()
    # The mixture and the reference are those of every run, as the runs have the tracks in common.
    sounds = [first.sounds["mixture"], first.sounds["reference"]]
    sounds += [recording.sounds["estimate"] for recording in recordings.values()]
    waveforms = []
    for sound in sounds:
        waveform, _ = decode(sound)
        waveforms.append(waveform)
    mixture, reference, *estimates = [
        encode(waveform, gain_db, first.sample_rate)
        for waveform, gain_db in zip(waveforms, match_levels(waveforms), strict=True)
    ]
    return ClipSounds(
        choice=choice,
        sample_rate=first.sample_rate,
        known={"mixture": mixture, "reference": reference},
        judged=dict(zip(recordings, estimates, strict=True)),
        rated_as={name: recording.key_of("estimate") for name, recording in recordings.items()},
    )
