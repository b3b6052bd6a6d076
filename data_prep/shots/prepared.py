"""Defines one_shots.json, which says what a folder of one-shots holds.

It is written last and with a checksum of its own, and names the checksum of every sound: so what a
finished folder claims can be checked without decoding anything.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from configs.reading import read_object
from configs.splits import SPLITS, Split
from data_prep.storage.files import replacing

FILE_NAME = "one_shots.json"
PAGE_NAME = "before_after.html"

# counts up where the same sounds give another folder
VERSION = 1
# The field of the file that is computed from all others.
_CHECKSUM = "checksum"
_ADVICE = "prepare the one-shots again in a new folder"


@dataclass(frozen=True)
class ShotSettings:
    """Says what a one-shot is.

    Raises:
        ValueError: a size makes no sense.
    """

    sample_rate: int = 16000
    num_frames: int = 8192
    # where the peak stands
    attack_secs: float = 0.02

    def __post_init__(self) -> None:
        if not 1000 <= self.sample_rate <= 192000:
            raise ValueError(f"--sample_rate is {self.sample_rate}; expected 1000 to 192000 Hz.")
        if not 64 <= self.num_frames <= 2**20:
            raise ValueError(f"--num_frames is {self.num_frames}; expected 64 to {2**20} frames.")
        if not 0 <= self.attack_secs * self.sample_rate < self.num_frames - 0.5:
            raise ValueError(
                f"--attack_secs is {self.attack_secs}; expected 0 or more, and less than the "
                f"{self.num_frames / self.sample_rate:.3f} s that a one-shot lasts."
            )

    @property
    def attack_frame(self) -> int:
        """Returns the frame at which the peak stands."""
        return round(self.attack_secs * self.sample_rate)


@dataclass(frozen=True)
class Source:
    """Says of what a folder of one-shots was made."""

    # "folder" or "records"
    kind: str
    # SHA-256 of the names and contents of all files, or of the manifest of the records
    sha256: str
    # the instrument whose stems were cut; None for a folder
    stem: str | None = None
    # SHA-256 of the split file; None where there was none
    splits: str | None = None


@dataclass(frozen=True)
class Sound:
    """Is a one-shot that lies in the folder."""

    # KIT/CLASS/NAME, or CLASS/NAME where there is no kit
    name: str
    # its path in the folder
    file: str
    # what splits do not part
    kit: str
    class_name: str
    split: Split
    # the file that it was made of, from its root on, or a track and a time
    source: str
    # of the file
    sha256: str
    # length and place of the peak before it was shaped, mono and at the rate of the one-shots
    num_frames_before: int
    peak_frame_before: int


@dataclass(frozen=True)
class Double:
    """Is a sound that was left out because another one is the same."""

    name: str
    kit: str
    source: str
    # The name and kit of the one that stayed.
    of: str
    of_kit: str
    # whether all frames are those of this or of another one that was left out for it
    is_exact: bool
    # with the one that stayed, at the best lag
    correlation: float


@dataclass(frozen=True)
class LeftOut:
    """Is a file of which no one-shot could be made, and why, a clause."""

    source: str
    reason: str


@dataclass(frozen=True)
class OneShots:
    """Holds all that is known of a folder of one-shots."""

    settings: ShotSettings
    source: Source
    # how kits came to their splits, a sentence
    rule: str
    sounds: tuple[Sound, ...]
    doubles: tuple[Double, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    # kits that no list of the split file names
    kits_without_split: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Returns the text of one_shots.json."""
        fields = {"version": VERSION, **asdict(self)}
        fields[_CHECKSUM] = _checksum(fields)
        return json.dumps(fields, indent=1) + "\n"

    def write(self, folder: Path) -> None:
        """Writes one_shots.json, which is whole or not there."""
        with replacing(folder / FILE_NAME) as temporary:
            temporary.write_text(self.to_json(), encoding="utf-8", newline="\n")


def load_one_shots(folder: Path) -> OneShots:
    """Reads the one_shots.json of a folder.

    Raises:
        ValueError: there is none, or it is not as it was written.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise ValueError(
            f"{folder} has no {FILE_NAME}: data_prep.one_shots has not finished there, or the "
            f"folder is another."
        )
    fields = read_object(path)
    version = fields.get("version")
    if version != VERSION:
        raise ValueError(f"{path} has version {version!r}, this code reads {VERSION}; {_ADVICE}.")
    said = fields.pop(_CHECKSUM, None)
    if said != _checksum(fields):
        raise ValueError(f"{path} is not as it was written: its checksum is another; {_ADVICE}.")
    try:
        return _from_fields(fields)
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} lacks a field or has a wrong one ({error}); {_ADVICE}."
        ) from error


def _from_fields(fields: dict[str, Any]) -> OneShots:
    sounds = tuple(Sound(**sound) for sound in fields["sounds"])
    if not all(sound.split in SPLITS for sound in sounds):
        raise TypeError("a split is none of train, valid, test")
    return OneShots(
        settings=ShotSettings(**fields["settings"]),
        source=Source(**fields["source"]),
        rule=fields["rule"],
        sounds=sounds,
        doubles=tuple(Double(**double) for double in fields["doubles"]),
        left_out=tuple(LeftOut(**left_out) for left_out in fields["left_out"]),
        kits_without_split=tuple(fields["kits_without_split"]),
    )


def changed_sounds(shots: OneShots, folder: Path) -> Iterator[str]:
    """Yields a sentence for each sound whose file is missing or has changed."""
    for sound in shots.sounds:
        path = folder / sound.file
        if not path.is_file():
            yield f"{path} is missing, which {FILE_NAME} names; {_ADVICE}."
        elif sha256_of(path) != sound.sha256:
            yield f"{path} changed since it was prepared; {_ADVICE}."


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checksum(fields: dict[str, Any]) -> str:
    """Returns the SHA-256 of the fields, however the file is indented."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
