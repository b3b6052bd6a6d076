"""Says what sounds while it sounds: raw PCM comes in, a line a second goes out.

A network reads ``margin_frames`` behind a column, which have not come yet when the line about it is
due. Nothing waits for them: they count as silence, so that a line is there as soon as its second is
and one window of the network is computed. What that costs is measured in docs/tagging.md.

Axes: K instruments, J columns, T frames, C channels.
"""

import math
import os
import sys
from collections.abc import Iterator
from typing import BinaryIO, TextIO

import numpy as np
import soxr

from configs.instruments import name_of
from data_prep.audio.tracks import AudioFormat, Waveform
from data_prep.runtime import interruption
from evaluation.taggrams.pixels import minutes
from trainer.inference.listener import Activity, Listener
from trainer.tasks.tagging.pieces import piece_labels, piece_probabilities
from trainer.tasks.tagging.tagger import Tagger

_BYTES = 2
_FULL_SCALE = 2**15


def print_live(
    tagger: Tagger, stream: BinaryIO, audio_format: AudioFormat, out: TextIO | None = None
) -> None:
    """Prints a line a second of a stream until it ends, is interrupted, or nobody reads more.

    An instrument is in a line if it is at or above its threshold in a tenth of the columns of that
    second; beside it stands the probability that a tenth reaches.

    Args:
        tagger: says what it hears.
        stream: of PCM, signed 16 bits, little end first, channels in turn; it blocks until there is
            more.
        audio_format: of that.
        out: where the lines go; unless given, stdout.
    """
    live = LiveListener(tagger.listener, audio_format.sample_rate)
    # TensorFlow compiles what it computes for the first time.
    live.warm_up()
    # Not among the lines that another program may read.
    print(f"{tagger.origin} listens", file=sys.stderr, flush=True)
    rate = audio_format.sample_rate
    num_frames = 0
    try:
        for frames in iter_seconds(stream, audio_format):
            num_frames += len(frames)
            # The last one may be no whole second.
            step = 1.0 if num_frames % rate == 0 else 0.01
            time = minutes(num_frames / rate, step)
            print(f"{time}  {_sounding(tagger, live.hear(frames))}", file=out, flush=True)
    except BrokenPipeError:
        # Who read the lines has had enough, as head has. What is left shall go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    # A library may have made another exception of the one that interrupts.
    except (KeyboardInterrupt, Exception) as error:
        if not isinstance(error, KeyboardInterrupt) and not interruption.came():
            raise


def _sounding(tagger: Tagger, activity: Activity) -> str:
    """Returns the instruments of columns (K, J), each with its probability."""
    values = dict(zip(tagger.sources, piece_probabilities(activity), strict=True))
    labels = piece_labels(activity, tagger.thresholds)
    return ", ".join(f"{name_of(label)} {values[label]:.2f}" for label in labels) or "-"


def iter_seconds(stream: BinaryIO, audio_format: AudioFormat) -> Iterator[Waveform]:
    """Yields the seconds of a stream, (frames, C), full scale 1; the last may be shorter.

    Bytes behind the last whole frame are none.
    """
    frame_bytes = _BYTES * audio_format.channels
    while True:
        # Returns with less at the end alone.
        data = stream.read(frame_bytes * audio_format.sample_rate)
        num_frames = len(data) // frame_bytes
        if not num_frames:
            return
        values = np.frombuffer(data, "<i2", num_frames * audio_format.channels)
        frames = values.reshape(num_frames, audio_format.channels)
        yield frames.astype(np.float32) / np.float32(_FULL_SCALE)


class LiveListener:
    """Hears a waveform second by second, and holds a few seconds of it.

    Its columns are those of the whole waveform. Silence stands before its beginning, and behind
    what has come.
    """

    def __init__(self, listener: Listener, sample_rate: int) -> None:
        """Begins with silence.

        Args:
            listener: the network.
            sample_rate: of the waveform, in Hz.
        """
        self._listener = listener
        self._sample_rate = sample_rate
        self._network_rate = listener.config.audio.sample_rate
        hop = listener.column_frames
        margin = listener.config.model.window().margin_frames
        # The columns of a second, those before it that the median filter takes, and those whose
        # sound the network reads before these.
        num_columns = math.ceil(self._network_rate / hop) + listener.median_columns // 2
        self._num_columns = num_columns + math.ceil(margin / hop)
        # Whole seconds, of which the rates of both sides have whole numbers of frames.
        self._num_secs = 1 + math.ceil(self._num_columns * hop / self._network_rate)
        self._held = np.zeros(self._num_secs * sample_rate, np.float32)
        # That have come.
        self._secs = 0

    def warm_up(self) -> None:
        """Lets what is computed for the first time be compiled, before it is needed."""
        hop = self._listener.column_frames
        silence = np.zeros((self._num_columns * hop, self._listener.config.audio.channels))
        self._listener.activity(silence.astype(np.float32))

    def hear(self, frames: Waveform) -> Activity:
        """Returns the probabilities (K, J) of the columns that are centred in a second.

        Args:
            frames: (T, C), the next second, or less at the end.
        """
        hop = self._listener.column_frames
        whole = np.concatenate([self._held, frames.mean(axis=1, dtype=np.float32)])
        heard = soxr.resample(whole, self._sample_rate, self._network_rate, quality="HQ")
        # Frame 0 of what is heard is this one of the waveform.
        start = (self._secs - self._num_secs) * self._network_rate
        # Columns of the waveform: from the first one in this second to the one behind the last.
        first = math.ceil(self._secs * self._network_rate / hop)
        behind = math.ceil((start + len(heard)) / hop)
        from_frame = (behind - self._num_columns) * hop - start
        window = heard[from_frame:]
        # Always as long, so that it is compiled once: silence stands behind what has come.
        window = np.pad(window, (0, self._num_columns * hop - len(window)))
        channels = self._listener.config.audio.channels
        activity = self._listener.activity(np.repeat(window[:, None], channels, axis=1))
        self._held = whole[-len(self._held) :]
        self._secs += 1
        # What lies before was computed for the median filter, or lacks what it should read.
        return self._listener.smoothed(activity)[:, self._num_columns - (behind - first) :]
