"""Decodes the stem files of MUSDB18: five AAC streams in one mp4, by PyAV."""

from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from configs import instruments
from data_prep.audio.tracks import MIXTURE, Waveform

SUFFIX = ".stem.mp4"
# in the order that they have in a file
STREAMS = (MIXTURE, *instruments.MUSDB)
# Streams of one AAC file may end that far apart with nothing lost.
CODEC_FRAMES = 2048
_INT16_SCALE = 32768


def read_stems(path: Path) -> dict[str, tuple[Waveform, int]]:
    """Returns the streams of a stem file by name, the mixture first, decoded in one pass.

    Each is a waveform (frames, channels) and its rate.

    Raises:
        ValueError: the file cannot be decoded, is cut short, or holds other streams.
    """
    try:
        with av.open(path) as container:
            streams = container.streams.audio
            _check_streams(path, streams)
            blocks: dict[int, list[NDArray[Any]]] = {stream.index: [] for stream in streams}
            for packet in container.demux(*streams):
                frames = (frame for frame in packet.decode() if isinstance(frame, av.AudioFrame))
                blocks[packet.stream.index].extend(frame.to_ndarray() for frame in frames)
            # Blocks are taken out one stream at a time, so that no two streams are held twice.
            return {
                name: (_join(path, stream, blocks.pop(stream.index)), stream.rate)
                for name, stream in zip(STREAMS, streams, strict=True)
            }
    except av.FFmpegError as error:
        raise ValueError(
            f"{path} cannot be decoded ({error.strerror}); copy it again from the corpus."
        ) from error


def _check_streams(path: Path, streams: tuple[av.AudioStream, ...]) -> None:
    """Raises a ``ValueError`` unless there are the five streams; FFmpeg decodes AAC to fltp."""
    if len(streams) == len(STREAMS) and all(stream.format.name == "fltp" for stream in streams):
        return
    present = ", ".join(f"{stream.codec.name} {stream.format.name}" for stream in streams)
    raise ValueError(
        f"{path} has the audio streams {present or 'none'}; expected {len(STREAMS)} of AAC: "
        f"{', '.join(STREAMS)}."
    )


def _join(path: Path, stream: av.AudioStream, blocks: list[NDArray[Any]]) -> Waveform:
    """Returns decoded blocks (channels, frames) as one waveform (frames, channels).

    It is rounded and clipped to 16 bit, as the package musdb delivers it.
    """
    num_frames = sum(block.shape[1] for block in blocks)
    announced = 1
    if stream.duration and stream.time_base:
        announced = round(stream.duration * stream.time_base * stream.rate)
    if num_frames < max(1, announced - CODEC_FRAMES):
        raise ValueError(
            f"{path} is cut short: a stream announces {announced} frames, {num_frames} came; "
            f"copy it again from the corpus."
        )
    waveform: Waveform = np.ascontiguousarray(np.concatenate(blocks, axis=1).T)
    # in place: a track of ten minutes has five waveforms of 200 MiB
    waveform *= _INT16_SCALE
    np.rint(waveform, out=waveform)
    np.clip(waveform, -_INT16_SCALE, _INT16_SCALE - 1, out=waveform)
    waveform /= _INT16_SCALE
    return waveform
