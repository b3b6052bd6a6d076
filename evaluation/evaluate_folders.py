"""Score what any system wrote: estimates in files against references in files."""

import dataclasses
import json
import shlex
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import configs
from configs import Config, Evaluation
from data_prep.runtime.revision import code_revision
from data_prep.storage import open_folder
from evaluation.estimates.from_folders import MODEL, Found, find_tracks, refuse_what_is_no_number
from evaluation.estimates.track_on_disk import TrackOnDisk
from evaluation.listening.clips import (
    FILE_NAME,
    Choice,
    ClipWaveforms,
    Read,
    choose,
    record,
    write_clips,
)
from evaluation.metrics import mir_eval_backend
from evaluation.report.method import About
from evaluation.report.run_page import Extras, write_report
from evaluation.scores.results import Results, file_states
from evaluation.scores.table import Row
from evaluation.scoring.all_tracks import score_all
from evaluation.scoring.workers import Workers


def evaluate_folders(
    estimates: str,
    references: str,
    out: str,
    overrides: Sequence[str],
    baselines: str = "oracle",
    processes: int = 1,
) -> str:
    """Score a folder of estimates and report; returns ``out``.

    Args:
        estimates: folder of the estimates, laid out as ``evaluation.estimates.from_folders`` says.
        references: folder of the references.
        out: folder for the results, on a disk or in a bucket.
        overrides: of the section ``evaluation``.
        baselines: oracle, to score the oracles of ``evaluation.estimates.oracles`` too, or none.
        processes: that score at most, 0 for as many as there are cores.

    Raises:
        ValueError: what ``evaluation.estimates.from_folders`` and ``evaluation.scoring.one_track.score_stored`` refuse.
    """
    settings = configs.override_evaluation(Config(name="estimates"), overrides).evaluation
    found = find_tracks(Path(estimates), Path(references))
    if settings.backend == "mir_eval":
        mir_eval_backend.require(found.tracks[0].channels)
    flags = [
        f"--estimates={estimates}",
        f"--references={references}",
        f"--out={out}",
        f"--baselines={baselines}",
    ]
    call = shlex.join(
        ["python", "-m", "evaluation.evaluate", *flags, *(f"--set={each}" for each in overrides)]
    )
    about = _about(found, estimates, references, settings, call)
    if found.left_out:
        print(f"left out, without estimates: {_some(found.left_out)}", flush=True)
    with closing(open_folder(out)) as folder:
        folder.check()
        secs = {track.name: track.secs for track in found.tracks}
        results = Results(folder, list(secs), _made_from(found, settings, baselines))
        remaining = [track for track in found.tracks if track.name not in results.kept]
        refuse_what_is_no_number(remaining)
        with Workers(processes) as workers:
            rows = score_all(remaining, secs, results, settings, baselines == "oracle", workers)
        for line in silent(rows):
            print(f"note: {line}", flush=True)
        choices = choose(rows, settings.segment_secs)
        recordings = list(record(choices, make_reader(found.tracks), about.sample_rate))

        def write_more(made: Path) -> None:
            write_clips(made / FILE_NAME, recordings)
            write_report(made / "report.html", rows, about, Extras(recordings=recordings))

        results.finish(rows, dataclasses.asdict(about), write_more)
    return out


def make_reader(tracks: Sequence[TrackOnDisk]) -> Read:
    """A function of choices that reads what is to be heard."""
    by_name = {track.name: track for track in tracks}

    def read(choice: Choice) -> ClipWaveforms:
        track = by_name[choice.track]
        frames, slot = (
            choice.frames(track.sample_rate, track.num_frames),
            track.vocabulary.index(choice.source),
        )
        references, estimates = track.read_references(*frames), track.read_estimates(*frames)
        return ClipWaveforms(
            track.read_mixture(*frames, references), references[slot], estimates[MODEL][slot]
        )

    return read


def silent(rows: Sequence[Row]) -> list[str]:
    """Sources that never sound, and estimates that are silent wherever their source sounds, a sentence each."""
    statuses: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        if row.system == "model":
            statuses.setdefault((row.track, row.source), set()).add(row.status)
    lines = []
    for (track, source), found in statuses.items():
        if found == {"silent_mixture"}:
            lines.append(f"track {track}: the mixture is silent, {source} is not scored.")
        elif found - {"silent_mixture"} == {"silent_estimate"}:
            lines.append(
                f"track {track}: the estimate of {source} is silent wherever {source} sounds, scored as 0 dB."
            )
        elif found <= {"absent", "silent_mixture"}:
            lines.append(
                f"track {track}: {source} never sounds, its estimate is scored by what it leaks."
            )
    return lines


def _some(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _about(found: Found, estimates: str, references: str, settings: Evaluation, call: str) -> About:
    first = found.tracks[0]
    return About(
        title=Path(estimates).resolve().name,
        step=None,
        split=None,
        sample_rate=first.sample_rate,
        channels=first.channels,
        labels="estimates of another system",
        evaluation=settings,
        config_json=json.dumps({"evaluation": dataclasses.asdict(settings)}, indent=2),
        manifest={
            "estimates": estimates,
            "references": references,
            "tracks": str(len(found.tracks)),
            "left out, without estimates": ", ".join(found.left_out) or "none",
        },
        manifest_json=None,
        code_revision=code_revision(),
        command=call,
    )


def _made_from(found: Found, settings: Evaluation, baselines: str) -> dict[str, object]:
    """What the scores depend on: every file as it is now, and how they are scored."""
    files = file_states(path for track in found.tracks for path in track.paths)
    return {
        "files": files,
        "evaluation": dataclasses.asdict(settings),
        "baselines": baselines,
        "code": code_revision(),
    }
