"""Write a small corpus of made-up sound: music laid out as URMP or MUSDB18-HQ, or controls.

    python -m data_prep.synthetic --corpus=urmp --out=corpora/urmp
    python -m data_prep.synthetic --corpus=musdb --out=corpora/musdb --pieces=8 --secs=20
    python -m data_prep.synthetic --corpus=controls --out=corpora/controls

The music is composed here and belongs to no one: lines on the chord tones of a common progression,
with rests, played by additive timbres. Scores on it say that the pipeline works, not how well music
is separated. The controls are folders of noise, of steady tones and of coded noise: sound of which
nobody can learn an order, for ``data_prep.write --corpus=music``. The same command continues an
interrupted one, and the same seed always gives the same samples.
"""

from pathlib import Path

import numpy as np
from absl import flags

from data_prep.runtime import command
from data_prep.storage.lock import held
from data_prep.synthesis.composition import line_ups
from data_prep.synthesis.controls import KINDS, write_control
from data_prep.synthesis.corpus_folder import mark, new_folder, tune
from data_prep.synthesis.takes import write_piece, write_song

# counts up where the same seed gives other samples
_VERSION = 1
# the file that says what makes up a corpus
_MARKER = "synthetic.json"
# Their numbers have two digits.
_MAX_PIECES = 99
_MAX_SECS = 3600


def write_urmp(root: Path, num_pieces: int = 18, secs: float = 20.0, seed: int = 0) -> None:
    """Writes pieces for two to four players in URMP's layout: 48 kHz, 24 bit, mono.

    The mixture is the exact sum of the parts. The first seven pieces have heard every instrument;
    ``configs/splits/synthetic.json`` splits the first 18.

    Raises:
        ValueError: a size makes no sense, or ``root`` holds something else.
    """
    _open_corpus(root, "urmp", num_pieces, secs, seed)
    for i, players in enumerate(line_ups(num_pieces, seed)):
        title = f"{i + 1:02d}_{tune(i)}"
        piece = "_".join([title, *players])
        with new_folder(root, root / piece) as folder:
            if folder is not None:
                # Every piece has dice of its own, so that more pieces leave the others alone.
                write_piece(folder, title, players, secs, np.random.default_rng([seed, 1, i]))


def write_musdb(root: Path, num_pieces: int = 4, secs: float = 8.0, seed: int = 0) -> None:
    """Writes songs in MUSDB18-HQ's layout: 44.1 kHz, 16 bit, stereo.

    The mixture is the exact sum of the four sources. The first three quarters stand in the folder
    train, the others in test.

    Raises:
        ValueError: a size makes no sense, or ``root`` holds something else.
    """
    _open_corpus(root, "musdb", num_pieces, secs, seed)
    for i in range(num_pieces):
        subset = "train" if i < num_pieces * 3 // 4 else "test"
        with new_folder(root, root / subset / f"Artist {i:02d} - {tune(i)}") as folder:
            if folder is not None:
                write_song(folder, secs, np.random.default_rng([seed, 2, i]))


def write_controls(root: Path, num_pieces: int = 10, secs: float = 20.0, seed: int = 0) -> None:
    """Writes a folder of pieces for each kind of control: 16 kHz, mono.

    Raises:
        ValueError: a size makes no sense, or ``root`` holds something else.
    """
    _open_corpus(root, "controls", num_pieces, secs, seed)
    for number, kind in enumerate(KINDS):
        with new_folder(root, root / kind) as folder:
            if folder is not None:
                rng = np.random.default_rng([seed, 3, number])
                write_control(folder, kind, num_pieces, secs, rng)


_WRITERS = {"urmp": write_urmp, "musdb": write_musdb, "controls": write_controls}


def main(_: list[str]) -> None:
    """Writes the corpus that the flags describe."""
    write = _WRITERS[flags.FLAGS.corpus]
    sizes = {
        "num_pieces": flags.FLAGS.pieces,
        "secs": flags.FLAGS.secs,
        "seed": flags.FLAGS.seed,
    }
    # What was not asked for is as the function has it, for each layout its own.
    given = {name: value for name, value in sizes.items() if value is not None}
    # The corpus itself holds what was made of it and nothing else.
    with held(flags.FLAGS.out, "--out", beside=True):
        write(Path(flags.FLAGS.out), **given)


def _define_flags() -> None:
    flags.DEFINE_enum("corpus", None, list(_WRITERS), "what to write", required=True)
    flags.DEFINE_string("out", None, "folder to write to, made where there is none", required=True)
    flags.DEFINE_integer(
        "pieces", None, "how many pieces; 18 for urmp, 4 for musdb, 10 of each control"
    )
    flags.DEFINE_float(
        "secs", None, "length of a piece in seconds; 8 for musdb, else 20 unless given"
    )
    flags.DEFINE_integer("seed", None, "the dice; 0 unless given")


def _open_corpus(root: Path, corpus: str, num_pieces: int, secs: float, seed: int) -> None:
    """Marks the folder with what makes up its content.

    So no call continues a corpus of other content.

    Raises:
        ValueError: a size makes no sense, or ``root`` holds something else.
    """
    if not 1 <= num_pieces <= _MAX_PIECES:
        raise ValueError(f"the number of pieces is {num_pieces}; expected 1 to {_MAX_PIECES}.")
    if not 1 <= secs <= _MAX_SECS:
        raise ValueError(f"the length of a piece is {secs} seconds; expected 1 to {_MAX_SECS}.")
    if seed < 0:
        raise ValueError(f"the seed is {seed}; expected 0 or more.")
    content = {
        "corpus": corpus,
        "num_pieces": num_pieces,
        "secs": float(secs),
        "seed": seed,
        "version": _VERSION,
    }
    mark(root, _MARKER, content)


if __name__ == "__main__":
    _define_flags()
    command.run(main)
