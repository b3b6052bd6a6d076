"""Scores the segments of every source of every track of a run, and makes the page of them."""

import dataclasses
import shlex
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import configs
from configs.splits import SPLITS
from data_prep.audio.tracks import AudioFormat, TrackFiles
from data_prep.runtime import command
from data_prep.runtime.revision import code_revision
from evaluation.estimates.constant_gain import ConstantGain, constant_gain_of
from evaluation.estimates.estimated_system import EstimatedSystem, restore
from evaluation.estimates.filtered import filtered
from evaluation.estimates.from_originals import (
    find_originals,
    iter_original_estimates,
    read_audio_format,
)
from evaluation.estimates.from_records import iter_record_estimates
from evaluation.estimates.opened_run import OpenedRun, find_training_records
from evaluation.estimates.track_on_disk import TrackOnDisk
from evaluation.estimates.wiener_flag import require_filter
from evaluation.listening.recorder import record_run
from evaluation.recognition.recognised import RecognisedSeparator
from evaluation.recognition.recogniser import Recogniser
from evaluation.recognition.recognition_flag import AUTO, find_tagger
from evaluation.scores.about import About
from evaluation.scores.results import file_contents
from evaluation.scoring.audits import audit, read_audit
from evaluation.tasks.room import Tables
from evaluation.tasks.separation.track_sources import (
    TrackSource,
    page,
    require_backend,
    score_source,
    with_classical,
)
from trainer.loop.metrics import read_metrics
from trainer.tasks.tagging.tagger import name_tagger

if TYPE_CHECKING:
    # It imports scikit-learn, which most evaluations do without.
    from evaluation.classical.rows import ClassicalRows

OPTIONS: tuple[str, ...] = ("baselines", "audit", "root", "wiener", "labels", "tagger")
SCORES_MEANS = True
# Follows what the gains of the constant gain were learnt from.
_FOR_ORIGINALS = (
    "; the original files are scaled by the same, as a gain does not depend on the rate"
)
# The same of a mean, whose other runs may have heard other tracks.
_FOR_MEAN = " (the first run's)"

__all__ = ["OPTIONS", "SCORES_MEANS", "page", "score"]


def score(opened: OpenedRun, options: Mapping[str, Any], processes: int) -> Tables:
    """Scores a run, or the mean of several.

    Args:
        opened: the run or runs, and the tracks.
        options: ``baselines`` (oracle, to score oracles too; classical, to score methods that
            need no network as well; or none), ``audit`` (whether to audit the labels first),
            ``root`` (folder of the corpus, to score at its own rate and channels), ``wiener``
            (iterations of the Wiener filter over the estimates, 0 for none), ``labels`` (auto, to
            tell the network what a tagger hears), ``tagger`` (the run that hears, also for the
            audit).
        processes: that score at most, 0 for as many as there are cores.

    Raises:
        ValueError: ``root`` is not the corpus that the records were made from, a mean is to be
            audited, or as from ``score_source``.
    """
    if options.get("audit") and opened.averaged_with:
        raise ValueError(
            "--audit tells one network wrong labels; leave it out for the mean of several runs."
        )
    tagger = _find_tagger(opened, options)
    num_iterations = int(options.get("wiener", 0))
    require_filter(opened.config, num_iterations)
    opened.manifest.require_sources(opened.folder, [opened.split])
    system = restore(opened)
    originals = {}
    if "root" in options:
        originals = find_originals(system, Path(options["root"]))
    # Before an audit, which takes long.
    require_backend(system.config.evaluation, _audio_format(system, originals).channels)
    rival = constant_gain_of(system)
    recogniser = None
    if tagger:
        recogniser = Recogniser(name_tagger(tagger).load(), system.config.data.sources)
    if options.get("audit"):
        audit(system, recogniser)
    # The audit is of the network alone.
    separator = filtered(system.separator, num_iterations)
    if options.get("labels") != AUTO:
        recogniser = None
    if recogniser is not None:
        separator = RecognisedSeparator(separator, recogniser)
    system = dataclasses.replace(system, separator=separator)
    baselines = options.get("baselines", "oracle")
    again = command_of(opened, options, baselines)
    source = make_track_source(system, rival, originals, baselines, again)
    source = _as_changed(source, num_iterations, recogniser)
    if baselines == "classical":
        source = with_classical(source, classical_rows_of(system, source.about.channels))
    return score_source(source, opened.out, baselines != "none", processes)


def _as_changed(
    source: TrackSource, num_iterations: int, recogniser: Recogniser | None
) -> TrackSource:
    """Says of tracks what was done to their estimates, or what the network was told."""
    if num_iterations:
        made_from = {**source.made_from, "wiener": num_iterations}
        about = dataclasses.replace(source.about, title=f"{source.about.title}, Wiener filter")
        source = dataclasses.replace(source, made_from=made_from, about=about)
    if recogniser is not None:
        made_from = {**source.made_from, "recognised": recogniser.identity()}
        labels = f"labels recognised by {recogniser.words}"
        about = dataclasses.replace(source.about, labels=labels)
        source = dataclasses.replace(source, made_from=made_from, about=about)
    return source


def _find_tagger(opened: OpenedRun, options: Mapping[str, Any]) -> str:
    """Returns the folder of the run that hears what plays; empty where nobody shall."""
    named = options.get("tagger", "")
    listens = options.get("labels") == AUTO
    if named and not listens and not options.get("audit"):
        raise ValueError(f"--tagger goes with --labels={AUTO} or --audit, for which it listens.")
    if not named and not listens:
        return ""
    return find_tagger(named, [each.workdir for each in opened.checkpoints])


def classical_rows_of(system: EstimatedSystem, channels: int) -> "ClassicalRows":
    """Returns the methods that can separate the tracks of a run, NMF with what it has learnt."""
    with command.importing():
        from evaluation.classical.dictionaries import open_dictionaries
        from evaluation.classical.rows import choose_rows

    folder = find_training_records(system)
    dictionaries = open_dictionaries(folder) if folder else None
    return choose_rows({system.config.data.sources}, channels, dictionaries)


def make_track_source(
    system: EstimatedSystem,
    rival: ConstantGain,
    originals: Mapping[str, TrackFiles],
    baselines: str,
    command: str,
) -> TrackSource:
    """Makes the source of a run's tracks, out of the original files where there are any."""
    rate = system.config.audio.sample_rate
    if system.averaged_with and rival.gains:
        rival = dataclasses.replace(rival, words=f"{rival.words}{_FOR_MEAN}")
    if originals and rival.gains:
        rival = dataclasses.replace(rival, words=f"{rival.words}{_FOR_ORIGINALS}")
    tracks = system.manifest.tracks(system.split)
    contents = file_contents(path for files in originals.values() for path in files.paths)
    audio_format = _audio_format(system, originals)

    def iter_tracks(skip: Collection[str], scratch: Path) -> Iterable[TrackOnDisk]:
        if originals:
            found = iter_original_estimates(system, originals, audio_format, skip, scratch)
        else:
            found = iter_record_estimates(system, skip, scratch)
        return (_with_gains(track, rival) for track in found)

    return TrackSource(
        secs={track.name: track.num_frames / rate for track in tracks},
        made_from={
            **system.made_from,
            "originals": contents,
            "baselines": baselines,
            "constant gain": dict(rival.gains),
        },
        about=_about(system, rival, audio_format, command),
        iter_tracks=iter_tracks,
        record=lambda rows: record_run(system, rows),
        # First, so that a broken file costs no scoring.
        conditions=read_audit(system),
        note_conditions=read_audit(system, "notes"),
        # Nobody trained a mean.
        curves=[] if system.averaged_with else read_metrics(system.workdir),
    )


def _with_gains(track: TrackOnDisk, rival: ConstantGain) -> TrackOnDisk:
    """Returns a track to be scored under the constant gain, too, where there is one.

    What has a reference is in the labels of the track; the others are given nothing.
    """
    if not rival.gains:
        return track
    gains = {source: rival.gains[source] for source in track.references}
    return dataclasses.replace(track, gains=gains)


def command_of(opened: OpenedRun, options: Mapping[str, Any], baselines: str) -> str:
    """Returns the command that scores the same again."""
    words = ["python", "-m", "evaluation.evaluate", *opened.arguments, f"--baselines={baselines}"]
    if options.get("audit"):
        words.append("--audit")
    named = ("root", "wiener", "labels", "tagger")
    words += [f"--{name}={options[name]}" for name in named if options.get(name)]
    return shlex.join(words)


def _audio_format(system: EstimatedSystem, originals: Mapping[str, TrackFiles]) -> AudioFormat:
    """Returns rate and channels of what is scored: of the first original, or of the records."""
    for files in originals.values():
        return read_audio_format(files)
    audio = system.config.audio
    return AudioFormat(audio.sample_rate, audio.channels)


def _about(
    system: EstimatedSystem, rival: ConstantGain, audio_format: AudioFormat, command: str
) -> About:
    config = system.config
    manifest = system.manifest
    is_mean = bool(system.averaged_with)
    needs_labels = any(each.run.config.needs_labels for each in system.checkpoints)
    return About(
        title=_title(system),
        # Of a mean, each has its own.
        step=None if is_mean else system.step,
        split=system.split,
        sample_rate=audio_format.sample_rate,
        channels=audio_format.channels,
        labels="oracle labels of each piece" if needs_labels else "no labels",
        evaluation=config.evaluation,
        config_json=configs.to_json(config),
        manifest={
            "corpus": manifest.corpus,
            "splits": manifest.config.data.splits,
            "tracks": ", ".join(f"{len(manifest.tracks(name))} {name}" for name in SPLITS),
            "code revision that wrote the records": manifest.code_revision,
            **_origins(system),
        },
        manifest_json=manifest.to_json(),
        code_revision=code_revision(),
        command=command,
        not_a_result=system.why_no_result,
        known_leaks=[str(leak) for leak in manifest.known_leaks],
        gains=rival.gains,
        about_gains=rival.words,
        averaged=[each.words for each in system.checkpoints] if is_mean else (),
    )


def _origins(system: EstimatedSystem) -> dict[str, str]:
    """Says whose the weights are that were imported, under the name of the line; else nothing."""
    found = [each.run.imported for each in system.checkpoints]
    said = dict.fromkeys(str(imported) for imported in found if imported is not None)
    if not said:
        return {}
    return {"network": f"{'; '.join(said)}; whether from tracks scored here is not known"}


def _title(system: EstimatedSystem) -> str:
    """Returns the experiment, or those of all runs whose mean is scored."""
    if not system.averaged_with:
        return system.config.name
    names = dict.fromkeys(each.run.config.name for each in system.checkpoints)
    return f"Mean of {len(system.checkpoints)} runs of {', '.join(names)}"
