"""Makes the stems of one song: its estimates, what they leave of it, and files of both.

Axes: K slots, T frames, C channels.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import numpy as np

from data_prep.audio.activity import amplitude_db
from data_prep.audio.encoding import FORMATS, SoundWriter, Tags, require_writable, writing
from data_prep.audio.tracks import AudioFormat, Waveform
from data_prep.audio.waveforms import open_sound
from data_prep.runtime.parallel import num_cores
from evaluation.songs.choice import Stems
from evaluation.songs.heard_blocks import HeardBlocks
from evaluation.songs.separators import SongSeparator

Clip = Literal["rescale", "clamp", "error"]
CLIPS: tuple[Clip, ...] = get_args(Clip)
# About the share of the time, where stems are encoded once all are estimated.
_ESTIMATING = 0.7


@dataclass(frozen=True)
class Wanted:
    """Says what a person wants of every song."""

    # The instruments that play; None: nobody says.
    labels: Sequence[str] | None
    stems: Stems
    # Of data_prep.audio.encoding.FORMATS.
    form: str = "wav"
    # What becomes of values beyond full scale, where the format has none.
    clip: Clip = "rescale"
    # Whether more channels than two become two.
    downmix: bool = False
    # Whether of the stems only those are wanted whose instruments were heard in the song.
    only_heard: bool = False

    def with_labels(self, heard: Sequence[str]) -> "Wanted":
        """Returns what is wanted of a song in which these instruments were heard."""
        stems = self.stems
        if self.only_heard:
            stems = stems._replace(sources=tuple(s for s in stems.sources if s in heard))
        return replace(self, labels=list(heard), stems=stems)

    def of_stem(self, name: str) -> dict[str, Any]:
        """Returns what of all this the bytes of a stem depend on, as plain values.

        On the other stems only where these leave it, or where all are turned down together.
        """
        values: dict[str, Any] = {
            "labels": self.labels,
            "form": self.form,
            "downmix": self.downmix,
        }
        if _is_limited(self.form):
            values["clip"] = self.clip
        if name == self.stems.rest or (_is_limited(self.form) and self.clip == "rescale"):
            values["stems"] = self.stems.names
        return values


@dataclass(frozen=True)
class Made:
    """Says what became of a song."""

    # What was wrong with its file, a sentence each.
    warnings: Sequence[str]
    # The highest value of all stems as they were estimated; full scale is 1.
    peak: float
    # What all of them were multiplied by.
    gain: float

    def remark(self, form: str) -> str:
        """Returns what the level of the stems calls for, a sentence, or nothing."""
        if self.peak <= 1:
            return ""
        peak = f"peak {self.peak:.3g} ({amplitude_db(self.peak):+.1f} dB)"
        if not _is_limited(form):
            return f"{peak}, kept as it is in float"
        if self.gain < 1:
            return f"{peak}, all stems turned down by {-amplitude_db(self.gain):.1f} dB"
        return f"{peak}, clipped at full scale"


class Sound(Protocol):
    """Is sound that is decoded as it is read, by this process or by another."""

    audio_format: AudioFormat

    def iter_blocks(self) -> Iterator[Waveform]:
        """Yields consecutive blocks (frames, C), full scale 1; once.

        Raises:
            ValueError: what follows cannot be read.
        """

    def warnings(self) -> list[str]:
        """Returns what is missing of the sound that was read, a sentence each."""


class OpenSong:
    """Is a song that is known to be one, and whose first frames have been read."""

    def __init__(self, separator: SongSeparator, sound: Sound, tags: Tags, wanted: Wanted) -> None:
        """Begins to separate a song.

        Args:
            separator: estimates the sources.
            sound: of the song.
            tags: of the song, which its stems get.
            wanted: of it; where the residual is, it is the song minus all other stems.

        Raises:
            ValueError: the song cannot be separated, or not be written in the form that is wanted.
        """
        self._wanted = wanted
        self._sound = sound
        self._format = sound.audio_format
        require_writable(wanted.form, self._format)
        self._tags = tags
        self._heard = HeardBlocks(sound.iter_blocks())
        self._sources = separator.sources
        # (K, frames, C) each
        self._estimates = separator.iter_stream_separated(
            self._heard, self._format.sample_rate, wanted.labels
        )

    def write_stems(
        self, files: Mapping[str, Path], scratch: Path, progress: Callable[[float], Any]
    ) -> Made:
        """Writes stems with the rate, channels, length and tags of the song; once.

        Args:
            files: where to write each stem that shall be written, by its name.
            scratch: folder for stems whose level is not known before their end.
            progress: is told how many more seconds of the song are done.

        Raises:
            ValueError: the song cannot be read to its end, or a value is beyond full scale and that
                is an error.
            OSError: the disk is full.
        """
        form = self._wanted.form
        if not _is_limited(form):
            peak = self._write(files, form, progress)
            return Made(self._sound.warnings(), peak, gain=1.0)
        # In float first: how loud the stems are is not known before their end.
        wholes = {name: scratch / f"{i}.wav" for i, name in enumerate(files)}
        peak = self._write(wholes, "wav", lambda secs: progress(secs * _ESTIMATING))
        gain = level_gain(peak, form, self._wanted.clip)
        encodings = {whole: files[name] for name, whole in wholes.items()}
        encode(encodings, form, gain, self._tags, lambda secs: progress(secs * (1 - _ESTIMATING)))
        for whole in encodings:
            whole.unlink()
        return Made(self._sound.warnings(), peak, gain)

    def _write(
        self, files: Mapping[str, Path], form: str, progress: Callable[[float], Any]
    ) -> float:
        """Writes stems as they are estimated; returns the highest value of all stems."""
        peak = 0.0
        with ExitStack() as stack:
            writers = {
                name: stack.enter_context(writing(path, form, self._format, self._tags))
                for name, path in files.items()
            }
            for block in self._iter_stems():
                peak = max(peak, *(_peak(each) for each in block.values()))
                for name, writer in writers.items():
                    writer.write(block[name])
                num_frames = len(next(iter(block.values())))
                progress(num_frames / self._format.sample_rate)
        return peak

    def _iter_stems(self) -> Iterator[dict[str, Waveform]]:
        """Yields all stems in consecutive blocks, by name, (frames, C) each."""
        stems = self._wanted.stems
        for estimates in self._estimates:
            named = dict(zip(self._sources, estimates, strict=True))
            block = {name: named[name] for name in stems.sources}
            if stems.with_residual:
                mixture = self._heard.take(estimates.shape[1])
                block[stems.rest] = mixture - sum(block.values())
            else:
                self._heard.forget()
            yield block


def _peak(block: Waveform) -> float:
    """Returns the highest value of a block; ``ValueError`` where one is no number."""
    peak = float(np.abs(block).max(initial=0))
    if not math.isfinite(peak):
        raise ValueError(
            "the estimates are no finite numbers; the song may have values far beyond full scale: "
            "turn it down, or choose another checkpoint."
        )
    return peak


def encode(
    files: Mapping[Path, Path],
    form: str,
    gain: float,
    tags: Tags,
    progress: Callable[[float], Any] = lambda _: None,
) -> None:
    """Writes the finished stems of a song, float wavs, in another form, all at the same time.

    Args:
        files: the path to write each stem to, by the path of the stem.
        form: of the files.
        gain: what the stems are multiplied by.
        tags: that the files shall hold.
        progress: is told how many more seconds of all stems are done.

    Raises:
        ValueError: the form cannot hold such sound.
        OSError: the disk is full.
    """
    sounds = [open_sound(whole) for whole in files]
    audio_format = AudioFormat(sounds[0].sample_rate, sounds[0].channels)

    def write(writer: SoundWriter, block: Waveform) -> None:
        writer.write((block * np.float32(gain)).clip(-1, 1))

    with ExitStack() as stack:
        writers = [
            stack.enter_context(writing(path, form, audio_format, tags)) for path in files.values()
        ]
        # A codec takes one core, and lets other threads go on.
        pool = stack.enter_context(ThreadPoolExecutor(num_cores()))
        for blocks in zip(*(sound.blocks for sound in sounds), strict=True):
            for _ in pool.map(write, writers, blocks):
                pass
            progress(len(blocks[0]) / audio_format.sample_rate)


def level_gain(peak: float, form: str, clip: Clip) -> float:
    """Returns what all stems are multiplied by: by one number, so that they stay in balance.

    Args:
        peak: the highest value of all stems.
        form: they are to be written in.
        clip: what becomes of values that this has no room for.

    Raises:
        ValueError: nothing may become of them, and there are such values.
    """
    if peak <= 1 or not _is_limited(form) or clip == "clamp":
        return 1.0
    if clip == "error":
        raise ValueError(
            f"the stems reach {peak:.3g} ({amplitude_db(peak):+.1f} dB), which {form} "
            f"cannot hold; choose wav, or --clip=rescale or clamp."
        )
    return 1 / peak


def _is_limited(form: str) -> bool:
    """Returns whether a format has nothing beyond full scale, or plays it distorted."""
    known = FORMATS[form]
    return known.num_bits > 0 or known.bits_per_sec > 0
