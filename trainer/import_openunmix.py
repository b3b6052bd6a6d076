"""Makes a run of a copy of Open-Unmix's published weights that you have.

    python -m trainer.import_openunmix --weights=umxhq --workdir=runs/umxhq

The folder has a file for each target, such as vocals-b62c91ce.pth, or a file of safetensors; a
vocals.json and a separator.json beside them are heeded. The run is one network with a body for each
target: evaluation.separate, trainer.export and, with --records, evaluation.evaluate take it.

Files of PyTorch are read by an interpreter that has PyTorch, as weights alone:

    python -m trainer.import_openunmix --weights=umxhq --workdir=runs/umxhq --torch_python=PYTHON

Nothing is fetched. The licence of the weights stands in the run and in its model card.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from data_prep.runtime import command
from data_prep.storage import is_bucket, open_folder
from data_prep.storage.lock import held
from trainer.imports.open_unmix_run import read_open_unmix, write_run
from trainer.loop.workdir import require_no_run

FLAGS = flags.FLAGS


def main(_: Sequence[str]) -> None:
    """Imports the weights that the flags name."""
    if is_bucket(FLAGS.weights):
        raise ValueError(f"--weights={FLAGS.weights} is in a bucket; expected a folder on a disk.")
    workdir = open_folder(FLAGS.workdir)
    require_no_run(workdir.url)
    found = read_open_unmix(
        Path(FLAGS.weights), FLAGS.torch_python, FLAGS.license, FLAGS.sample_rate
    )
    command.import_first(["tensorflow"])
    with held(workdir.url):
        write_run(found, workdir.url)
    config = found.config
    print(
        f"{workdir.url} is a run of {', '.join(config.data.sources)} at "
        f"{config.audio.sample_rate:,} Hz.\n"
        f"Licence of the weights: {found.imported.licence or 'not known to this program'}."
    )


if __name__ == "__main__":
    flags.DEFINE_string("weights", None, "folder of the weights, on a disk", required=True)
    flags.DEFINE_string("workdir", None, "folder of the run to make", required=True)
    flags.DEFINE_string(
        "torch_python", "", "interpreter that has PyTorch, to read .pth; this one unless told"
    )
    flags.DEFINE_string(
        "license", "", "of weights that are not those that were published, to stand in the run"
    )
    flags.DEFINE_integer(
        "sample_rate", 0, "that the weights are for, where no file says it", lower_bound=0
    )
    command.run(main)
