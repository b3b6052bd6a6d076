"""Makes a run of weights of a BS-RoFormer or a Mel-Band RoFormer that you have, and their yaml.

    python -m trainer.import_roformer --weights=model.ckpt --config=model.yaml --workdir=runs/model

The files are those that MSST, UVR and audio-separator take. evaluation.separate, trainer.export
and, with --records, evaluation.evaluate take the run.

Files of PyTorch are read by an interpreter that has PyTorch, as weights alone; safetensors need
none:

    python -m trainer.import_roformer --weights=model.ckpt --config=model.yaml \
        --workdir=runs/model --torch_python=PYTHON --license="CC BY 4.0"

Nothing is fetched. The licence of the weights stands in the run and in its model card.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from data_prep.runtime import command
from data_prep.storage import is_bucket, open_folder
from data_prep.storage.lock import held
from trainer.imports.roformer_run import Told, read_roformer, write_run
from trainer.loop.workdir import require_no_run

FLAGS = flags.FLAGS


def main(_: Sequence[str]) -> None:
    """Imports the weights that the flags name."""
    for flag in ("weights", "config"):
        if is_bucket(FLAGS[flag].value):
            raise ValueError(
                f"--{flag}={FLAGS[flag].value} is in a bucket; expected a file on a disk."
            )
    workdir = open_folder(FLAGS.workdir)
    require_no_run(workdir.url)
    told = Told(FLAGS.license, FLAGS.sources, FLAGS.sample_rate, FLAGS.overlap)
    found = read_roformer(Path(FLAGS.weights), Path(FLAGS.config), FLAGS.torch_python, told)
    command.import_first(["tensorflow"])
    with held(workdir.url):
        write_run(found, workdir.url)
    config = found.config
    print(
        f"{workdir.url} is a run of {', '.join(config.data.sources)} at "
        f"{config.audio.sample_rate:,} Hz.\n"
        f"Licence of the weights: {found.imported.licence}."
    )


if __name__ == "__main__":
    flags.DEFINE_string("weights", None, "file of the weights, on a disk", required=True)
    flags.DEFINE_string("config", None, "the yaml that belongs to them", required=True)
    flags.DEFINE_string("workdir", None, "folder of the run to make", required=True)
    flags.DEFINE_string(
        "torch_python", "", "interpreter that has PyTorch, to read .ckpt; this one unless told"
    )
    flags.DEFINE_string("license", "", "of the weights, to stand in the run")
    flags.DEFINE_list(
        "sources",
        [],
        "names of the stems in their order, in place of those in the yaml; of one stem, a second "
        "name is that of what it leaves of a mixture",
    )
    flags.DEFINE_integer(
        "sample_rate", 0, "that the weights are for, where the yaml does not say it", lower_bound=0
    )
    flags.DEFINE_integer(
        "overlap", 0, "chunks over each frame, in place of those in the yaml", lower_bound=0
    )
    command.run(main)
