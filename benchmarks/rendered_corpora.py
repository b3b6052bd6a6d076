"""Renders made-up music with real instrument timbres, laid out as URMP or MUSDB18-HQ.

    apt-get install fluidsynth fluid-soundfont-gm
    python -m benchmarks.rendered_corpora --corpus=urmp --pieces=18 --out=corpora/rendered18
    python -m benchmarks.rendered_corpora --corpus=urmp --pieces=60 --out=corpora/rendered60

The music is composed here and belongs to no one; the timbres are those of a General MIDI sound
font. Scores on it say more than on synthetic.py's sine waves, and nothing about real recordings.

A piece has its notes beside it, as URMP's have (MUSDB18-HQ has none). splits.json says which pieces
train, validate and test: of 18 pieces 13, 2 and 3, of 60 pieces 40, 8 and 12, in their order. So
records are written from either:

    python -m data_prep.write --config=smoke --corpus=urmp --root=corpora/rendered60 \
        --splits=corpora/rendered60/splits.json --out=records/rendered60

Songs laid out as MUSDB18-HQ stand in its folders train (the first three quarters) and test, which
are the splits unless splits.json is named.

The same command continues an interrupted one. The same font, fluidsynth and seed always give the
same bytes, and more pieces leave the first ones as they are.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from absl import flags

from benchmarks.corpora.rendered_music import (
    PLAYERS,
    SONG_PROGRAMS,
    Composition,
    Part,
    compose_piece,
    compose_song,
)
from benchmarks.corpora.sound_fonts import (
    DEFAULT_FONT,
    DRUMS,
    MELODIC,
    render,
    require_font,
    synthesizer_version,
)
from configs.splits import Split
from data_prep.audio.tracks import Waveform
from data_prep.audio.waveforms import writing_to
from data_prep.runtime import command
from data_prep.storage.files import checksum
from data_prep.storage.lock import held
from data_prep.synthesis.corpus_folder import mark, new_folder

FLAGS = flags.FLAGS

# Counts up where the same seed gives other samples.
_VERSION = 1
# The files that say what makes up a corpus, and its splits.
_MARKER = "rendered.json"
SPLITS_NAME = "splits.json"
_URMP_RATE = 48_000
_MUSDB_RATE = 44_100
# Of the loudest of the mixture and its sources.
_PEAK = 0.8
# Their numbers have two digits.
_MAX_PIECES = 99
_MAX_SECS = 3600.0


def split_of(place: int, num_pieces: int) -> Split:
    """Returns the split of a piece: a fifth tests, two fifteenths before it validate.

    Args:
        place: of the piece among all, from 0 on.
        num_pieces: of all pieces.
    """
    num_test = num_pieces // 5
    num_valid = num_pieces * 2 // 15
    if place >= num_pieces - num_test:
        return "test"
    if place >= num_pieces - num_test - num_valid:
        return "valid"
    return "train"


def make_splits(num_pieces: int, pattern: Callable[[int], str]) -> str:
    """Returns the text of the split file of a corpus.

    Args:
        num_pieces: of all pieces.
        pattern: place of a piece, from 0 on -> a pattern that its name alone matches.
    """
    lists: dict[Split, list[str]] = {"train": [], "valid": [], "test": []}
    for place in range(num_pieces):
        lists[split_of(place, num_pieces)].append(pattern(place))
    num_valid = len(lists["valid"])
    num_test = len(lists["test"])
    rule = f"In order: the last {num_test} test, the {num_valid} before them validate."
    return json.dumps({"rule": rule, **lists}, indent=1) + "\n"


def write_urmp(root: Path, font: Path, num_pieces: int, secs: float, seed: int) -> None:
    """Writes pieces in URMP's layout: 48 kHz, 24 bit, mono, with the notes of every part.

    Raises:
        ValueError: fluidsynth, the font or an instrument in it is missing, a size makes no sense,
            or ``root`` holds something else.
    """
    wanted = [(MELODIC, player.program) for player in PLAYERS.values()]
    _open_corpus(root, "urmp", font, wanted, num_pieces, secs, seed)
    splits = make_splits(num_pieces, lambda place: f"{place + 1:02d}_*")
    (root / SPLITS_NAME).write_text(splits, encoding="utf-8")
    for number in range(1, num_pieces + 1):
        piece = compose_piece(number, secs, seed)
        players = [part.source for part in piece.parts]
        with new_folder(root, root / "_".join([piece.title, *players])) as folder:
            if folder is not None:
                _write_piece(folder, piece, font, secs)


def write_musdb(root: Path, font: Path, num_pieces: int, secs: float, seed: int) -> None:
    """Writes songs in MUSDB18-HQ's layout: 44.1 kHz, 16 bit, stereo.

    Raises:
        ValueError: as from ``write_urmp``.
    """
    wanted = [(MELODIC, program) for program in SONG_PROGRAMS]
    _open_corpus(root, "musdb", font, [(DRUMS, 0), *wanted], num_pieces, secs, seed)
    splits = make_splits(num_pieces, lambda place: f"Artist {place:02d} - *")
    (root / SPLITS_NAME).write_text(splits, encoding="utf-8")
    for number in range(num_pieces):
        song = compose_song(number, secs, seed)
        subset = "train" if number < num_pieces * 3 // 4 else "test"
        with new_folder(root, root / subset / song.title) as folder:
            if folder is not None:
                _write_song(folder, song, font, secs)


def _open_corpus(
    root: Path,
    corpus: str,
    font: Path,
    wanted: list[tuple[int, int]],
    num_pieces: int,
    secs: float,
    seed: int,
) -> None:
    """Refuses what cannot be rendered, and marks the folder with all that its sounds depend on.

    Raises:
        ValueError: as from ``write_urmp``.
    """
    if not 1 <= num_pieces <= _MAX_PIECES:
        raise ValueError(f"the number of pieces is {num_pieces}; expected 1 to {_MAX_PIECES}.")
    if not 1 <= secs <= _MAX_SECS:
        raise ValueError(f"the length of a piece is {secs} seconds; expected 1 to {_MAX_SECS:g}.")
    if seed < 0:
        raise ValueError(f"the seed is {seed}; expected 0 or more.")
    synthesizer = synthesizer_version()
    require_font(font, wanted)
    content = {
        "corpus": corpus,
        "num_pieces": num_pieces,
        "secs": float(secs),
        "seed": seed,
        "font": [font.name, *checksum(font)],
        "synthesizer": synthesizer,
        "version": _VERSION,
    }
    mark(root, _MARKER, content)


def _write_piece(folder: Path, piece: Composition, font: Path, secs: float) -> None:
    """Writes the mixture, and the sound and the notes of every part, named as URMP names them."""
    num_frames = round(secs * _URMP_RATE)
    # (T, 2) -> (T,)
    parts = [_render_part(part, font, _URMP_RATE, num_frames).mean(axis=1) for part in piece.parts]
    levelled = _level(parts)
    players = [part.source for part in piece.parts]
    mixture = folder / f"AuMix_{'_'.join([piece.title, *players])}.wav"
    _write_wav(mixture, _sum(levelled), _URMP_RATE, "PCM_24")
    for k, (part, waveform) in enumerate(zip(piece.parts, levelled, strict=True), start=1):
        name = f"{k}_{part.source}_{piece.title}"
        _write_wav(folder / f"AuSep_{name}.wav", waveform, _URMP_RATE, "PCM_24")
        lines = [
            f"{note.start_secs:.3f}\t\t{note.hz:.3f}\t\t{note.secs:.3f}" for note in part.notes
        ]
        (folder / f"Notes_{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_song(folder: Path, song: Composition, font: Path, secs: float) -> None:
    """Writes the mixture and the four sources, named as MUSDB18-HQ names them."""
    num_frames = round(secs * _MUSDB_RATE)
    # (T, 2) each; parts of one source are summed.
    sources: dict[str, Waveform] = {}
    for part in song.parts:
        waveform = _render_part(part, font, _MUSDB_RATE, num_frames)
        if part.source in sources:
            waveform = sources[part.source] + waveform
        sources[part.source] = waveform
    levelled = _level(list(sources.values()))
    for name, waveform in zip(sources, levelled, strict=True):
        _write_wav(folder / f"{name}.wav", waveform, _MUSDB_RATE, "PCM_16")
    _write_wav(folder / "mixture.wav", _sum(levelled), _MUSDB_RATE, "PCM_16")


def _render_part(part: Part, font: Path, sample_rate: int, num_frames: int) -> Waveform:
    return render(part.notes, part.program, part.is_drums, font, sample_rate, num_frames)


def _level(parts: list[Waveform]) -> list[Waveform]:
    """Scales parts together, so that neither they nor their sum clip."""
    peak = max(float(np.abs(waveform).max()) for waveform in (_sum(parts), *parts))
    # Nothing sounds where no note is; then nothing is scaled.
    return [part * _PEAK / max(peak, 1e-9) for part in parts]


def _sum(parts: list[Waveform]) -> Waveform:
    total: Waveform = np.sum(parts, axis=0)
    return total


def _write_wav(path: Path, waveform: Waveform, sample_rate: int, subtype: str) -> None:
    with writing_to(path.parent):
        soundfile.write(path, waveform, sample_rate, subtype=subtype)


def main(_: list[str]) -> None:
    """Renders the corpus that the flags describe."""
    write = {"urmp": write_urmp, "musdb": write_musdb}[FLAGS.corpus]
    root = Path(FLAGS.out)
    # The corpus itself holds what was made of it and nothing else.
    with held(FLAGS.out, "--out", beside=True):
        write(root, Path(FLAGS.font), FLAGS.pieces, FLAGS.secs, FLAGS.seed)
    print(f"The corpus in {root} is complete; its splits: {root / SPLITS_NAME}")


if __name__ == "__main__":
    flags.DEFINE_enum("corpus", None, ["urmp", "musdb"], "whose layout to write", required=True)
    flags.DEFINE_string("out", None, "folder to write to, made where there is none", required=True)
    flags.DEFINE_integer("pieces", 18, "how many pieces")
    flags.DEFINE_float("secs", 30.0, "length of a piece in seconds")
    flags.DEFINE_integer("seed", 0, "the dice")
    flags.DEFINE_string(
        "font",
        DEFAULT_FONT,
        "General MIDI sound font, sf2 or sf3; unless given, that of Debian's "
        "package fluid-soundfont-gm",
    )
    command.run(main)
