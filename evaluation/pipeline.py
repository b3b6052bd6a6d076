"""Score a trained network on the tracks of its records."""

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import configs
from configs.splits import SPLITS
from data_prep.audio.tracks import AudioFormat, TrackFiles
from data_prep.runtime.revision import code_revision
from evaluation.audit import audit, read_audit
from evaluation.estimates.estimated_system import EstimatedSystem, open_estimated_system
from evaluation.estimates.from_originals import find_originals, iter_original_estimates, read_form
from evaluation.estimates.from_records import iter_record_estimates
from evaluation.listening.clips import FILE_NAME, write_clips
from evaluation.listening.recorder import record_run
from evaluation.metrics import mir_eval_backend
from evaluation.report.method import About
from evaluation.report.run_page import Extras, write_report
from evaluation.scores.results import Results, file_states
from evaluation.scoring.all_tracks import score_all
from evaluation.scoring.workers import Workers
from trainer.loop.progress import read_metrics


def evaluate(
    workdir: str,
    records: str,
    split: str,
    checkpoint: str,
    overrides: Sequence[str],
    weights: str = "average",
    baselines: str = "oracle",
    with_audit: bool = False,
    processes: int = 1,
    root: str = "",
) -> str:
    """Estimate, score and report a split; returns the path or address of the folder of the results.

    A track is kept as soon as it is scored: an interrupted call is continued by the same one, and of a finished one
    only the report is made again.

    Args:
        workdir: this and the following up to ``weights``: see ``evaluation.estimates.estimated_system.open_subject``.
        records: see there.
        split: see there.
        checkpoint: see there.
        overrides: see there.
        weights: see there.
        baselines: oracle, to score the oracles of ``evaluation.estimates.oracles`` too, or none.
        with_audit: whether to audit the labels first (``evaluation.audit``).
        processes: that score at most, 0 for as many as there are cores.
        root: folder of the corpus, to score at its own rate and channels; empty for those of the records.

    Raises:
        ValueError: the run, the checkpoint or the records are missing or do not fit together, or ``root`` is not the
            corpus that the records were made from.
    """
    subject = open_estimated_system(
        workdir, records, split, checkpoint, overrides, weights, "-original" if root else ""
    )
    with closing(subject.out):
        originals = find_originals(subject, Path(root)) if root else {}
        form = _form(subject, originals)
        if subject.config.evaluation.backend == "mir_eval":
            mir_eval_backend.require(form.channels)
        if with_audit:
            audit(subject)
        conditions = read_audit(subject)  # first, so that a broken file costs no scoring
        arguments = [*subject.arguments, f"--baselines={baselines}", *["--audit"] * with_audit]
        arguments += [f"--root={root}"] * bool(root)
        about = _about(
            subject, form, shlex.join(["python", "-m", "evaluation.evaluate", *arguments])
        )
        rate = subject.config.audio.sample_rate
        secs = {track.name: track.num_frames / rate for track in subject.manifest.tracks(split)}
        files = file_states(path for each in originals.values() for path in each.paths)
        made_from = {**subject.made_from, "originals": files, "baselines": baselines}
        results = Results(subject.out, list(secs), made_from)
        with Workers(processes) as workers:
            kept, scratch = frozenset(results.kept), subject.out.scratch
            stored = (
                iter_original_estimates(subject, originals, kept, scratch)
                if root
                else iter_record_estimates(subject, kept, scratch)
            )
            rows = score_all(
                stored, secs, results, about.evaluation, baselines == "oracle", workers
            )
        recordings = record_run(subject, rows)
        extras = Extras(conditions, read_metrics(workdir), recordings)

        def write_more(folder: Path) -> None:
            write_clips(folder / FILE_NAME, recordings)
            write_report(folder / "report.html", rows, about, extras)

        results.finish(rows, dataclasses.asdict(about), write_more)
    return subject.out.url


def _form(subject: EstimatedSystem, originals: Mapping[str, TrackFiles]) -> AudioFormat:
    """Rate and channels of what is scored: those of the first original, or of the records."""
    for files in originals.values():
        return read_form(files)
    return AudioFormat(subject.config.audio.sample_rate, subject.config.audio.channels)


def _about(subject: EstimatedSystem, form: AudioFormat, call: str) -> About:
    config, manifest = subject.config, subject.manifest
    trained = {track.name for track in subject.run.manifest.tracks("train")}
    heard = sorted(trained & {track.name for track in manifest.tracks(subject.split)})
    counts = ", ".join(f"{len(manifest.tracks(name))} {name}" for name in SPLITS)
    return About(
        title=config.name,
        step=subject.separator.step,
        split=subject.split,
        sample_rate=form.sample_rate,
        channels=form.channels,
        labels="oracle labels of each piece" if config.needs_labels else "no labels",
        evaluation=config.evaluation,
        config_json=configs.to_json(config),
        manifest={
            "corpus": manifest.corpus,
            "splits": manifest.config.data.splits,
            "tracks": counts,
            "code revision that wrote the records": manifest.code_revision,
        },
        manifest_json=manifest.to_json(),
        code_revision=code_revision(),
        command=call,
        not_a_result=f"the network was trained on {len(heard)} of the tracks scored here"
        if heard
        else None,
        known_leaks=[str(leak) for leak in manifest.known_leaks],
    )
