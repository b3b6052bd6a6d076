"""Decodes the stem files of MUSDB18: five AAC streams in one mp4, by PyAV."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

from configs import instruments
from data_prep.audio.decoding import DecodedFile, whole
from data_prep.audio.tracks import MIXTURE, Waveform
from data_prep.audio.waveforms import refuse_damage

SUFFIX = ".stem.mp4"
# in the order that they have in a file
STREAMS = (MIXTURE, *instruments.MUSDB)
# Streams of one AAC file may end that far apart with nothing lost.
CODEC_FRAMES = 2048
_INT16_SCALE = 32768


class Stem(NamedTuple):
    """Is a stream of a stem file."""

    # (frames, channels)
    waveform: Waveform
    sample_rate: int
    # What could not be decoded and is silent, a sentence each.
    damage: tuple[str, ...] = ()


def find_shipped_stem_file() -> Path:
    """Returns the one real track of MUSDB18 that comes with stempeg, a dependency of musdb.

    Raises:
        ValueError: stempeg is not installed, or comes without a track.
    """
    package = find_spec("stempeg")
    if package is None or package.origin is None:
        raise ValueError("the package stempeg is not installed; install the locked packages.")
    stem_files = sorted(Path(package.origin).parent.glob(f"data/*{SUFFIX}"))
    if not stem_files:
        raise ValueError(
            f"the package stempeg at {package.origin} has no stem file; install the locked version."
        )
    return stem_files[0]


def read_stems(path: Path, read_on: bool = False) -> dict[str, Stem]:
    """Returns the streams of a stem file by name, the mixture first, decoded in one pass.

    Args:
        path: of the file.
        read_on: whether what cannot be decoded is silent, and no error.

    Raises:
        ValueError: the file cannot be decoded, is damaged, or holds other streams.
    """
    try:
        with av.open(path) as container:
            streams = container.streams.audio
            _check_streams(path, streams)
            blocks: dict[int, list[NDArray[Any]]] = {stream.index: [] for stream in streams}
            for packet in container.demux(*streams):
                frames = (frame for frame in packet.decode() if isinstance(frame, av.AudioFrame))
                blocks[packet.stream.index].extend(frame.to_ndarray() for frame in frames)
            if all(_is_complete(stream, blocks[stream.index]) for stream in streams):
                # Blocks are taken out one stream at a time: no two streams are held twice.
                return {
                    name: Stem(_rounded(_joined(blocks.pop(stream.index))), stream.rate)
                    for name, stream in zip(STREAMS, streams, strict=True)
                }
    except av.FFmpegError:
        pass
    # The decoder knows where the harm is.
    stems = {name: _read_damaged(path, number) for number, name in enumerate(STREAMS)}
    faults = {fault: None for stem in stems.values() for fault in stem.damage}
    if not read_on:
        refuse_damage(path, list(faults) or [" cannot be decoded"])
    return stems


def _read_damaged(path: Path, number: int) -> Stem:
    file = DecodedFile(path, number)
    waveform = _rounded(whole(file))
    return Stem(waveform, file.audio_format.sample_rate, tuple(file.faults()))


def _check_streams(path: Path, streams: tuple[av.AudioStream, ...]) -> None:
    """Raises a ``ValueError`` unless there are the five streams; FFmpeg decodes AAC to fltp."""
    codecs = [_codec(stream) for stream in streams]
    if len(codecs) == len(STREAMS) and all(codec.endswith(" fltp") for codec in codecs):
        return
    present = ", ".join(codecs)
    raise ValueError(
        f"{path} has the audio streams {present or 'none'}; expected {len(STREAMS)} of AAC: "
        f"{', '.join(STREAMS)}."
    )


def _codec(stream: av.AudioStream) -> str:
    """Returns the codec of a stream and how its samples come, in the words of FFmpeg."""
    context = stream.codec_context
    # PyAV has none for a codec that it does not know, nor a format for one that it cannot decode.
    if context is None or context.format is None:
        return "unknown"
    return f"{context.codec.name} {context.format.name}"


def _is_complete(stream: av.AudioStream, blocks: list[NDArray[Any]]) -> bool:
    """Returns whether as many frames came as a stream announces."""
    announced = 1
    if stream.duration and stream.time_base:
        announced = round(stream.duration * stream.time_base * stream.rate)
    return sum(block.shape[1] for block in blocks) >= max(1, announced - CODEC_FRAMES)


def _joined(blocks: list[NDArray[Any]]) -> Waveform:
    """Returns decoded blocks (channels, frames) as one waveform (frames, channels)."""
    return np.ascontiguousarray(np.concatenate(blocks, axis=1).T)


def _rounded(waveform: Waveform) -> Waveform:
    """Rounds and clips a waveform to 16 bit, as the package musdb delivers it."""
    # in place: a track of ten minutes has five waveforms of 200 MiB
    waveform *= _INT16_SCALE
    np.rint(waveform, out=waveform)
    np.clip(waveform, -_INT16_SCALE, _INT16_SCALE - 1, out=waveform)
    waveform /= _INT16_SCALE
    return waveform
