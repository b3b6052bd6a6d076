"""Separates songs with a trained network.

    python -m evaluation.separate --workdir=runs/urmp_labels song.mp3 --labels=vn,vc --out=stems

writes stems/song/vn.wav and stems/song/vc.wav. Every stem has the rate, channels and length of its
song, which may be a file of any kind that FFmpeg decodes; a folder in place of a file means the
sound files in it. --labels says what plays, --write which stems are wanted:

    --write=vocals,residual    the voice, and all that it leaves of the song
    --write=all-but:vocals     every source but one

Given again, the same command makes what is missing and leaves what is there.

    python -m evaluation.separate --workdir=runs/urmp_labels --serve

opens a page instead, for the browsers of this machine: drop songs on it, hear their stems in step.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from data_prep.audio.encoding import FORMATS
from data_prep.runtime import command
from data_prep.storage import is_bucket, open_folder
from evaluation.songs.batch import Destination, separate_songs
from evaluation.songs.choice import parse_labels, parse_stems
from evaluation.songs.places import DEFAULT_NAME, find_sounds, require_name
from evaluation.songs.stems import CLIPS, Wanted
from trainer.inference.memory import MEMORY_MB
from trainer.loop.checkpoint_flags import define_checkpoint_flags
from trainer.loop.workdir import load_run, require_run

# It imports TensorFlow, for which a command that is refused does not wait.
if TYPE_CHECKING:
    from trainer.inference.separator import TrainedSeparator

FLAGS = flags.FLAGS


# What the page asks for, or does not have.
_OF_FILES = ("labels", "write", "format", "clip", "out", "name", "downmix", "overwrite")


def main(arguments: Sequence[str]) -> None:
    """Separates the songs that the arguments name, or those that a page is given."""
    paths = [Path(argument) for argument in arguments[1:]]
    if FLAGS.serve:
        _serve(paths)
        return
    if not paths:
        raise ValueError("name at least one audio file to separate, or open a page with --serve.")
    workdir = require_run(FLAGS.workdir)
    # All that can be refused is, before anything slow is imported.
    sounds = find_sounds(paths)
    vocabulary = load_run(workdir).config.data.sources
    labels = parse_labels(FLAGS.labels, vocabulary)
    stems = parse_stems(FLAGS.write, labels, vocabulary)
    require_name(FLAGS.name, len(stems.names))
    out = open_folder(FLAGS.out)
    if is_bucket(out.url):
        # Before the network is restored, which takes long.
        out.check()
    separator, model = _restore(workdir)
    print(model, flush=True)
    wanted = Wanted(labels, stems, FLAGS.format, FLAGS.clip, FLAGS.downmix)
    destination = Destination(out.url, FLAGS.name, FLAGS.overwrite)
    separate_songs(separator, sounds, wanted, destination)


def _serve(paths: Sequence[Path]) -> None:
    """Opens the page."""
    given = [f"--{name}" for name in _OF_FILES if FLAGS[name].present]
    given += [str(path) for path in paths]
    if given:
        raise ValueError(
            f"--serve opens a page that takes songs and asks what is wanted of them; leave out "
            f"{', '.join(given)}."
        )
    workdir = require_run(FLAGS.workdir)
    with command.importing():
        from evaluation.server.serve import open_port, serve

    # Before the network is restored, which takes long.
    listening = open_port(FLAGS.port)
    separator, model = _restore(workdir)
    print(model, flush=True)
    serve(separator, model, listening, FLAGS.upload_mb)


def _restore(workdir: str) -> tuple["TrainedSeparator", str]:
    """Returns the network of a run, and says which it is."""
    with command.importing():
        from trainer.inference.separator import TrainedSeparator, describe_device

    separator = TrainedSeparator(workdir, FLAGS.checkpoint, FLAGS.weights, FLAGS.memory)
    return separator, f"step {separator.step:,} of {workdir}, on the {describe_device()}"


if __name__ == "__main__":
    define_checkpoint_flags()
    flags.DEFINE_string(
        "labels",
        None,
        "instruments that play, with commas between them, or all; leave out where they are not "
        "known",
    )
    flags.DEFINE_string(
        "write",
        None,
        "stems that are wanted: sources, all, residual (the song minus the others), or "
        "all-but:SOURCES; by default the instruments that play, else all",
    )
    flags.DEFINE_enum(
        "format",
        "wav",
        list(FORMATS),
        "of the stems: wav is float, wav24, wav16 and flac (of 24 bits) are not, mp3 and m4a small",
    )
    flags.DEFINE_enum(
        "clip",
        "rescale",
        CLIPS,
        "what to do with values beyond full scale where the format has none: turn all stems of the "
        "song down, cut them off, or refuse the song",
    )
    flags.DEFINE_string("out", "separated", "folder to write to")
    flags.DEFINE_string("name", DEFAULT_NAME, "of each stem in that folder, without its suffix")
    flags.DEFINE_bool("downmix", False, "mix surround sound down to two channels first")
    flags.DEFINE_float(
        "memory",
        MEMORY_MB,
        "MB that the network may take for one stretch of a song; less is slower",
        lower_bound=1.0,
    )
    flags.DEFINE_bool("overwrite", False, "replace stems that are there")
    flags.DEFINE_bool("serve", False, "open a page for the browsers of this machine instead")
    flags.DEFINE_integer(
        "port", 8765, "of that page; 0 for any that is free", lower_bound=0, upper_bound=65535
    )
    flags.DEFINE_float(
        "upload_mb", 500.0, "MB that a song may have that is sent to the page", lower_bound=1e-3
    )
    command.run(main, takes_files=True)
