"""Says which instruments are heard in files, or in sound as it arrives.

    python -m evaluation.tag song.mp3 album/ --workdir=runs/tagger --out=tagged

prints a line for every file, its length and its instruments, each with the share of the time in
which it is heard, and writes

    tagged/song.csv     a row for every column of the network, with a probability per instrument
    tagged/song.json    the instruments, what they follow from, and when each of them is heard
    tagged/song.txt     the same spans as a label track that Audacity imports
    tagged/song.png     a taggram: instruments by time, below the waveform

A file may be of any kind that FFmpeg decodes; a folder in place of a file means the sound files in
it. Given again, the same command makes what is missing and leaves what is there.

    arecord -q -t raw -f S16_LE -r 44100 -c 2 | python -m evaluation.tag - --workdir=runs/tagger

reads raw PCM (signed 16 bits, little end first; --rate, --channels) from its input instead, and
prints a line a second: what sounds now. Ctrl-C ends it, as the end of the input does.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from data_prep.audio.tracks import AudioFormat
from data_prep.runtime import command
from data_prep.storage import is_bucket, open_folder
from evaluation.songs.places import find_sounds, require_apart
from evaluation.taggrams.batch import WantedTags, tag_files
from evaluation.taggrams.forms import FORMS, parse_forms
from trainer.inference.checkpoint_flags import define_checkpoint_flags
from trainer.inference.memory import MEMORY_MB
from trainer.tasks.tagging.tagger import NamedTagger, name_tagger

# It imports TensorFlow, for which a command that is refused does not wait.
if TYPE_CHECKING:
    from trainer.tasks.tagging.tagger import Tagger

FLAGS = flags.FLAGS

_INPUT = "-"
# What goes with files, and with raw PCM.
_OF_FILES = ("out", "formats", "overwrite", "memory")
_OF_INPUT = ("rate", "channels")


def main(arguments: Sequence[str]) -> None:
    """Hears the files that the arguments name, or what comes on the input."""
    names = arguments[1:]
    if not names:
        raise ValueError("name at least one audio file, or - for raw PCM on the input.")
    is_live = _INPUT in names
    if is_live and len(names) > 1:
        raise ValueError("- is the input, which is heard alone; leave out the files.")
    for name in _OF_FILES if is_live else _OF_INPUT:
        if FLAGS[name].present:
            what = "files, not for the input" if is_live else "raw PCM on the input, named -"
            raise ValueError(f"--{name} is for {what}; leave it out.")
    # All that can be refused is, before anything slow is imported.
    forms = parse_forms(FLAGS.formats)
    named = name_tagger(FLAGS.workdir, FLAGS.checkpoint, FLAGS.weights, FLAGS.threshold)
    if is_live:
        _hear_input(named)
    else:
        wanted = WantedTags(forms, open_folder(FLAGS.out).url, FLAGS.overwrite)
        _hear_files(named, [Path(name) for name in names], wanted)


def _hear_files(named: NamedTagger, paths: Sequence[Path], wanted: WantedTags) -> None:
    sounds = find_sounds(paths)
    require_apart({path: wanted.places(path) for path in sounds})
    if is_bucket(wanted.out):
        # Before the network is restored, which takes long.
        open_folder(wanted.out).check()
    if "png" in wanted.forms:
        command.import_first(["evaluation.taggrams.picture"])
    tagger = _load(named, FLAGS.memory)
    print(tagger.origin, flush=True)
    tag_files(tagger, sounds, wanted)


def _hear_input(named: NamedTagger) -> None:
    if sys.stdin.isatty():
        raise ValueError(
            "- reads raw PCM that another program writes, such as ffmpeg -i song.mp3 -f s16le -; "
            "got a keyboard."
        )
    tagger = _load(named, MEMORY_MB)
    with command.importing():
        from evaluation.taggrams.live import print_live

    print_live(tagger, sys.stdin.buffer, AudioFormat(FLAGS.rate, FLAGS.channels))


def _load(named: NamedTagger, memory_mb: float) -> "Tagger":
    command.import_first(["trainer.inference.listener", "trainer.tasks.tagging.thresholds"])
    return named.load(memory_mb)


if __name__ == "__main__":
    define_checkpoint_flags()
    flags.DEFINE_string("out", "tagged", "folder to write to")
    flags.DEFINE_string("formats", ",".join(FORMS), "files that are wanted, with commas between")
    flags.DEFINE_float(
        "threshold",
        None,
        "probability from which on an instrument is heard, for all of them; unless given, those "
        "that validation chose",
        lower_bound=0.0,
        upper_bound=1.0,
    )
    flags.DEFINE_float(
        "memory",
        MEMORY_MB,
        "MB that the network may take for one stretch of a file; less is slower",
        lower_bound=1.0,
    )
    flags.DEFINE_bool("overwrite", False, "replace files that are there")
    flags.DEFINE_integer(
        "rate", 44100, "of raw PCM on the input, in Hz", lower_bound=100, upper_bound=1000000
    )
    flags.DEFINE_integer("channels", 2, "of raw PCM on the input", lower_bound=1, upper_bound=64)
    command.run(main, takes_files=True)
