"""Makes the folder of one-shots out of sounds: shapes them, leaves doubles out, splits them.

The folder takes its name when all of it is there, one_shots.json with it.
"""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from configs.splits import SPLITS, Split
from data_prep.audio.encoding import writing
from data_prep.audio.tracks import AudioFormat
from data_prep.runtime.quantities import clock
from data_prep.shots.doubles import LeftFor, leave_out
from data_prep.shots.found import FoundSound
from data_prep.shots.prepared import (
    Double,
    LeftOut,
    OneShots,
    ShotSettings,
    Sound,
    Source,
    sha256_of,
)
from data_prep.shots.shaping import MonoWaveform, Shaped, load_mono, shape
from data_prep.shots.splitting import group_kits, split_groups
from data_prep.shots.stems import CutSound
from data_prep.storage.files import in_the_making

LEAST_SOUNDS = 50
"""From fewer nothing can be learnt."""
_SOUNDS = "sounds"
# between two lines of progress
_TELL_SECS = 2.0


class Shot(NamedTuple):
    """Is a one-shot before it is known whether another one is the same."""

    sound: FoundSound | CutSound
    shaped: Shaped


class Chosen(NamedTuple):
    """Holds what becomes of one-shots."""

    # Each with its split.
    kept: list[tuple[Shot, Split]]
    doubles: tuple[Double, ...]
    rule: str


class Progress:
    """Tells every two seconds how many things are done, and how long the others will take."""

    def __init__(self, what: str, num_all: int) -> None:
        self._what = what
        self._num_all = num_all
        self._num_done = 0
        self._started = time.monotonic()
        self._told = self._started

    def done(self) -> None:
        """Counts one more."""
        self._num_done += 1
        now = time.monotonic()
        if now - self._told < _TELL_SECS and self._num_done < self._num_all:
            return
        self._told = now
        left = (now - self._started) / self._num_done * (self._num_all - self._num_done)
        position = f"{self._num_done}/{self._num_all}"
        print(f"{position} {self._what} ({clock(left)} left)", flush=True)


def shape_files(
    sounds: Sequence[FoundSound], settings: ShotSettings
) -> tuple[list[Shot], list[LeftOut]]:
    """Reads and shapes files; of those of which no one-shot can be made it says why."""
    shots = []
    left_out = []
    progress = Progress("sounds read", len(sounds))
    for sound in sounds:
        try:
            waveform = load_mono(sound.path, settings.sample_rate)
            shots.append(Shot(sound, shape(waveform, settings, str(sound.path))))
        except (ValueError, OSError) as error:
            reason = str(error).replace(str(sound.path), "it").rstrip(".")
            left_out.append(LeftOut(sound.source, reason))
        progress.done()
    return shots, left_out


def shape_cuts(
    sounds: Sequence[CutSound], settings: ShotSettings
) -> tuple[list[Shot], list[LeftOut]]:
    """Shapes sounds that were cut out of stems; of silent ones it says so."""
    shots = []
    left_out = []
    for sound in sounds:
        try:
            shots.append(Shot(sound, shape(sound.waveform, settings, "it")))
        except ValueError as error:
            left_out.append(LeftOut(sound.source, str(error).rstrip(".")))
    return shots, left_out


def choose(
    shots: Sequence[Shot], settings: ShotSettings, given: dict[str, Split] | None, rule: str
) -> Chosen:
    """Decides which one-shots stay and in which splits, so that no two of them are the same.

    Args:
        shots: all of them.
        settings: say their rate.
        given: kit -> split; None: groups of kits that share sounds are split here.
        rule: how kits came to the given splits, a sentence.

    Raises:
        ValueError: too few stay.
    """
    kits = [shot.sound.kit for shot in shots]
    sizes = _counts(kits)

    def rank(number: int) -> tuple[int, int, str, str]:
        # Of doubles across splits the one that trains is left out, of others that of the smaller
        # kit.
        sound = shots[number].sound
        split = given[sound.kit] if given is not None else "train"
        return -SPLITS.index(split), -sizes[sound.kit], sound.kit, sound.name

    waveforms = [shot.shaped.waveform for shot in shots]
    left = leave_out(waveforms, sorted(range(len(shots)), key=rank), settings.sample_rate)
    if len(shots) - len(left) < LEAST_SOUNDS:
        raise ValueError(
            f"{len(shots) - len(left)} sounds are left, of {len(shots)} with their doubles; "
            f"expected {LEAST_SOUNDS} or more: add sounds."
        )
    if given is None:
        stay = _counts([kit for number, kit in enumerate(kits) if number not in left])
        pairs = [(number, left_for.kept) for number, left_for in left.items()]
        given, rule = split_groups(group_kits(kits, pairs), stay)
    return Chosen(
        kept=[(shot, given[shot.sound.kit]) for i, shot in enumerate(shots) if i not in left],
        doubles=tuple(_double(shots, number, left[number]) for number in sorted(left)),
        rule=rule,
    )


def write_folder(
    out: Path,
    chosen: Chosen,
    settings: ShotSettings,
    source: Source,
    left_out: Sequence[LeftOut],
    kits_without_split: Sequence[str],
    write_page: Callable[[Path, OneShots], None],
) -> OneShots:
    """Writes the folder of one-shots as a whole; returns what its one_shots.json says.

    Raises:
        OSError: it cannot be written, or something else is there.
    """
    with _whole_folder(out) as partial:
        progress = Progress("one-shots written", len(chosen.kept))
        sounds = []
        for shot, split in chosen.kept:
            sounds.append(_write_sound(partial, shot, split, settings))
            progress.done()
        shots = OneShots(
            settings=settings,
            source=source,
            rule=chosen.rule,
            sounds=tuple(sounds),
            doubles=chosen.doubles,
            left_out=tuple(left_out),
            kits_without_split=tuple(kits_without_split),
        )
        write_page(partial, shots)
        shots.write(partial)
    return shots


@contextmanager
def _whole_folder(out: Path) -> Iterator[Path]:
    """Yields a folder to fill, which becomes ``out`` once the block is done."""
    partial = in_the_making(out)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        # An empty folder gives way.
        if out.is_dir():
            out.rmdir()
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_sound(folder: Path, shot: Shot, split: Split, settings: ShotSettings) -> Sound:
    sound = shot.sound
    file = f"{_SOUNDS}/{sound.name}.wav"
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not flushed to the disk: what a machine that stops loses of it, its checksum tells.
    write_wav(path, shot.shaped.waveform, settings.sample_rate)
    return Sound(
        name=sound.name,
        file=file,
        kit=sound.kit,
        class_name=sound.class_name,
        split=split,
        source=sound.source,
        sha256=sha256_of(path),
        num_frames_before=shot.shaped.num_frames_before,
        peak_frame_before=shot.shaped.peak_frame_before,
    )


def write_wav(path: Path, waveform: MonoWaveform, sample_rate: int) -> None:
    """Writes a waveform (T,) as floats, the same bytes each time; libsndfile adds the time."""
    with writing(path, "wav", AudioFormat(sample_rate, channels=1)) as writer:
        writer.write(waveform[:, None])


def _counts(kits: Sequence[str]) -> dict[str, int]:
    counts = dict.fromkeys(kits, 0)
    for kit in kits:
        counts[kit] += 1
    return counts


def _double(shots: Sequence[Shot], number: int, left_for: LeftFor) -> Double:
    sound = shots[number].sound
    kept = shots[left_for.kept].sound
    return Double(
        name=sound.name,
        kit=sound.kit,
        source=sound.source,
        of=kept.name,
        of_kit=kept.kit,
        is_exact=left_for.is_exact,
        correlation=round(left_for.correlation, 4),
    )
