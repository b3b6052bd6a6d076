"""Encodes sound files with FFmpeg, block by block, so that none need fit in memory.

The same blocks and tags give the same bytes: no file holds the time or the name of its writer.

Axes: T frames, C channels.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import av
import numpy as np
from av.stream import Disposition
from numpy.typing import NDArray

from data_prep.audio.decoding import OPENING, address_of
from data_prep.audio.tracks import AudioFormat, Waveform

# Flags of FFmpeg's, of a container and of an encoder: what is written depends on the sound alone.
_BITEXACT_FILE = 0x400
_BITEXACT_CODEC = 0x800000
# What a file says of its own form, and not of the sound in it.
_TECHNICAL = ("major_brand", "minor_version", "compatible_brands", "encoder", "creation_time")
_OF_STREAMS = ("language", "handler_name", "vendor_id", "variant_bitrate")
_COVERS = ("mjpeg", "png")
_MOST_COVER_BYTES = 2**24
_MOST_TEXT = 2**16
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_AAC_RATES = (*_MP3_RATES, 7350, 64000, 88200, 96000)
_LAYOUTS = {1: "mono", 2: "stereo"}


class Format(NamedTuple):
    """Says how a kind of sound file is written."""

    suffix: str
    container: str
    codec: str
    # Of the numbers that the encoder takes, in FFmpeg's words.
    numbers: str
    # Of fixed-point numbers; 0: values beyond full scale are kept.
    num_bits: int = 0
    most_channels: int = 64
    # None: any.
    rates: tuple[int, ...] | None = None
    # Of two channels.
    bits_per_sec: int = 0
    holds_covers: bool = False
    options: Mapping[str, str] = MappingProxyType({})


# Above 4 GiB, whose size a wav file cannot state, it is RF64.
_WAV = MappingProxyType({"rf64": "auto"})
FORMATS: Mapping[str, Format] = {
    "wav": Format(".wav", "wav", "pcm_f32le", "flt", options=_WAV),
    "wav24": Format(".wav", "wav", "pcm_s24le", "s32", num_bits=24, options=_WAV),
    "wav16": Format(".wav", "wav", "pcm_s16le", "s16", num_bits=16, options=_WAV),
    "flac": Format(".flac", "flac", "flac", "s32", num_bits=24, most_channels=8, holds_covers=True),
    "mp3": Format(
        ".mp3",
        "mp3",
        "libmp3lame",
        "fltp",
        most_channels=2,
        rates=_MP3_RATES,
        bits_per_sec=320_000,
        holds_covers=True,
    ),
    "m4a": Format(
        ".m4a",
        "mp4",
        "aac",
        "fltp",
        most_channels=2,
        rates=_AAC_RATES,
        bits_per_sec=256_000,
        holds_covers=True,
        options=MappingProxyType({"brand": "M4A "}),
    ),
}
"""The kinds of files that are written, by the words for them."""


class Cover(NamedTuple):
    """Is a picture within a sound file."""

    codec: str
    width: int
    height: int
    data: bytes


class TooManyChannelsError(ValueError):
    """Tells that sound has more channels than any file has a layout for."""


class Tags(NamedTuple):
    """Holds what a sound file says of its sound."""

    texts: Mapping[str, str] = MappingProxyType({})
    cover: Cover | None = None


_NO_TAGS = Tags()


def read_tags(path: Path) -> Tags:
    """Returns the tags of a file; none of one that cannot be opened.

    A cover is kept where every format can hold it, a JPEG or PNG of up to 16 MiB; a text up to
    65,536 letters.
    """
    try:
        with _reading(path) as container:
            sound = container.streams.audio[0].metadata
            texts = {
                **{name: text for name, text in sound.items() if name not in _OF_STREAMS},
                **container.metadata,
            }
            kept = {
                name: text
                for name, text in texts.items()
                if name not in _TECHNICAL and len(text) <= _MOST_TEXT
            }
            return Tags(kept, _read_cover(container))
    except (av.FFmpegError, OSError, IndexError, ValueError):
        # Whoever decodes the file says what is wrong with it.
        return _NO_TAGS


@contextmanager
def _reading(path: Path) -> Iterator[Any]:
    address = address_of(path)
    try:
        with av.open(address, options=dict(OPENING)) as container:
            yield container
    finally:
        # PyAV leaves a file open that it was given open.
        if not isinstance(address, str):
            address.close()


def _read_cover(container: Any) -> Cover | None:
    for stream in container.streams.video:
        codec = stream.codec_context
        if not stream.disposition & Disposition.attached_pic or codec is None:
            continue
        # One that is broken has no size.
        if codec.name in _COVERS and codec.width and codec.height:
            data = bytes(next(container.demux(stream)))
            if len(data) <= _MOST_COVER_BYTES:
                return Cover(codec.name, codec.width, codec.height, data)
    return None


def require_writable(form: str, audio_format: AudioFormat) -> None:
    """Raises a ``ValueError`` where a kind of file cannot hold sound of a rate and channels."""
    known = FORMATS[form]
    rate, num_channels = audio_format
    try:
        av.AudioLayout(_layout(num_channels))
    except ValueError as error:
        raise TooManyChannelsError(
            f"sound of {num_channels} channels cannot be written; mix it down to two first."
        ) from error
    if num_channels > known.most_channels:
        raise ValueError(
            f"{form} holds up to {known.most_channels} channels, this has {num_channels}; choose "
            f"wav or another format."
        )
    if known.rates and rate not in known.rates:
        rates = ", ".join(map(str, sorted(known.rates)))
        raise ValueError(
            f"{form} holds sound at {rates} Hz, this is at {rate}; choose wav or another format."
        )


class SoundWriter:
    """Is a sound file in the making."""

    def __init__(self, container: Any, form: Format, audio_format: AudioFormat, tags: Tags) -> None:
        """Begins a file; :func:`writing` also ends it."""
        self._container = container
        self._form = form
        self._rate, num_channels = audio_format
        self._layout = _layout(num_channels)
        container.flags |= _BITEXACT_FILE
        container.metadata.update(tags.texts)
        self._stream = container.add_stream(
            form.codec, rate=self._rate, layout=self._layout, format=form.numbers
        )
        self._stream.codec_context.flags |= _BITEXACT_CODEC
        if form.bits_per_sec:
            self._stream.bit_rate = form.bits_per_sec * num_channels // 2
        if tags.cover is not None and form.holds_covers:
            self._add_cover(tags.cover)
        self._num_frames = 0

    def write(self, block: Waveform) -> None:
        """Adds a block (frames, C); where numbers are fixed-point, values are clipped."""
        if not len(block):
            return
        array = _numbers(block, self._form)
        frame = av.AudioFrame.from_ndarray(array, format=self._form.numbers, layout=self._layout)
        frame.sample_rate = self._rate
        frame.pts = self._num_frames
        self._num_frames += len(block)
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Writes what the encoder holds back."""
        self._container.mux(self._stream.encode(None))

    def _add_cover(self, cover: Cover) -> None:
        stream = self._container.add_mux_stream(cover.codec, width=cover.width, height=cover.height)
        stream.disposition = Disposition.attached_pic
        self._container.start_encoding()
        packet = av.Packet(cover.data)
        packet.stream = stream
        packet.pts = 0
        packet.dts = 0
        packet.is_keyframe = True
        self._container.mux(packet)


@contextmanager
def writing(
    path: Path, form: str, audio_format: AudioFormat, tags: Tags = _NO_TAGS
) -> Iterator[SoundWriter]:
    """Yields a writer of a sound file, which is whole once the block is done.

    Args:
        path: of the file, which is replaced; its name says nothing of its format.
        form: one of ``FORMATS``.
        audio_format: of all blocks.
        tags: that it shall hold, as far as its format does.

    Raises:
        ValueError: as from ``require_writable``.
        OSError: the disk is full.
    """
    require_writable(form, audio_format)
    known = FORMATS[form]
    options = dict(known.options)
    try:
        with av.open(f"file:{path}", "w", format=known.container, options=options) as container:
            writer = SoundWriter(container, known, audio_format, tags)
            yield writer
            writer.finish()
    except av.FFmpegError as error:
        # PyAV's errors are of this kind, too, but nobody can name the file in them.
        raise OSError(error.errno, error.strerror, str(path)) from error


def _layout(num_channels: int) -> str:
    """Returns the word of FFmpeg for so many channels."""
    return _LAYOUTS.get(num_channels, f"{num_channels}c")


def _numbers(block: Waveform, form: Format) -> NDArray[Any]:
    """Returns a block (frames, C) as an encoder takes it: (C, frames), or (1, frames * C)."""
    if form.numbers == "fltp":
        return np.ascontiguousarray(block.T)
    if form.numbers == "flt":
        return np.ascontiguousarray(block, np.float32).reshape(1, -1)
    scale = 2 ** (form.num_bits - 1)
    rounded = np.rint(block.astype(np.float64) * scale).clip(-scale, scale - 1)
    if form.num_bits == 16:
        return rounded.astype(np.int16).reshape(1, -1)
    # The upper bits of each number are those that are kept.
    shifted: NDArray[Any] = rounded.astype(np.int32) << (32 - form.num_bits)
    return shifted.reshape(1, -1)
