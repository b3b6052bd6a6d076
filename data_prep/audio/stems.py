"""The stem files of MUSDB18: five AAC streams in one mp4, decoded by PyAV."""

from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from configs import instruments
from data_prep.audio.tracks import MIXTURE, Waveform

SUFFIX = ".stem.mp4"
STREAMS = (MIXTURE, *instruments.MUSDB)  # in their order
CODEC_FRAMES = 2048  # streams of one AAC file may end that far apart with nothing lost
_INT16_SCALE = 32768


def read_stems(path: Path) -> dict[str, tuple[Waveform, int]]:
    """The streams of a stem file by name, the mixture first: (frames, channels) and rate each, in one pass.

    Raises:
        ValueError: the file cannot be decoded, is cut short, or holds other streams.
    """
    try:
        with av.open(path) as container:
            streams = container.streams.audio
            if len(streams) != len(STREAMS) or any(
                stream.format.name != "fltp" for stream in streams
            ):
                found = (
                    ", ".join(f"{stream.codec.name} {stream.format.name}" for stream in streams)
                    or "none"
                )
                raise ValueError(
                    f"{path} has the audio streams {found}; expected {len(STREAMS)} of AAC: {', '.join(STREAMS)}."
                )
            blocks: dict[int, list[NDArray[Any]]] = {stream.index: [] for stream in streams}
            for packet in container.demux(*streams):
                frames = (frame for frame in packet.decode() if isinstance(frame, av.AudioFrame))
                blocks[packet.stream.index].extend(frame.to_ndarray() for frame in frames)
            return {
                name: (_join(path, stream, blocks.pop(stream.index)), stream.rate)
                for name, stream in zip(STREAMS, streams, strict=True)
            }
    except av.FFmpegError as error:
        raise ValueError(
            f"{path} cannot be decoded ({error.strerror}); copy it again from the corpus."
        ) from error


def _join(path: Path, stream: av.AudioStream, blocks: list[NDArray[Any]]) -> Waveform:
    """Decoded blocks (channels, frames) as one waveform, rounded and clipped to 16 bit as musdb delivers it."""
    frames = sum(block.shape[1] for block in blocks)
    announced = (
        round(stream.duration * stream.time_base * stream.rate)
        if stream.duration and stream.time_base
        else 1
    )
    if frames < max(1, announced - CODEC_FRAMES):
        raise ValueError(
            f"{path} is cut short: a stream announces {announced} frames, {frames} came; copy it again from the corpus."
        )
    waveform: Waveform = np.ascontiguousarray(np.concatenate(blocks, axis=1).T)
    waveform *= _INT16_SCALE
    np.rint(waveform, out=waveform)
    np.clip(waveform, -_INT16_SCALE, _INT16_SCALE - 1, out=waveform)
    waveform /= _INT16_SCALE
    return waveform
