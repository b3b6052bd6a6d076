"""Write a small corpus of made-up music in the true URMP or MUSDB18-HQ layout, for smoke runs and tests.

    python -m data_prep.synthetic --corpus=urmp --out=corpora/urmp
    python -m data_prep.synthetic --corpus=musdb --out=corpora/musdb --pieces=8 --secs=20

The music is composed here and belongs to no one: lines on the chord tones of a common progression, with rests,
played by additive timbres. Scores on it say that the pipeline works, not how well music is separated. The same
command continues an interrupted one, and the same seed always gives the same samples.
"""

import json
import math
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
from absl import flags
from numpy.typing import NDArray

from data_prep.runtime import command
from data_prep.synthesis import timbres
from data_prep.synthesis.composition import drum_pattern, line_ups, make_harmony, melody
from data_prep.synthesis.timbres import Note, Signal, play, play_drums

_VERSION = 1  # counts up where the same seed gives other samples
_MARKER = "synthetic.json"
_TUNES = (
    "Dawn",
    "Harbour",
    "Lantern",
    "Meadow",
    "Orchard",
    "Pebble",
    "Quarry",
    "River",
    "Saffron",
    "Thistle",
)
_MAX_PIECES = 99  # their numbers have two digits
_PEAK = 0.8  # of mixture and parts: room for the rounding
_URMP_RATE = 48_000
_MUSDB_RATE = 44_100


def write_urmp(root: Path, num_pieces: int = 18, secs: float = 20.0, seed: int = 0) -> None:
    """Pieces for two to four players in URMP's layout: 48 kHz, 24 bit, mono, the mixture the exact sum of the parts.

    The first seven pieces have heard every instrument; ``configs/splits/synthetic.json`` splits the first 18.

    Raises:
        ValueError: a size makes no sense, or ``root`` holds something else.
    """
    _open_corpus(root, "urmp", num_pieces, secs, seed)
    for i, players in enumerate(line_ups(num_pieces, seed)):
        title = f"{i + 1:02d}_{_tune(i)}"
        piece = "_".join([title, *players])
        with _new_folder(root, root / piece) as folder:
            if folder is not None:
                _write_piece(folder, title, players, secs, np.random.default_rng([seed, 1, i]))


def write_musdb(root: Path, num_pieces: int = 4, secs: float = 8.0, seed: int = 0) -> None:
    """Songs in MUSDB18-HQ's layout: 44.1 kHz, 16 bit, stereo, the mixture the exact sum of the four sources.

    The first three quarters stand in the folder train, the others in test.

    Raises:
        ValueError: a size makes no sense, or ``root`` holds something else.
    """
    _open_corpus(root, "musdb", num_pieces, secs, seed)
    for i in range(num_pieces):
        subset = "train" if i < num_pieces * 3 // 4 else "test"
        with _new_folder(root, root / subset / f"Artist {i:02d} - {_tune(i)}") as folder:
            if folder is not None:
                _write_song(folder, secs, np.random.default_rng([seed, 2, i]))


def main(_: list[str]) -> None:
    """Writes the corpus that the flags describe."""
    asked = {"num_pieces": flags.FLAGS.pieces, "secs": flags.FLAGS.secs, "seed": flags.FLAGS.seed}
    write = {"urmp": write_urmp, "musdb": write_musdb}[flags.FLAGS.corpus]
    write(
        Path(flags.FLAGS.out), **{name: value for name, value in asked.items() if value is not None}
    )


def _define_flags() -> None:
    flags.DEFINE_enum("corpus", None, ["urmp", "musdb"], "whose layout to write", required=True)
    flags.DEFINE_string("out", None, "folder to write to, made where there is none", required=True)
    flags.DEFINE_integer("pieces", None, "how many pieces; 18 for urmp, 4 for musdb unless given")
    flags.DEFINE_float(
        "secs", None, "length of a piece in seconds; 20 for urmp, 8 for musdb unless given"
    )
    flags.DEFINE_integer("seed", None, "the dice; 0 unless given")


def _open_corpus(root: Path, corpus: str, num_pieces: int, secs: float, seed: int) -> None:
    """Marks the folder with what makes up its content, so that no call continues a corpus of other content."""
    if not 1 <= num_pieces <= _MAX_PIECES:
        raise ValueError(f"the number of pieces is {num_pieces}; expected 1 to {_MAX_PIECES}.")
    if not (math.isfinite(secs) and secs >= 1):
        raise ValueError(f"the length of a piece is {secs} seconds; expected 1 or more.")
    if seed < 0:
        raise ValueError(f"the seed is {seed}; expected 0 or more.")
    content = {
        "corpus": corpus,
        "num_pieces": num_pieces,
        "secs": float(secs),
        "seed": seed,
        "version": _VERSION,
    }
    text, marker = json.dumps(content), root / _MARKER
    root.mkdir(parents=True, exist_ok=True)
    if marker.exists():
        if marker.read_text(encoding="utf-8") != text:
            raise ValueError(
                f"{marker} says {marker.read_text(encoding='utf-8')}, but {text} was asked for; "
                f"give another folder, or remove this one."
            )
    elif any(root.iterdir()):
        raise ValueError(
            f"{root} holds files that were not written here; expected an empty or new folder."
        )
    else:
        marker.write_text(text, encoding="utf-8")


@contextmanager
def _new_folder(root: Path, folder: Path) -> Iterator[Path | None]:
    """A folder to fill that takes its place only when it is complete; None where it is there already."""
    if folder.exists():
        print(f"{folder.name}: there already", flush=True)
        yield None
        return
    partial = root / f".{folder.name}.partial"
    if partial.exists():  # of a call that was interrupted
        shutil.rmtree(partial)
    partial.mkdir()
    yield partial
    folder.parent.mkdir(exist_ok=True)
    partial.rename(folder)
    print(folder.name, flush=True)


def _write_piece(
    folder: Path, title: str, players: Sequence[str], secs: float, rng: np.random.Generator
) -> None:
    harmony, frames = make_harmony(rng), round(secs * _URMP_RATE)
    scores, parts = [], []
    for player in players:
        timbre = timbres.URMP[player].varied(rng)
        scores.append(melody(harmony, timbre.low, timbre.high, secs, rng))
        parts.append(play(scores[-1], timbre, _URMP_RATE, frames, rng)[:, None])
    tracks = _mix(parts, 24, rng)
    _write_wav(folder / f"AuMix_{'_'.join([title, *players])}.wav", tracks[0], _URMP_RATE, 24)
    for k, (player, part, score) in enumerate(zip(players, tracks[1:], scores, strict=True), 1):
        _write_wav(folder / f"AuSep_{k}_{player}_{title}.wav", part, _URMP_RATE, 24)
        lines = [f"{note.start_secs:.3f}\t\t{note.hz:.3f}\t\t{note.secs:.3f}\n" for note in score]
        (folder / f"Notes_{k}_{player}_{title}.txt").write_text("".join(lines), encoding="utf-8")


def _write_song(folder: Path, secs: float, rng: np.random.Generator) -> None:
    harmony, frames = make_harmony(rng), round(secs * _MUSDB_RATE)

    def line(timbre: timbres.Timbre, rest: float) -> list[Note]:
        return melody(harmony, timbre.low, timbre.high, secs, rng, rest)

    def voice(notes: list[Note], timbre: timbres.Timbre) -> Signal:
        return play(notes, timbre.varied(rng), _MUSDB_RATE, frames, rng)

    song = line(timbres.VOWELS[0], 0.3)
    sung = [voice(song[k :: len(timbres.VOWELS)], vowel) for k, vowel in enumerate(timbres.VOWELS)]
    sources = {
        "drums": _pan(
            play_drums(drum_pattern(harmony, secs, rng), _MUSDB_RATE, frames, rng), 0.1, rng
        ),
        "bass": _pan(voice(line(timbres.BASS, 0.05), timbres.BASS), 0.1, rng),
        "other": np.sum(
            [_pan(voice(line(timbres.OTHER, 0.1), timbres.OTHER), 0.8, rng) for _ in range(3)],
            axis=0,
        ),
        "vocals": _pan(np.sum(sung, axis=0), 0.2, rng),
    }
    tracks = _mix(list(sources.values()), 16, rng)
    for name, track in zip(("mixture", *sources), tracks, strict=True):
        _write_wav(folder / f"{name}.wav", track, _MUSDB_RATE, 16)


def _pan(signal: Signal, width: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """The signal (T,) at a random place between the loudspeakers, of constant power: (T, 2)."""
    angle = np.pi / 4 * (1 + rng.uniform(-width, width))
    return signal[:, None] * np.array([np.cos(angle), np.sin(angle)])


def _mix(
    parts: list[NDArray[np.float64]], bits: int, rng: np.random.Generator
) -> list[NDArray[np.int32]]:
    """Mixture and parts (T, C), in this order, as whole numbers of ``bits`` bits: nothing clips, the sum is exact.

    The parts are up to 4 dB louder or softer than each other's average.
    """
    levelled = [
        part / np.sqrt(np.mean(part**2)) * 10 ** (rng.uniform(-4, 4) / 20) for part in parts
    ]
    peak = max(float(np.abs(waveform).max()) for waveform in (np.sum(levelled, axis=0), *levelled))
    scale = _PEAK / peak * 2 ** (bits - 1)
    rounded = [np.rint(part * scale).astype(np.int32) for part in levelled]
    return [np.sum(rounded, axis=0, dtype=np.int32), *rounded]


def _write_wav(path: Path, waveform: NDArray[np.int32], sample_rate: int, bits: int) -> None:
    """The file holds these very numbers: libsndfile takes the upper bits of an int32."""
    soundfile.write(path, waveform << (32 - bits), sample_rate, subtype=f"PCM_{bits}")


def _tune(i: int) -> str:
    """A title of its own for every piece: Dawn, ..., Thistle, DawnB, ..."""
    return _TUNES[i % len(_TUNES)] + (chr(ord("A") + i // len(_TUNES)) if i >= len(_TUNES) else "")


if __name__ == "__main__":
    _define_flags()
    command.run(main)
