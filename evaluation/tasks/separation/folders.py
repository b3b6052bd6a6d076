"""Scores what any system wrote: estimates in files against references in files."""

import dataclasses
import json
import shlex
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import configs
from configs import Config, Evaluation
from configs.instruments import ACCOMPANIMENT
from data_prep.runtime import command
from data_prep.runtime.quantities import pluralized
from data_prep.runtime.revision import code_revision
from data_prep.storage import open_folder
from data_prep.storage.lock import keeping
from evaluation.estimates.from_folders import FoundTracks, find_tracks, iter_readable
from evaluation.estimates.track_on_disk import TrackOnDisk
from evaluation.listening.clips import RecordedClip, choose, record
from evaluation.listening.file_reader import make_file_reader
from evaluation.scores.about import About
from evaluation.scores.results import file_contents
from evaluation.scores.table import Row, sentences_on_silence
from evaluation.tasks.finishing import finish
from evaluation.tasks.separation.track_sources import (
    TrackSource,
    page,
    score_source,
    with_classical,
)

if TYPE_CHECKING:
    # It imports scikit-learn, which most evaluations do without.
    from evaluation.classical.rows import ClassicalRows

# Of tracks that a sentence names at most.
_MOST_NAMES = 5


def evaluate_folders(
    estimates: str,
    references: str,
    out: str,
    overrides: Sequence[str],
    baselines: str = "oracle",
    processes: int = 1,
) -> str:
    """Scores a folder of estimates and reports; returns ``out``.

    Args:
        estimates: folder of the estimates, laid out as ``evaluation.estimates.from_folders`` says.
        references: folder of the references.
        out: folder for the results, on a disk or in a bucket.
        overrides: of the section ``evaluation``.
        baselines: oracle, to score ``evaluation.estimates.oracles`` too; classical, to score
            methods that need no network as well; or none.
        processes: that score at most, 0 for as many as there are cores.

    Raises:
        ValueError: files are missing, do not agree, or cannot be scored.
    """
    settings = configs.override_evaluation(Config(name="estimates"), overrides).evaluation
    found = find_tracks(Path(estimates), Path(references))
    _require_all_for_museval(found, settings)
    for line in _notes(found):
        print(line, flush=True)
    words = [f"--estimates={estimates}", f"--references={references}", f"--out={out}"]
    words += [f"--baselines={baselines}", *(f"--set={override}" for override in overrides)]
    again = shlex.join(["python", "-m", "evaluation.evaluate", *words])
    about = _about(found, estimates, references, settings, again)
    source = _track_source(found, about, baselines)
    if baselines == "classical":
        source = with_classical(source, _classical_rows(found))
    folder = open_folder(out)
    folder.check()
    with keeping(folder, "--out") as hold:
        tables = score_source(source, folder, baselines != "none", processes)
        for sentence in sentences_on_silence(tables.content.rows):
            print(f"note: {sentence}", flush=True)
        hold.require()
        finish(tables, page, folder, "separation")
    return out


def _classical_rows(found: FoundTracks) -> "ClassicalRows":
    """Returns the methods that can separate tracks of folders, from which nothing is learnt."""
    with command.importing():
        from evaluation.classical.rows import choose_rows

    vocabularies = {track.vocabulary for track in found.tracks}
    return choose_rows(vocabularies, found.tracks[0].channels, None)


def _track_source(found: FoundTracks, about: About, baselines: str) -> TrackSource:
    """Makes the source of the tracks of folders."""

    def iter_tracks(skip: Collection[str], scratch: Path) -> Iterable[TrackOnDisk]:
        remaining = [track for track in found.tracks if track.name not in skip]
        return iter_readable(remaining, scratch)

    def record_clips(rows: Sequence[Row]) -> list[RecordedClip]:
        choices = choose(rows, about.evaluation.segment_secs)
        return list(record(choices, make_file_reader(found.tracks), about.sample_rate))

    return TrackSource(
        secs={track.name: track.secs for track in found.tracks},
        made_from=_made_from(found, about.evaluation, baselines),
        about=about,
        iter_tracks=iter_tracks,
        record=record_clips,
    )


def _notes(found: FoundTracks) -> list[str]:
    """Returns a sentence for everything of the folders that is not scored as it lies there."""
    lines = []
    if found.left_out:
        lines.append(f"left out, without estimates: {_some(found.left_out)}")
    if found.accompaniment:
        lines.append(
            f"note: there are no estimates of {', '.join(found.accompaniment)}: together they are "
            "the accompaniment, and only what is estimated is scored."
        )
    if found.off:
        most = max(map(abs, found.off.values()))
        lines.append(
            f"note: {pluralized(len(found.off), 'file')} of other lengths than the first of their "
            f"track, by {pluralized(most, 'frame')} at most, as "
            f"{_some(list(map(str, found.off)))}: padded with zeros or cut."
        )
    return lines


def _require_all_for_museval(found: FoundTracks, settings: Evaluation) -> None:
    """Refuses what museval would score nowhere: no frame counts where an estimate is silent."""
    has_all = all(ACCOMPANIMENT in track.scored for track in found.tracks)
    if settings.museval_compatible and found.accompaniment and not has_all:
        raise ValueError(
            f"museval scores all sources or none, and there are no estimates of "
            f"{', '.join(found.accompaniment)}; add {ACCOMPANIMENT} to every track, such as the "
            "mixture less what is estimated, or leave evaluation.museval_compatible out."
        )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _about(
    found: FoundTracks, estimates: str, references: str, settings: Evaluation, command: str
) -> About:
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
            "taken together as the accompaniment": ", ".join(found.accompaniment) or "nothing",
        },
        manifest_json=None,
        code_revision=code_revision(),
        command=command,
    )


def _made_from(found: FoundTracks, settings: Evaluation, baselines: str) -> dict[str, object]:
    """Returns what the scores depend on: what is in every file, and how they are scored."""
    files = file_contents(path for track in found.tracks for path in track.paths)
    return {
        "files": files,
        "evaluation": dataclasses.asdict(settings),
        "baselines": baselines,
        "code": code_revision(),
    }
