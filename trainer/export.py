"""Exports a trained network to a file that needs nothing of this project.

    python -m trainer.export --workdir=runs/urmp_labels

writes runs/urmp_labels/saved_model, which needs TensorFlow alone:

    model = tf.saved_model.load("runs/urmp_labels/saved_model")
    about = model.describe()  # sample_rate, sources in slot order, step, config
    estimates = model.separate(waveform, labels)

waveform (T, C) at the rate of ``describe``, labels (K,) with 1 for each source that plays, -1
throughout where that is not known; estimates (K, T, C). A mono network separates each channel by
itself; a stereo network hears a mono waveform twice and returns the mean of its channels.

With --tagger=runs/tagger it holds that network, too, which hears what plays:

    labels = model.recognise(waveform)["labels"]
    estimates = model.separate(waveform, labels)

    python -m trainer.export --workdir=runs/urmp_labels --format=onnx,tflite,tflite_int8

writes model.onnx, model.tflite and model_int8.tflite to runs/urmp_labels/exported, with a model
card. They hold the network for one window of a song; docs/separating.md shows the few lines that
separate a song by them. What differs from the network on real music is refused.
"""

from collections.abc import Sequence

from absl import flags

from data_prep.runtime import command
from data_prep.storage import is_bucket, open_folder
from data_prep.storage.lock import held
from trainer.exports.formats import FORMATS, SAVED_MODEL, parse_formats, require_packages
from trainer.inference.checkpoint_flags import define_checkpoint_flags
from trainer.loop.workdir import require_run
from trainer.tasks.tagging.tagger import NamedTagger, name_tagger

FLAGS = flags.FLAGS


def export(
    workdir: str,
    checkpoint: str,
    out: str,
    weights: str = "average",
    formats: Sequence[str] = (SAVED_MODEL,),
    tagger: NamedTagger | None = None,
) -> str:
    """Exports a run, replacing former exports, and prints a table of what was made.

    Args:
        workdir: folder of the run.
        checkpoint: best, latest, or a number of steps.
        out: the folder of the SavedModel where that is the only format, else the folder of all
            exports; empty for ``WORKDIR/saved_model`` and ``WORKDIR/exported``.
        weights: average or raw.
        formats: some of ``FORMATS``.
        tagger: recognises labels in the SavedModel, if any does.

    Returns:
        The folder.

    Raises:
        ValueError: there is no such run or checkpoint, ``out`` is something else, or an export
            differs from the network.
    """
    with command.importing():
        from trainer.exports.exporting import Exporter
        from trainer.exports.placing import export_files
        from trainer.exports.rows import to_table

    is_alone = list(formats) == [SAVED_MODEL]
    default = FORMATS[SAVED_MODEL].file if is_alone else "exported"
    out = open_folder(out or f"{workdir}/{default}").url
    if is_bucket(out):
        # Before anything that takes minutes.
        open_folder(f"{out}.partial").check()
    exporter = Exporter(workdir, checkpoint, weights)
    with held(out, "--out", beside=True):
        if is_alone:
            found = [exporter.write_saved_model(out, tagger.load() if tagger else None)]
        else:
            found = export_files(exporter, formats, out)
    print(to_table(found))
    return out


def main(_: Sequence[str]) -> None:
    """Exports the run that the flags name."""
    formats = parse_formats(FLAGS.format)
    workdir = require_run(FLAGS.workdir)
    tagger = None
    if FLAGS.tagger:
        if formats != [SAVED_MODEL]:
            raise ValueError(
                "--tagger goes with --format=saved_model alone: the other formats hold one window "
                "of a song, of which nobody hears what plays in all of it."
            )
        tagger = name_tagger(FLAGS.tagger)
    require_packages(formats)
    out = export(workdir, FLAGS.checkpoint, FLAGS.out, FLAGS.weights, formats, tagger)
    print(f"SavedModel: {out}" if formats == [SAVED_MODEL] else f"Exports and model card: {out}")


if __name__ == "__main__":
    define_checkpoint_flags()
    flags.DEFINE_string("tagger", "", "run of a tagger, which recognises labels in the SavedModel")
    flags.DEFINE_string("format", SAVED_MODEL, f"what to write: some of {', '.join(FORMATS)}")
    flags.DEFINE_string(
        "out", "", "folder to write instead of WORKDIR/saved_model, or WORKDIR/exported"
    )
    command.run(main)
