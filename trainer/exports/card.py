"""Writes the model card of exported networks, from the files of their run alone.

A model card says what a model is, what it was made from and what it cannot do: Mitchell et al.,
"Model Cards for Model Reporting", FAT* 2019.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import configs
from configs import Config, instruments
from configs.reading import parse_object
from configs.splits import SPLITS
from data_prep.corpora import CORPORA
from data_prep.records.manifest import Manifest
from data_prep.runtime.quantities import clock, pluralized
from data_prep.storage import open_folder
from trainer.exports.rows import Row, to_table
from trainer.loop.metrics import read_metrics
from trainer.loop.workdir import TrainingRun

FILE_NAME = "model_card.md"
# Splits of music that data_prep.synthetic composes.
_SYNTHETIC = "synthetic"


def model_card(
    workdir: str,
    run: TrainingRun,
    about: Mapping[str, Any],
    num_weights: int,
    rows: Sequence[Row],
) -> str:
    """Returns the card as Markdown.

    Args:
        workdir: of the run.
        run: its config and records.
        about: what the files say of themselves.
        num_weights: how many numbers the network holds.
        rows: of the files.
    """
    config = run.config
    step = about["step"]
    weights = about["weights"]
    scores = list(_scores(workdir, step, weights))
    sections = {
        "Files": [to_table(rows)],
        "What it is": _network(config, num_weights),
        "What goes in and comes out": _interface(config, about),
        "Training": _training(run, step, weights),
        "Data": _data(run),
        "Scores": scores or ["Nobody has measured how well it separates.\n"],
        "Limits": _limits(run, is_measured=bool(scores)),
        "Config": [f"```json\n{configs.to_json(config)}\n```\n"],
    }
    text = "\n".join(f"## {title}\n\n" + "\n".join(parts) for title, parts in sections.items())
    return f"# Model card: {config.name}, step {step:,}\n\n{text}"


def _network(config: Config, num_weights: int) -> list[str]:
    names = [_name(source) for source in config.data.sources]
    channels = pluralized(config.audio.channels, "channel")
    return [
        f"A network (`{config.model.kind}`, {num_weights:,} weights) that estimates, from a mixture"
        f" of music at {config.audio.sample_rate:,} Hz and with {channels}, the waveform of "
        f"each of {pluralized(len(names), 'source')}: {', '.join(names)}.\n"
    ]


def _name(source: str) -> str:
    """Returns a source with the word for it, where that is another: horn (`hn`), `drums`."""
    word = instruments.name_of(source)
    return f"`{source}`" if word == source else f"{word} (`{source}`)"


def _interface(config: Config, about: Mapping[str, Any]) -> list[str]:
    mixture_frames = about["mixture_frames"]
    hop_frames = about["hop_frames"]
    num_slots = len(config.data.sources)
    num_channels = config.audio.channels
    labels = "no labels"
    if about["takes_labels"]:
        labels = f"`labels` (1, {num_slots}): {_labels(config)}"
    return [
        "ONNX and TFLite hold one window, float32, full scale 1:\n",
        f"- `mixture` (1, {mixture_frames}, {num_channels}), of the rate above",
        f"- {labels}",
        f"- out: `estimates` (1, {num_slots}, {hop_frames}, {num_channels}), the sources in the "
        f"order above\n",
        f"Window n reads {mixture_frames} frames from frame n * {hop_frames} - "
        f"{about['lead_frames']} of the song on, which is preceded and followed by zeros, and "
        f"estimates {hop_frames} frames from n * {hop_frames} on. Pieces end to end are the whole "
        f"estimate, with no seams. The file says all this of itself: as JSON under `about` in the "
        f"metadata of ONNX, and as `about.json` in the zip archive that TFLite's file is too.\n",
        "They compute in float32, whatever the run computed in. A SavedModel separates whole "
        "waveforms.\n",
    ]


def _labels(config: Config) -> str:
    known = "1 for each source that plays, 0 for the others"
    if config.takes_unknown_labels:
        return f"{known}; or -1 throughout where that is not known"
    return f"{known}; the network was never trained to do without"


def _training(run: TrainingRun, step: int, weights: str) -> list[str]:
    if run.imported is not None:
        files = [f"- `{name}`, SHA-256 {sha256}" for name, sha256 in run.imported.files.items()]
        return [
            f"Not here: the weights are those of {run.imported.system}, imported from:\n",
            *files,
            f"\nLicence of the weights: {run.imported.licence or 'not known to this program'}.\n",
        ]
    config = run.config
    kind = "raw"
    if weights == "average" and config.train.average_decay:
        kind = f"the moving average, of decay {config.train.average_decay:g}"
    return [
        f"Step {step:,} of {config.train.steps:,}, in batches of {config.train.batch_size}, "
        f"computed in {config.train.compute_dtype}. Weights: {kind}.\n"
    ]


def _data(run: TrainingRun) -> list[str]:
    if run.imported is not None:
        trained_on = run.imported.trained_on
        if trained_on:
            return [f"As the authors of the weights say: {trained_on}.\n"]
        return ["What the weights learnt from is not known to this program.\n"]
    manifest = run.manifest
    config = manifest.config
    lines = [
        f"Records that `data_prep.write` made of a corpus read as `{manifest.corpus}`, splits "
        f"`{config.data.splits}`, code revision {manifest.code_revision or 'unknown'}:\n"
    ]
    for split in SPLITS:
        tracks = manifest.tracks(split)
        secs = sum(track.num_frames for track in tracks) / config.audio.sample_rate
        lines.append(f"- {split}: {pluralized(len(tracks), 'track')}, {clock(secs)}")
    if manifest.skipped:
        lines.append(f"- {pluralized(len(manifest.skipped), 'track')} could not be read")
    lines.append(f"\n{_terms(manifest)}\n")
    leaks = len(manifest.known_leaks)
    if leaks:
        lines.append(f"Splits share recordings: {pluralized(leaks, 'known leak')}.\n")
    return lines


def _terms(manifest: Manifest) -> str:
    """Says what may be done with the data, as far as this program knows."""
    name = manifest.corpus
    if manifest.config.data.splits == _SYNTHETIC:
        return "Licence: music that `data_prep.synthetic` composed by dice, nobody's recordings."
    terms = CORPORA[name].terms if name in CORPORA else None
    if terms is None:
        return f"Licence: not known to this program; ask whoever distributes {name}."
    return (
        f"Licence: {terms} Whether the files were those, or others in the same layout, this "
        f"program does not know."
    )


def _scores(workdir: str, step: int, weights: str) -> Iterator[str]:
    """Yields what reports of this step say first, and what validation found of it."""
    of_weights = "-raw" if weights == "raw" else ""
    for split in SPLITS:
        folder = open_folder(f"{workdir}/evaluation/{step}-{split}{of_weights}")
        report = folder.read_text("report.json")
        scores = folder.read_text("scores.json")
        if report is not None and scores is not None:
            yield from _head(
                split,
                parse_object(report, f"{folder.url}/report.json"),
                parse_object(scores, f"{folder.url}/scores.json"),
            )
    for line in read_metrics(workdir):
        if line.get("kind") == "valid" and line.get("step") == step:
            figures = {name: value for name, value in line.items() if isinstance(value, float)}
            said = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
            yield f"Validation during training, in `metrics.jsonl`: {said or 'no figure'}.\n"


def _head(split: str, report: Mapping[str, Any], scores: Mapping[str, Any]) -> Iterator[str]:
    labels = scores.get("labels", "labels unknown")
    head = report.get("head")
    blocks = head if isinstance(head, list) else []
    texts = [block["text"] for block in blocks if isinstance(block, dict) and "text" in block]
    yield f"On the {split} split, with {labels}: {' '.join(map(str, texts))}\n"
    if scores.get("not_a_result"):
        yield f"These are no results: {scores['not_a_result']}\n"


def _limits(run: TrainingRun, is_measured: bool) -> list[str]:
    config = run.config
    lines = [
        "- It knows the music of its training data; of other instruments, rooms, styles and "
        "mixtures nothing was measured here.",
        "- What of a song is none of its sources ends up in some of the estimates.",
    ]
    if config.needs_labels and not config.takes_unknown_labels:
        lines.append("- It must be told what plays; a wrong label gives a wrong estimate.")
    if run.imported is None and not run.manifest.tracks("valid"):
        lines.append("- It was never validated: no track was kept for that.")
    if run.imported is not None:
        terms = run.imported.licence or "not known to this program"
        lines.append(f"- The licence of the weights ({terms}) holds for these files, too.")
    if run.manifest.config.data.splits == _SYNTHETIC:
        lines.append("- It has heard synthetic music alone, and no recording.")
    if not is_measured:
        lines.append("- It may be no better than random weights, which no measurement excludes.")
    return [*lines, ""]
