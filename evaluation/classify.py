"""Learns classes or numbers of files of sound from what a tagger hears in them, and says them.

    python -m evaluation.classify train --root=SOUNDS --groups=folder --workdir=RUN --out=MODEL

learns from the folders of SOUNDS, one for each class, each with a folder for every artist in it
(SOUNDS/metal/muldjord/one.ogg). It prints how well the class of a file is told when all files of
its artist are held out: balanced accuracy with an interval, beside the majority, and beside MFCC
with the same classifier; precision, recall and F1 of each class; what is taken for what. Files may
be of any kind that FFmpeg decodes, of any rate and length. In place of --groups=folder a table may
say which files belong together, --groups=FILE.csv (columns file and group). In place of folders a
table may say what each file is, in words or as a number:

    python -m evaluation.classify train --csv=SOUNDS.csv --workdir=RUN --out=MODEL

with the columns file, class (or number) and group. Without groups no accuracy is printed, unless
--ungrouped is given; given beside groups, it shows how much better things look without them.

    python -m evaluation.classify predict song.mp3 more/*.flac --model=MODEL
    python -m evaluation.classify neighbours song.mp3 --model=MODEL --count=5

print the class of each file with the probability of every class (or its number), or the files of
SOUNDS that are nearest, as CSV or with --json as JSON, to --out=FILE if it is given.

Features of files are kept in MODEL as they are computed: given again, an interrupted command
continues. docs/classify.md says what is computed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from configs.tagger import require_tagger
from data_prep.runtime import command
from data_prep.storage import is_bucket
from data_prep.storage.lock import held
from evaluation.classes.folders import find_classes
from evaluation.classes.labelled import Corpus, require_enough
from evaluation.classes.model_folder import load, require_own
from evaluation.classes.table import read_table
from evaluation.songs.places import find_sounds
from trainer.inference.checkpoint_flags import define_checkpoint_flags
from trainer.inference.memory import MEMORY_MB
from trainer.loop.workdir import load_run

# It imports TensorFlow, for which a command that is refused does not wait.
if TYPE_CHECKING:
    from trainer.inference.layer_features import TrainedLayerFeatures

FLAGS = flags.FLAGS

_ACTIONS = ("train", "predict", "neighbours")
# Flags of one of them that mean nothing to another.
_OF_TRAINING = ("root", "csv", "groups", "ungrouped", "folds", "checkpoint", "weights")
_OF_ANSWERS = ("model", "json")


def main(arguments: Sequence[str]) -> None:
    """Does what the first argument says."""
    action, *names = arguments[1:] or [""]
    if action not in _ACTIONS:
        raise ValueError(f"{action!r} is nothing to do; expected {', '.join(_ACTIONS)}.")
    _refuse_flags(_OF_ANSWERS if action == "train" else _OF_TRAINING, action)
    if action != "neighbours":
        _refuse_flags(["count"], action)
    if action == "train":
        _train(names)
    else:
        _answer(names, 0 if action == "predict" else FLAGS.count)


def _refuse_flags(names: Sequence[str], action: str) -> None:
    given = [f"--{name}" for name in names if FLAGS[name].present]
    if given:
        raise ValueError(f"{action} does not take {', '.join(given)}; leave it out.")


def _train(names: Sequence[str]) -> None:
    """Learns from the files that the flags name."""
    if names:
        raise ValueError(f"train takes no files ({names[0]}); --root or --csv names them all.")
    out = Path(_required("out", "folder for what is learnt"))
    workdir = _required("workdir", "folder of the run that hears")
    # All that can be refused is, before anything slow is imported.
    corpus = _corpus()
    require_enough(corpus)
    require_own(out)
    _require_run(workdir)
    with command.importing():
        from evaluation.classes.training import Wanted, train
    layers = _load(workdir, FLAGS.checkpoint, FLAGS.weights)
    print(
        f"{layers.origin}: {len(layers.sizes)} layers, {sum(layers.sizes):,} features", flush=True
    )
    with held(str(out), "--out"):
        train(corpus, layers, out, Wanted(FLAGS.folds, FLAGS.ungrouped))


def _corpus() -> Corpus:
    if FLAGS.csv:
        if FLAGS.groups:
            raise ValueError("--groups is for folders; a table of --csv has a column group.")
        return read_table(Path(FLAGS.csv), Path(FLAGS.root) if FLAGS.root else None)
    return find_classes(Path(_required("root", "folder with a folder a class")), FLAGS.groups)


def _answer(names: Sequence[str], num_neighbours: int) -> None:
    """Says what a model makes of files."""
    folder = Path(_required("model", "folder that train wrote"))
    if not names:
        raise ValueError("name at least one file of sound.")
    paths = find_sounds([Path(name) for name in names])
    model = load(folder)
    heard_by = model.heard_by
    workdir = FLAGS.workdir or heard_by.workdir
    _require_run(workdir)
    with command.importing():
        from evaluation.classes.answers import Written, answer, require_same_ears
    try:
        layers = _load(workdir, str(heard_by.step), heard_by.weights)
    except ValueError as error:
        step = f"{folder} learnt with step {heard_by.step:,}; if that is gone, train again"
        raise ValueError(f"{error} ({step}.)") from error
    require_same_ears(model, layers, workdir)
    written = Written(FLAGS.out or "", FLAGS.json)
    answer(model, layers, paths, folder / "features", written, num_neighbours)


def _require_run(workdir: str) -> None:
    """Refuses a folder without a run that hears, before TensorFlow is imported."""
    run = load_run(workdir)
    require_tagger(run.config.model, run.config.name)


def _load(workdir: str, checkpoint: str, weights: str) -> "TrainedLayerFeatures":
    with command.importing():
        from trainer.inference.layer_features import TrainedLayerFeatures
        from trainer.inference.separator import compute_in_turn

    compute_in_turn()
    return TrainedLayerFeatures(workdir, checkpoint, weights, FLAGS.memory)


def _required(name: str, meaning: str) -> str:
    value: str | None = FLAGS[name].value
    if not value:
        raise ValueError(f"--{name} is missing: the {meaning}.")
    if name != "workdir" and is_bucket(value):
        raise ValueError(f"--{name}={value} is in a bucket; expected a place on a disk.")
    return value


if __name__ == "__main__":
    define_checkpoint_flags(workdir_required=False)
    flags.DEFINE_string(
        "root", "", "folder with a folder for each class; beside --csv: of its files"
    )
    flags.DEFINE_string("csv", "", "table with the columns file, class or number, and group")
    flags.DEFINE_string(
        "groups",
        "",
        "which files are held out together: folder, for those in one folder within that of their "
        "class, or a table with the columns file and group",
    )
    flags.DEFINE_bool("ungrouped", False, "measure without regard to groups, too: too good")
    flags.DEFINE_integer(
        "folds", 10, "of the cross-validation; fewer where there are fewer groups", lower_bound=2
    )
    flags.DEFINE_string(
        "out", "", "train: folder to write; else: file to write in place of a print"
    )
    flags.DEFINE_string("model", "", "folder that train wrote")
    flags.DEFINE_bool("json", False, "JSON in place of CSV")
    flags.DEFINE_integer("count", 10, "how many neighbours of each file", lower_bound=1)
    flags.DEFINE_float(
        "memory",
        MEMORY_MB,
        "MB that the network may take for one stretch of a file",
        lower_bound=1.0,
    )
    command.run(main, takes_files=True)
