"""Writes a song of a band as the corpora lay it out that data_prep.corpora.layouts reads."""

import csv
import json
import shutil
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from data_prep.synthesis.bands import SAMPLE_RATE, Take, play_band, stereo, write_midi
from data_prep.synthesis.corpus_folder import new_folder, tune
from data_prep.synthesis.takes import mix, write_sound

_BITS = 16
# How much earlier a stem of MoisesDB may end.
_MISSING_SECS = 0.1
# General MIDI's programs, from 0 on, and Slakh's class for them; drums have 128 there.
_PROGRAMS = {
    "drums": (128, "Drums", "Drums"),
    "bass": (33, "Bass", "Electric Bass (finger)"),
    "guitar": (30, "Guitar", "Distortion Guitar"),
    "piano": (0, "Piano", "Acoustic Grand Piano"),
    "vocals": (52, "Strings (continued)", "Choir Aahs"),
}
_MEDLEYDB = {
    "drums": "drum set",
    "bass": "electric bass",
    "guitar": "clean electric guitar",
    "piano": "piano",
    "vocals": "female singer",
}
_MIXTURE = "mixture"

# root, number of the song from 0 on, number of all, seconds, dice
Writer = Callable[[Path, int, int, float, np.random.Generator], None]


def write_moisesdb(root: Path, i: int, _: int, secs: float, rng: np.random.Generator) -> None:
    """Writes a folder with ``data.json`` and a wav file for each stem; the guitar has two.

    There is no mixture, and the bass ends earlier than the others.
    """
    takes = play_band(secs, rng)
    places = stereo(takes, rng)
    waveforms = mix([*places, places[2][::-1]], _BITS, rng)[1:]
    names = [*(take.name for take in takes), "guitar"]
    identity = uuid.UUID(bytes=rng.bytes(16), version=4)
    with new_folder(root, root / "moisesdb_v0.1" / str(identity)) as folder:
        if folder is None:
            return
        stems: dict[str, list[dict[str, Any]]] = {}
        for name, waveform in zip(names, waveforms, strict=True):
            track = str(uuid.UUID(bytes=rng.bytes(16), version=4))
            (folder / name).mkdir(exist_ok=True)
            missing = round(_MISSING_SECS * SAMPLE_RATE) if name == "bass" else 0
            kept = waveform[: len(waveform) - missing]
            write_sound(folder / name / f"{track}.wav", kept, SAMPLE_RATE, _BITS)
            about = {"id": track, "extension": "wav", "trackType": name}
            stems.setdefault(name, []).append({**about, "has_bleed": name == "drums"})
        data = {
            "artist": _artist(i),
            "song": tune(i),
            "genre": "synthetic",
            "stems": [{"stemName": name, "tracks": tracks} for name, tracks in stems.items()],
        }
        (folder / "data.json").write_text(json.dumps(data, indent=1), encoding="utf-8")


def write_slakh(root: Path, i: int, count: int, secs: float, rng: np.random.Generator) -> None:
    """Writes a track of mono stems with their MIDI; a last stem was not rendered."""
    subset = _subset(i, count)
    with new_folder(root, root / subset / f"Track{i + 1:05d}") as folder:
        if folder is None:
            return
        takes = play_band(secs, rng)
        mixture, *waveforms = mix([take.signal[:, None] for take in takes], _BITS, rng)
        write_sound(folder / "mix.flac", mixture, SAMPLE_RATE, _BITS)
        (folder / "stems").mkdir()
        (folder / "MIDI").mkdir()
        stems: dict[str, dict[str, Any]] = {}
        for k, (take, waveform) in enumerate(zip(takes, waveforms, strict=True)):
            name = f"S{k:02d}"
            stems[name] = _slakh_stem(take.name, is_rendered=True)
            write_sound(folder / "stems" / f"{name}.flac", waveform, SAMPLE_RATE, _BITS)
            # MIDI itself has 128 programs, and drums a channel.
            program = stems[name]["program_num"] % 128
            is_drum = stems[name]["is_drum"]
            write_midi(folder / "MIDI" / f"{name}.mid", take.notes, program, is_drum)
        stems[f"S{len(takes):02d}"] = _slakh_stem("guitar", is_rendered=False)
        notes = [note for take in takes[1:] for note in take.notes]
        write_midi(folder / "all_src.mid", notes, 0, is_drum=False)
        metadata = {"audio_dir": "stems", "midi_dir": "MIDI", "stems": stems}
        (folder / "metadata.yaml").write_text(yaml.safe_dump(metadata), encoding="utf-8")


def _slakh_stem(name: str, is_rendered: bool) -> dict[str, Any]:
    program, kind, program_name = _PROGRAMS[name]
    return {
        "audio_rendered": is_rendered,
        "inst_class": kind,
        "is_drum": name == "drums",
        "midi_program_name": program_name,
        "midi_saved": is_rendered,
        "plugin_name": "none",
        "program_num": program,
    }


def write_medleydb(root: Path, i: int, _: int, secs: float, rng: np.random.Generator) -> None:
    """Writes the mix, stems, raw recordings and metadata of a song; the mix is mastered.

    Every second song has its metadata in a folder beside the audio. Every third one bleeds.
    """
    song = f"{_artist(i)}_{tune(i)}"
    with new_folder(root, root / "Audio" / song) as folder:
        if folder is None:
            return
        takes = play_band(secs, rng)
        mixture, *waveforms = mix(stereo(takes, rng), _BITS, rng)
        # A limiter: what is loud comes out softer.
        full = 2.0 ** (_BITS - 1)
        mastered = np.rint(full * 0.7 * np.tanh(mixture / full / 0.7)).astype(np.int32)
        write_sound(folder / f"{song}_MIX.wav", mastered, SAMPLE_RATE, _BITS)
        stems = {}
        for k, (take, waveform) in enumerate(zip(takes, waveforms, strict=True), start=1):
            stem = _medleydb_stem(song, k, _MEDLEYDB[take.name])
            stems[f"S{k:02d}"] = stem
            for place, file in (
                ("STEMS", stem["filename"]),
                ("RAW", stem["raw"]["R01"]["filename"]),
            ):
                (folder / f"{song}_{place}").mkdir(exist_ok=True)
                path = folder / f"{song}_{place}" / file
                write_sound(path, waveform, SAMPLE_RATE, _BITS)
        metadata = {
            "artist": _artist(i),
            "has_bleed": "yes" if i % 3 == 2 else "no",
            "mix_filename": f"{song}_MIX.wav",
            "stem_dir": f"{song}_STEMS",
            "stems": stems,
            "title": tune(i),
        }
        where = folder
        if i % 2:
            where = root / "Metadata"
            where.mkdir(exist_ok=True)
        text = yaml.safe_dump(metadata)
        (where / f"{song}_METADATA.yaml").write_text(text, encoding="utf-8")


def _medleydb_stem(song: str, k: int, instrument: str) -> dict[str, Any]:
    raw = {"filename": f"{song}_RAW_{k:02d}_01.wav", "instrument": instrument}
    return {
        "component": "",
        "filename": f"{song}_STEM_{k:02d}.wav",
        "instrument": instrument,
        "raw": {"R01": raw},
    }


def write_instruments(root: Path, i: int, _: int, secs: float, rng: np.random.Generator) -> None:
    """Writes ``INSTRUMENT/song.wav``, the mixture last: where that is, the song is complete."""
    name = f"{i + 1:02d}_{tune(i)}.wav"
    if (root / _MIXTURE / name).exists():
        print(f"{name}: there already", flush=True)
        return
    partial = root / f".{name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    files = _write_song(partial, play_band(secs, rng), rng)
    for file in files:
        (root / file.stem).mkdir(exist_ok=True)
        file.rename(root / file.stem / name)
    partial.rmdir()
    print(name, flush=True)


def write_csv(root: Path, i: int, count: int, secs: float, rng: np.random.Generator) -> None:
    """Writes a folder of files for a song, and with the last one the table that names all."""
    with new_folder(root, root / "sounds" / f"{i + 1:02d}_{tune(i)}") as folder:
        if folder is not None:
            _write_song(folder, play_band(secs, rng), rng)
    if i < count - 1:
        return
    with (root / "tracks.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["track", "source", "file", "split"])
        for number, song in enumerate(sorted((root / "sounds").iterdir())):
            split = {"validation": "valid"}.get(_subset(number, count), _subset(number, count))
            for path in sorted(song.iterdir()):
                rows.writerow([song.name, path.stem, path.relative_to(root).as_posix(), split])


def _write_song(folder: Path, takes: Sequence[Take], rng: np.random.Generator) -> list[Path]:
    """Writes a wav file for each take, and one of the mixture; returns their paths, that last."""
    mixture, *waveforms = mix(stereo(takes, rng), _BITS, rng)
    named: dict[str, NDArray[np.int32]] = {
        take.name: waveform for take, waveform in zip(takes, waveforms, strict=True)
    }
    named[_MIXTURE] = mixture
    paths = []
    for name, waveform in named.items():
        paths.append(folder / f"{name}.wav")
        write_sound(paths[-1], waveform, SAMPLE_RATE, _BITS)
    return paths


def _artist(i: int) -> str:
    """Returns who plays a song: the first two are of one artist.

    The reader splits by a hash of the name: four songs fill all splits.
    """
    return f"Friends{max(i - 1, 0)}"


def _subset(i: int, count: int) -> str:
    """Returns Slakh's folder of a song: of four songs two train, one validates and one tests."""
    share = (i + 1) / count
    if share <= 0.5:
        return "train"
    return "validation" if share <= 0.75 else "test"


# by the names that --corpus gives them
WRITERS: dict[str, Writer] = {
    "moisesdb": write_moisesdb,
    "slakh": write_slakh,
    "medleydb": write_medleydb,
    "instruments": write_instruments,
    "csv": write_csv,
}
