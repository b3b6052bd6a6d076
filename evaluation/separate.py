"""Separates songs with a trained network, or without any.

    python -m evaluation.separate --workdir=runs/urmp_labels song.mp3 --labels=vn,vc --out=stems

writes stems/song/vn.wav and stems/song/vc.wav. Every stem has the rate, channels and length of its
song, which may be a file of any kind that FFmpeg decodes; a folder in place of a file means the
sound files in it. --labels says what plays, --write which stems are wanted:

    --write=vocals,residual    the voice, and all that it leaves of the song
    --write=all-but:vocals     every source but one

What plays can be heard, too, by a run that has learnt to (docs/tagging.md); then the instruments
that it hears are written:

    --labels=auto --tagger=runs/tagger

A run that answers queries (task.kind=query) is asked for names by --labels, for what recordings of
instruments sound like, or for all that it says is there, the loudest first; then what they leave of
the song is written, too, as rest:

    --query=oboe.wav           and as many more; oboe.wav and rest.wav
    --everything               until the rest is 25 dB below the song, or there are 24 stems

A network that has learnt to be told what sounds when (docs/model.md) takes a MIDI file that follows
the recording note for note; --notes_map says which of its tracks are which instruments:

    python -m evaluation.separate --workdir=runs/urmp_notes song.wav --notes=song.mid \
        --notes_map="Violin I=vn,Violin II=vn,Violoncello=vc"

Before anything is trained, --untrained separates with the random weights that a training begins
with, the baseline that a trained network must be better than:

    python -m evaluation.separate --untrained --config=musdb song.mp3 --out=untrained

Some methods need no network at all, and are what one should be compared with:

    python -m evaluation.separate --method=hpss song.mp3      what is harmonic, what is percussive
    python -m evaluation.separate --method=repet song.mp3     what repeats, and what does not
    python -m evaluation.separate --method=ica song.mp3       two components of two channels
    python -m evaluation.separate --method=nmf --records=records/musdb song.mp3

The last one learns how each source sounds from the training split of records, and keeps that beside
them.

Estimates get a little better where several are averaged, those of more passes of a network over the
song, or of more runs, which takes as many times as long:

    --passes=4                 the song as it is, and shifted by three parts of the network's stride
    --workdir=A --workdir=B    two runs with the same sources, rate and channels

Given again, the same command makes what is missing and leaves what is there.

    python -m evaluation.separate --workdir=runs/urmp_labels --serve

opens a page instead, for the browsers of this machine: drop songs on it, hear their stems in step.
With --tagger=runs/tagger it listens to each song first, and shows what it hears.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from data_prep.audio.annotations import Note
from data_prep.audio.encoding import FORMATS
from data_prep.runtime import command
from data_prep.storage import is_bucket, open_folder
from evaluation.classical.methods import NamedMethod
from evaluation.recognition.recognition_flag import AUTO
from evaluation.songs.batch import Destination, announced_secs, separate_songs
from evaluation.songs.choice import REST, Stems, naming, parse_labels, parse_stems
from evaluation.songs.networks import NamedNetwork
from evaluation.songs.places import DEFAULT_NAME, find_sounds, require_name
from evaluation.songs.separator_flags import (
    define_separator_flags,
    named_network,
    named_separator,
)
from evaluation.songs.separators import SongSeparator
from evaluation.songs.song_notes import read_song_notes, warn_of_doubts
from evaluation.songs.stems import CLIPS, Wanted
from trainer.inference.memory import MEMORY_MB, return_freed_memory

# It imports TensorFlow, for which a command that is refused does not wait.
if TYPE_CHECKING:
    from trainer.inference.base import BaseSeparator

FLAGS = flags.FLAGS


# What the page asks for, or does not have.
_OF_FILES = (
    *("labels", "write", "format", "clip", "out", "name", "downmix", "overwrite"),
    *("method", "records", "notes", "notes_map", "query", "everything"),
)
_OF_PAGE = ("port", "upload_mb")
# A song for which little memory is worth a third more time.
_LONG_SECS = 1800.0


def main(arguments: Sequence[str]) -> None:
    """Separates the songs that the arguments name, or those that a page is given."""
    paths = [Path(argument) for argument in arguments[1:]]
    if FLAGS.serve:
        _serve(paths)
        return
    if not paths:
        raise ValueError("name at least one audio file to separate, or open a page with --serve.")
    _refuse(_OF_PAGE)
    # All that can be refused is, before anything slow is imported.
    named = named_separator()
    sounds = find_sounds(paths)
    listens = FLAGS.labels == AUTO or (isinstance(named, NamedNetwork) and named.listens)
    with naming(f"--labels={FLAGS.labels}"):
        labels = None if listens else parse_labels(FLAGS.labels, named.sources)
    notes = _read_notes(named, sounds)
    if notes and FLAGS.labels is None:
        # What has notes has a part.
        labels = parse_labels(",".join({note.instrument for note in notes}), named.sources)
    with naming(f"--write={FLAGS.write}"):
        stems = parse_stems(FLAGS.write, labels, named.sources)
    stems = _with_rest(stems, named)
    require_name(FLAGS.name, len(stems.names))
    out = open_folder(FLAGS.out)
    if is_bucket(out.url):
        # Before the network is restored, which takes long.
        out.check()
    if max(map(announced_secs, sounds)) > _LONG_SECS:
        return_freed_memory()
    separator: SongSeparator
    if isinstance(named, NamedMethod):
        separator = named.load()
        print(separator.origin, flush=True)
    else:
        network, model = _load(named)
        print(model, flush=True)
        separator = _tell(network, notes, sounds[0]) if notes else network
    only_heard = listens and FLAGS.write is None
    wanted = Wanted(labels, stems, FLAGS.format, FLAGS.clip, FLAGS.downmix, only_heard)
    destination = Destination(out.url, FLAGS.name, FLAGS.overwrite)
    separate_songs(separator, sounds, wanted, destination)


def _with_rest(stems: Stems, named: NamedNetwork | NamedMethod) -> Stems:
    """Adds what queries leave of a song, where nobody said which stems are wanted."""
    is_query = isinstance(named, NamedNetwork) and named.asked in ("everything", "recordings")
    if FLAGS.write is None and is_query:
        return stems._replace(with_residual=True, rest=REST)
    return stems


def _read_notes(named: NamedNetwork | NamedMethod, sounds: Sequence[Path]) -> list[Note]:
    """Returns the notes that the flags name; none where they name none."""
    if FLAGS.notes is None:
        if FLAGS.notes_map is not None:
            raise ValueError("--notes_map says what is in the file of --notes; name that.")
        return []
    if isinstance(named, NamedMethod):
        raise ValueError("--notes are for a network that has learnt from notes, not for --method.")
    return read_song_notes(FLAGS.notes, FLAGS.notes_map, sounds, named.config)


def _tell(separator: "BaseSeparator", notes: Sequence[Note], song: Path) -> "BaseSeparator":
    """Returns a separator that knows the notes of a song, and warns where they hardly are."""
    from trainer.inference.told import Told, rows_of

    warn_of_doubts(song, notes, separator.config.audio.sample_rate)
    return separator.told(Told(rows_of(notes, separator.sources)))


def _refuse(of_page: Sequence[str]) -> None:
    """Refuses flags that are for the page."""
    for name in of_page:
        if FLAGS[name].present:
            raise ValueError(f"--{name} is for the page that --serve opens; leave it out.")


def _serve(paths: Sequence[Path]) -> None:
    """Opens the page."""
    given = [f"--{name}" for name in _OF_FILES if FLAGS[name].present]
    given += [str(path) for path in paths]
    if given:
        raise ValueError(
            f"--serve opens a page that takes songs and asks what is wanted of them; leave out "
            f"{', '.join(given)}."
        )
    network = named_network()
    with command.importing():
        from evaluation.server.serve import open_port, serve

    # Before the network is restored, which takes long.
    listening = open_port(FLAGS.port)
    separator, model = _load(network, listens=False)
    recogniser = network.load_recogniser()
    if recogniser is not None:
        model = f"{model}; {recogniser.words} listens"
    print(model, flush=True)
    serve(separator, model, listening, FLAGS.upload_mb, recogniser)


def _load(network: NamedNetwork, listens: bool = True) -> tuple["BaseSeparator", str]:
    """Returns a network, which may listen first, and a line that says which it is."""
    with command.importing():
        from trainer.inference.separator import compute_in_turn, describe

    compute_in_turn()
    separator = network.load(FLAGS.memory) if listens else network.load_told(FLAGS.memory)
    return separator, describe(separator)


if __name__ == "__main__":
    define_separator_flags()
    flags.DEFINE_string(
        "labels",
        None,
        "instruments that play, with commas between them, or all; auto: those that --tagger hears; "
        "leave out where they are not known",
    )
    flags.DEFINE_string(
        "notes", None, "MIDI file of the song, aligned with it, for a network that takes notes"
    )
    flags.DEFINE_string(
        "notes_map",
        None,
        'which tracks of it are which instruments: "Violin I=vn,Cello=vc"; also channel N and '
        "program N; by default tracks are called like instruments",
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
