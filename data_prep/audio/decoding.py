"""Decodes sound files of any kind with FFmpeg, in blocks, and tells where one is damaged.

A file is read frame by frame, so that it need not fit in memory. What cannot be decoded is silent,
and what follows stays at its time: a codec that numbers its frames says how many are missing, of
the others the bytes that were lost are counted. The first frame says what rate and channels the
file has; where they change, what follows is converted.

Axes: T frames, C channels.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

import av
import numpy as np

from data_prep.audio.damage import Damage, LostBytes, describe
from data_prep.audio.endings import is_ended, says_its_length
from data_prep.audio.sound_frames import FrameConverter, JoinedBlocks, form_of
from data_prep.audio.tracks import BLOCK_FRAMES, AudioFormat, Waveform

# What FFmpeg opens: files of sound alone, and films. Playlists and the like would lead elsewhere.
_CONTAINERS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,eac3,flac,flv,m4a,matroska,mov,mp3,mpc,mpc8,mpeg,"
    "mpegts,ogg,tak,tta,voc,w64,wav,wv"
)
OPENING = MappingProxyType({"format_whitelist": _CONTAINERS})
"""The options with which any file of sound is opened."""
SUFFIXES = (
    *(".aac", ".ac3", ".aif", ".aiff", ".ape", ".au", ".caf", ".flac", ".m4a", ".m4b", ".mka"),
    *(".mkv", ".mov", ".mp2", ".mp3", ".mp4", ".mpc", ".oga", ".ogg", ".opus", ".tta", ".w64"),
    *(".wav", ".wave", ".webm", ".wma", ".wv"),
)
"""What the names of sound files end with, in small letters."""

# Clocks of containers are rounded to a millisecond and more; a packet of a codec lasts 20 and more.
_GAP_SECS = 0.015
# Beyond it a clock is wrong, and not the file damaged for as long.
_LONGEST_GAP_SECS = 3600.0
# What a length that a file announces may be off, such as the start that a codec adds.
_SHORT_SECS = 0.1
# Six minutes at 44.1 kHz, of which memory is taken at once.
_MOST_EXPECTED_FRAMES = 2**24


class DecodedFile:
    """Is a sound file that is open.

    Attributes:
        audio_format: rate and channels of its first frame.
        num_announced: frames that it says it has; None where it does not.
        damages: what could not be decoded of what was read.
        ends_early: whether the end is missing, once all was read.
        is_lossy: whether its codec keeps less than was coded.
    """

    def __init__(self, path: Path, stream: int = 0, downmix: bool = False) -> None:
        """Opens a file, or one of several streams of sound in it.

        Args:
            path: of the file.
            stream: which of its streams of sound.
            downmix: whether more channels than two become two, by FFmpeg's rules.

        Raises:
            ValueError: it is missing, no sound file, or holds no audio.
        """
        if not path.is_file():
            raise ValueError(f"there is no file {path}.")
        self.path = path
        self.damages: list[Damage] = []
        self._end_secs = 0.0
        self.ends_early = False
        try:
            self._address = address_of(path)
            self._container = av.open(self._address, options=dict(OPENING))
            self._stream = self._container.streams.audio[stream]
            if self._stream.codec_context is None:
                raise ValueError(
                    f"{path} is of a codec that is not known; expected wav, flac, mp3 or m4a."
                )
            self.is_lossy = not self._stream.codec_context.codec.lossless
            if self._stream.codec_context.name == "flac":
                # Else bytes that changed become sound. Other codecs have no checksums.
                self._stream.codec_context.options = {"err_detect": "crccheck+explode"}
            self._frames = self._iter_frames()
            first = next(self._frames, None)
        except (av.FFmpegError, IndexError, OSError) as error:
            raise _refusal(path, error) from error
        if first is None:
            raise ValueError(f"{path} holds no audio frames.")
        self._first = first
        self._layout = first.layout
        if downmix and first.layout.nb_channels > 2:
            self._layout = av.AudioLayout("stereo")
        self.audio_format = AudioFormat(first.sample_rate, self._layout.nb_channels)
        self.num_announced = None
        announced_secs = self._announced_secs()
        if announced_secs is not None:
            self.num_announced = round(announced_secs * self.audio_format.sample_rate)

    def iter_blocks(self) -> Iterator[Waveform]:
        """Yields consecutive blocks (frames, C), full scale 1; once.

        Raises:
            ValueError: a value is no finite number, or a frame can be converted by nobody.
        """
        rate = self.audio_format.sample_rate
        joined = JoinedBlocks(self.audio_format.channels)
        converter = FrameConverter(self._first, self._layout)
        # How long what came so far lasts.
        heard_secs = Fraction(0)
        # How far the clock is ahead of that where nothing is missing. It falls where a codec drops
        # what it needed to begin, and where the clock begins anew.
        ahead_secs = None
        form = None
        for frame in self._all_frames():
            if form_of(frame) != form:
                # Another stream may have been appended, with a clock of its own.
                form = form_of(frame)
                ahead_secs = None
            if frame.pts is not None and frame.time_base is not None:
                lead_secs = frame.pts * frame.time_base - heard_secs
                ahead_secs = lead_secs if ahead_secs is None else min(ahead_secs, lead_secs)
                missing_secs = lead_secs - ahead_secs
                if _GAP_SECS < missing_secs < _LONGEST_GAP_SECS:
                    self._note(float(heard_secs), float(missing_secs))
                    num_missing = round(missing_secs * rate)
                    joined.add(np.zeros((num_missing, self.audio_format.channels), np.float32))
                    heard_secs += missing_secs
            heard_secs += Fraction(frame.samples, frame.sample_rate)
            for part in converter.convert(frame):
                joined.add(part)
            yield from self._require_finite(joined.take())
        for part in converter.flush():
            joined.add(part)
        yield from self._require_finite(joined.take(all_of_it=True))
        self._end_secs = float(heard_secs)
        announced_secs = (self.num_announced or 0) / rate
        is_short = heard_secs < announced_secs - _SHORT_SECS
        self.ends_early = self.ends_early or is_short or not is_ended(self.path)
        self.close()

    def close(self) -> None:
        """Closes the file, for who does not read it to its end."""
        self._container.close()
        if not isinstance(self._address, str):
            self._address.close()

    def warnings(self) -> list[str]:
        """Returns what is missing of the file that was read, a sentence each."""
        return [f"{self.path}{fault}" for fault in self.faults()]

    def faults(self) -> list[str]:
        """Returns the same sentences without the path before them."""
        end_secs = self._end_secs if self.ends_early else None
        return describe(self.damages, end_secs)

    def _announced_secs(self) -> Fraction | None:
        if not says_its_length(self.path, self._container.format.name):
            return None
        stream = self._stream
        if stream.duration and stream.time_base:
            return stream.duration * stream.time_base
        # Matroska says how long all of its streams are together.
        if self._container.duration:
            return Fraction(self._container.duration, av.time_base)
        return None

    def _note(self, secs: float, lost_secs: float) -> None:
        """Notes a damage, together with the one before where that ends here."""
        if self.damages:
            last = self.damages[-1]
            if secs - last.secs - last.lost_secs < _GAP_SECS:
                self.damages[-1] = last._replace(lost_secs=secs + lost_secs - last.secs)
                return
        self.damages.append(Damage(secs, lost_secs))

    def _all_frames(self) -> Iterator[av.AudioFrame]:
        yield self._first
        yield from self._frames

    def _iter_frames(self) -> Iterator[av.AudioFrame]:
        """Yields what can be decoded, with a clock that goes on over what cannot."""
        lost = LostBytes()
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                # What follows cannot be found.
                self.ends_early = True
                return
            if packet is None:
                return
            try:
                frames = packet.decode()
            except av.FFmpegError:
                lost.add(packet)
                continue
            lost.count(packet)
            for frame in frames:
                if isinstance(frame, av.AudioFrame) and frame.samples:
                    if frame.pts is not None:
                        frame.pts += lost.ticks
                    yield frame

    def _require_finite(self, blocks: Iterator[Waveform]) -> Iterator[Waveform]:
        for block in blocks:
            if not np.isfinite(block).all():
                raise ValueError(f"{self.path} holds values that are not finite numbers.")
            yield block


def is_sound_name(path: Path) -> bool:
    """Returns whether a file has a name of sound: its suffix, in any case, and no point before.

    macOS leaves ._NAME.wav beside NAME.wav, which is no sound.
    """
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def decode(path: Path) -> tuple[Waveform, int, list[str]]:
    """Decodes a whole file.

    Returns:
        The waveform (T, C), full scale 1; its rate; and what is missing of it, a sentence each.

    Raises:
        ValueError: as from ``DecodedFile``.
    """
    file = DecodedFile(path)
    waveform = whole(file)
    return waveform, file.audio_format.sample_rate, file.warnings()


def whole(file: DecodedFile) -> Waveform:
    """Returns all blocks of a file as one waveform (T, C)."""
    num_channels = file.audio_format.channels
    # What a header announces may be any number: it is believed as far as frames come.
    num_expected = min(file.num_announced or BLOCK_FRAMES, _MOST_EXPECTED_FRAMES)
    waveform = np.empty((num_expected, num_channels), np.float32)
    num_frames = 0
    for block in file.iter_blocks():
        if num_frames + len(block) > len(waveform):
            # In place, where the memory behind it is free: it is never there twice.
            grown = max(num_frames + len(block), len(waveform) + len(waveform) // 8)
            waveform.resize((grown, num_channels), refcheck=False)
        waveform[num_frames : num_frames + len(block)] = block
        num_frames += len(block)
    waveform.resize((num_frames, num_channels), refcheck=False)
    return waveform


def address_of(path: Path) -> Any:
    """Returns what FFmpeg opens a file by; its protocol is named, so that no colon names another.

    A name in bytes that are no UTF-8 cannot be told to PyAV: such a file is opened here.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return path.open("rb")
    return f"file:{path}"


def _refusal(path: Path, error: Exception) -> ValueError:
    # The text of an OSError begins with its number; an IndexError has no strerror.
    why = getattr(error, "strerror", None) or "it has no audio stream"
    if isinstance(error, av.ArgumentError):
        why = "it is of another kind"
    return ValueError(
        f"{path} is no sound file that can be decoded ({why}); expected wav, flac, mp3 or m4a."
    )
