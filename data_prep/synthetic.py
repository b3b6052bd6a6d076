"""Write a corpus of made-up sound: music laid out as published corpora, drums, or controls.

    python -m data_prep.synthetic --corpus=urmp --out=corpora/urmp
    python -m data_prep.synthetic --corpus=musdb --out=corpora/musdb --pieces=8 --secs=20
    python -m data_prep.synthetic --corpus=slakh --out=corpora/slakh2100_flac_redux
    python -m data_prep.synthetic --corpus=drums --out=corpora/drums --pieces=20
    python -m data_prep.synthetic --corpus=drums --out=corpora/patches --patches=drumsynth
    python -m data_prep.synthetic --corpus=controls --out=corpora/controls

The music is composed here and belongs to no one: lines on the chord tones of a common progression,
with rests, played by additive timbres. Scores on it say that the pipeline works, not how well music
is separated. Drums are kits of single sounds, KIT/CLASS/file.wav: by dice, or DrumSynth's patches
(``.ds`` files), of which each first folder is a kit. The controls are folders of noise, of steady
tones and of coded noise: sound of which nobody can learn an order, for
``data_prep.write --corpus=music``. The same command continues an interrupted one, and the same seed
always gives the same samples.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from absl import flags

from data_prep.runtime import command
from data_prep.storage.lock import held
from data_prep.synthesis import layouts
from data_prep.synthesis.composition import line_ups
from data_prep.synthesis.controls import KINDS, write_control
from data_prep.synthesis.corpus_folder import Limits, check_sizes, mark, new_folder, tune
from data_prep.synthesis.drums.kits import write_kit, write_kit_of_patches
from data_prep.synthesis.drums.patch_folder import digest, kits_of, read_patches
from data_prep.synthesis.takes import write_piece, write_song

# counts up where the same seed gives other samples
_VERSION = 1
# the file that says what makes up a corpus
_MARKER = "synthetic.json"
# The numbers of pieces have two digits, those of kits three.
_OF_PIECES = Limits(max_pieces=99, min_secs=1, max_secs=3600)
_OF_KITS = Limits(max_pieces=999, min_secs=0.05, max_secs=10)


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


def write_layout(
    root: Path, num_pieces: int = 4, secs: float = 8.0, seed: int = 0, *, corpus: str
) -> None:
    """Writes songs of a band in a layout of ``data_prep.corpora.layouts``: 44.1 kHz, 16 bit.

    Raises:
        ValueError: a size makes no sense, or ``root`` holds something else.
    """
    _open_corpus(root, corpus, num_pieces, secs, seed)
    number = list(layouts.WRITERS).index(corpus)
    for i in range(num_pieces):
        rng = np.random.default_rng([seed, 5, number, i])
        layouts.WRITERS[corpus](root, i, num_pieces, secs, rng)


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


def write_drums(root: Path, num_pieces: int = 20, secs: float = 1.0, seed: int = 0) -> None:
    """Writes kits of 11 to 14 drum sounds each, by dice: 44.1 kHz, 24 bit, mono.

    Args:
        root: where to; a kit is a folder of it.
        num_pieces: how many kits.
        secs: the longest sound.
        seed: the dice.

    Raises:
        ValueError: a size makes no sense, or ``root`` holds something else.
    """
    check_sizes(num_pieces, secs, seed, _OF_KITS)
    _mark(root, "drums", num_pieces, secs, seed)
    for i in range(num_pieces):
        with new_folder(root, root / f"kit_{i + 1:03d}") as folder:
            if folder is not None:
                write_kit(folder, secs, np.random.default_rng([seed, 4, i]))


def write_patches(root: Path, patches: Path, secs: float = 1.0, seed: int = 0) -> None:
    """Writes the sounds of patches, each first folder as a kit: 44.1 kHz, 24 bit, mono.

    Patches that cannot be read are named on stderr, and the others written.

    Args:
        root: where to.
        patches: the folder that holds them.
        secs: the longest sound.
        seed: the dice for noise.

    Raises:
        ValueError: patches could not be read or there are none, a size makes no sense, or ``root``
            holds something else.
    """
    check_sizes(1, secs, seed, _OF_KITS)
    found, complaints = read_patches(patches)
    for complaint in complaints:
        print(f"left out: {complaint}", file=sys.stderr)
    kits = kits_of(found, patches.resolve().name or "patches")
    # Patches that were mended or added make another corpus.
    _mark(root, f"patches {digest(found)}", len(kits), secs, seed)
    for name, members in kits.items():
        with new_folder(root, root / name) as folder:
            if folder is not None:
                write_kit_of_patches(folder, members, secs, seed)
    if complaints:
        raise ValueError(
            f"{len(complaints)} of {len(complaints) + len(found)} patches could not be read and "
            f"are left out, as named above; mend them and give another --out, or do without."
        )


_WRITERS: dict[str, Callable[..., None]] = {
    "urmp": write_urmp,
    "musdb": write_musdb,
    **{name: partial(write_layout, corpus=name) for name in layouts.WRITERS},
    "drums": write_drums,
    "controls": write_controls,
}


def main(_: list[str]) -> None:
    """Writes the corpus that the flags describe."""
    sizes = {
        "num_pieces": flags.FLAGS.pieces,
        "secs": flags.FLAGS.secs,
        "seed": flags.FLAGS.seed,
    }
    # What was not asked for is as the function has it, for each layout its own.
    given = {name: value for name, value in sizes.items() if value is not None}
    _check_patches(given)
    # The corpus itself holds what was made of it and nothing else.
    with held(flags.FLAGS.out, "--out", beside=True):
        if flags.FLAGS.patches is not None:
            write_patches(Path(flags.FLAGS.out), Path(flags.FLAGS.patches), **given)
        else:
            _WRITERS[flags.FLAGS.corpus](Path(flags.FLAGS.out), **given)


def _define_flags() -> None:
    flags.DEFINE_enum("corpus", None, list(_WRITERS), "what to write", required=True)
    flags.DEFINE_string("out", None, "folder to write to, made where there is none", required=True)
    flags.DEFINE_integer(
        "pieces",
        None,
        "how many pieces; 18 for urmp, 20 kits for drums, 10 of each control, else 4",
    )
    flags.DEFINE_float(
        "secs",
        None,
        "length of a piece in seconds; 20 for urmp and controls, 1 for the longest sound of "
        "drums, else 8 unless given",
    )
    flags.DEFINE_integer("seed", None, "the dice; 0 unless given")
    flags.DEFINE_string(
        "patches", None, "folder of DrumSynth's .ds files to play instead of drums by dice"
    )


def _check_patches(given: dict[str, float]) -> None:
    """Raises a ValueError where ``--patches`` goes with flags that it does not go with."""
    if flags.FLAGS.patches is None:
        return
    if flags.FLAGS.corpus != "drums":
        raise ValueError(f"--patches is for drums; leave it out with {flags.FLAGS.corpus}.")
    if "num_pieces" in given:
        raise ValueError("the folders of --patches are the kits; leave out --pieces.")
    if not Path(flags.FLAGS.patches).is_dir():
        raise ValueError(f"there is no folder {flags.FLAGS.patches}; --patches names one.")


def _open_corpus(root: Path, corpus: str, num_pieces: int, secs: float, seed: int) -> None:
    """Checks the sizes of a corpus of pieces and marks its folder.

    Raises:
        ValueError: a size makes no sense, or ``root`` holds something else.
    """
    check_sizes(num_pieces, secs, seed, _OF_PIECES)
    _mark(root, corpus, num_pieces, secs, seed)


def _mark(root: Path, corpus: str, num_pieces: int, secs: float, seed: int) -> None:
    """Marks the folder with what makes up its content.

    So no call continues a corpus of other content.

    Raises:
        ValueError: ``root`` holds something else.
    """
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
