"""Keeps what can be listened to of a run in ``clips.zip``, beside the scores.

It holds sounds as FLAC, and ``clips.json`` that says what they are, so that runs can be compared by
ear without a network. An archive may come from anybody, with scores to be compared: nothing that it
says of sizes is believed beyond the length of the file, and no name in it becomes that of a file.
"""

import io
import json
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import soundfile

from configs import typed
from configs.checks import require, shown
from configs.reading import parse_object
from data_prep.storage.files import replacing
from evaluation.listening.clips import COMMON_SECS, TAKES, UNTRAINED, Choice, RecordedClip
from evaluation.listening.sounds import EncodedSound

FILE_NAME = "clips.zip"
# Of clips.json. Version 1 had no sounds of untrained networks.
SCHEMA_VERSION = 2
_READABLE_VERSIONS = (1, SCHEMA_VERSION)
# Of an archive; one of an hour of sound has a third of it.
_LARGEST_BYTES = 2**30
# Of the gain of a sound: as a factor it must be a number.
_MOST_DB = 1000.0
_BLOCK_FRAMES = 2**16
_CONTENTS = "clips.json"
# What zipfile, soundfile and the readers of values raise for bytes that evaluate did not write.
_NOT_OURS = (
    zipfile.BadZipFile,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    RuntimeError,
    OverflowError,
    EOFError,
    OSError,
    struct.error,
)


@dataclass(frozen=True)
class _StoredSound:
    """Says where in the archive a sound is."""

    file: str
    gain_db: float

    def __post_init__(self) -> None:
        expected = f"at most {_MOST_DB:g} dB"
        require(abs(self.gain_db) <= _MOST_DB, "gain_db", self.gain_db, expected)


def write_clips(path: Path, clips: Sequence[RecordedClip]) -> None:
    """Writes the archive, whole or not at all."""
    described: list[dict[str, Any]] = []
    with (
        replacing(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive,
    ):
        for number, clip in enumerate(clips):
            takes = {}
            for take, sound in clip.sounds.items():
                name = f"{number:02}_{clip.choice.why}_{take}.flac"
                archive.writestr(_entry(name), sound.flac)
                takes[take] = {"file": name, "gain_db": sound.gain_db}
            described.append(
                {**asdict(clip.choice), "sample_rate": clip.sample_rate, "takes": takes}
            )
        contents = {"schema_version": SCHEMA_VERSION, "clips": described}
        archive.writestr(_entry(_CONTENTS), json.dumps(contents, indent=1))


def _entry(name: str) -> zipfile.ZipInfo:
    # Of no date: the same sounds give the same bytes.
    return zipfile.ZipInfo(name)


def read_clips(path: Path) -> list[RecordedClip]:
    """Reads what :func:`write_clips` wrote; nothing where there is no such file.

    Raises:
        ValueError: it is another file, or a sound in it cannot be heard.
    """
    if not path.exists():
        return []
    with path.open("rb") as file:
        try:
            return _read(file, path.stat().st_size)
        except _NOT_OURS as error:
            reason = str(error).rstrip(".")
            raise ValueError(
                f"{path} holds no clips of evaluation.evaluate ({reason}); remove it."
            ) from error


def _read(file: BinaryIO, num_bytes: int) -> list[RecordedClip]:
    if num_bytes > _LARGEST_BYTES:
        raise ValueError(f"it is larger than {_LARGEST_BYTES // 2**20} MiB")
    with zipfile.ZipFile(file) as archive:
        _require_plain(archive.infolist(), num_bytes)
        contents = parse_object(archive.read(_CONTENTS).decode(), _CONTENTS)
        version = contents.get("schema_version")
        if version not in _READABLE_VERSIONS:
            raise ValueError(f"schema version {shown(version)}, not {SCHEMA_VERSION}")
        clips = contents.get("clips")
        if not isinstance(clips, list):
            raise TypeError(f"{_CONTENTS} has no list of clips")
        return [_read_clip(archive, described) for described in clips]


def _require_plain(entries: Sequence[zipfile.ZipInfo], num_bytes: int) -> None:
    """Refuses files that would take more memory than the archive has bytes, or hide each other."""
    # The first bit of the flags says that a file is encrypted.
    if any(entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 for entry in entries):
        raise ValueError("its files are compressed or encrypted, which evaluate does not do")
    # They may share their bytes, or claim some that are not there.
    if sum(max(entry.file_size, entry.compress_size) for entry in entries) > num_bytes:
        raise ValueError("its files claim more bytes than it has")
    if len({entry.filename for entry in entries}) < len(entries):
        raise ValueError("two of its files have the same name")


def _read_clip(archive: zipfile.ZipFile, described: object) -> RecordedClip:
    if not isinstance(described, dict):
        raise TypeError(f"a clip is {shown(described)}, not an object")
    values = dict(described)
    takes = values.pop("takes", None)
    sample_rate = values.pop("sample_rate", None)
    choice: Choice = typed.build(Choice, values, "a clip")
    secs = choice.stop_secs - choice.start_secs
    # Those are decoded, which takes sixteen times their size in memory and more.
    if choice.why == "common" and secs > COMMON_SECS + 1:
        raise ValueError(f"a passage that runs have in common is longer than {COMMON_SECS:g} s")
    if type(sample_rate) is not int:
        raise TypeError(f"the rate of a clip is {shown(sample_rate)}")
    if not isinstance(takes, dict) or set(takes) - {UNTRAINED} != set(TAKES):
        raise ValueError(f"the sounds of a clip are {shown(takes)}")
    sounds = {}
    for take, values in takes.items():
        stored: _StoredSound = typed.build(_StoredSound, values, take)
        flac = archive.read(stored.file)
        _require_sound(flac, sample_rate, secs)
        sounds[take] = EncodedSound(flac, stored.gain_db)
    return RecordedClip(choice, sample_rate, sounds)


def _require_sound(flac: bytes, sample_rate: int, secs: float) -> None:
    """Refuses what is no sound of this rate, as long as it says, and at most as long as its clip.

    It is decoded to its end, a block at a time.
    """
    most = round(secs * sample_rate) + 1
    with soundfile.SoundFile(io.BytesIO(flac)) as sound:
        if sound.format != "FLAC" or sound.samplerate != sample_rate or sound.channels > 2:
            raise ValueError(f"a sound is not FLAC of one or two channels at {sample_rate} Hz")
        if not 0 < sound.frames <= most:
            raise ValueError(f"a sound claims {sound.frames} frames, its clip has {most}")
        decoded = sum(len(block) for block in sound.blocks(_BLOCK_FRAMES))
        if decoded != sound.frames:
            raise ValueError(f"a sound claims {sound.frames} frames and has {decoded}")
