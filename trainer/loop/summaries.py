"""What TensorBoard shows of a run, written between the calls to the device."""

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import tensorflow as tf
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from data_prep.audio.tracks import Waveform

with warnings.catch_warnings():
    # Of TensorFlow I/O only functions of TensorFlow's own operations are used. Its compiled operations and file
    # systems do not load on TensorFlow > 2.16; nothing here asks for them.
    warnings.filterwarnings("ignore", "unable to load libtensorflow_io_plugins.so", UserWarning)
    warnings.filterwarnings("ignore", "file system plugins are not loaded", UserWarning)
    import tensorflow_io as tfio

_WINDOW_SECS = 0.093  # 2048 frames at 22050 Hz, 4096 at 44100 Hz
_NUM_MELS = 128
_TOP_DB = 80  # from white to black
_MIN_POWER = 1e-10  # what stands for silence
_TICKS_HZ = (0, 250, 500, 1000, 2000, 4000, 8000, 16000)
_MANY_EVENTS, _LONGEST_MILLIS = (
    2**31 - 1,
    (2**31 - 1) // 1000,
)  # as rarely as TensorFlow can be told to flush
_FIGURE_INCHES, _DPI = (
    (8.0, 7.2),
    100,
)  # of three panels: about the width of an enlarged TensorBoard card


class Summaries:
    """Scalars, audio and spectrograms of a run in ``workdir/events``."""

    def __init__(self, workdir: str) -> None:
        self._workdir = workdir
        self._writer: Any = None

    def write_scalars(self, step: int, group: str, **scalars: float) -> None:
        """Write figures as they stand after ``step`` steps, as group/name."""
        with self._writing(step):
            for name, value in scalars.items():
                tf.summary.scalar(f"{group}/{name}", value)

    def write_audio(
        self,
        step: int,
        sample_rate: int,
        mixture: Waveform,
        references: NDArray[np.float32],
        estimates: NDArray[np.float32],
        names: Sequence[str],
    ) -> None:
        """Write what a piece sounds and looks like after ``step`` steps.

        Args:
            step: the steps taken.
            sample_rate: of all waveforms, in Hz.
            mixture: (T, C).
            references: (K', T, C), of the sources to show.
            estimates: (K', T, C), of the same sources.
            names: theirs, K' of them.
        """
        # An accelerator's memory belongs to the network.
        with self._writing(step), tf.device("CPU:0"):
            _write_sound("audio/mixture", mixture, sample_rate)
            mixture_mels = mel_spectrogram(mixture, sample_rate)
            for name, reference, estimate in zip(names, references, estimates, strict=True):
                _write_sound(f"audio/{name}/reference", reference, sample_rate)
                _write_sound(f"audio/{name}/estimate", estimate, sample_rate)
                mels = [
                    mixture_mels,
                    *(mel_spectrogram(each, sample_rate) for each in (reference, estimate)),
                ]
                image = draw_spectrograms(decibels(mels), sample_rate, name)
                tf.summary.image(f"spectrogram/{name}", image[None])

    def flush(self) -> None:
        """Hand everything to the file system; called at every checkpoint.

        In a bucket by ending the file: any other flush sends the whole object again, so that the file of a long run
        would be sent thousands of times. On a disk everything that is written is there at once.
        """
        if self._in_bucket:
            self.close()

    def close(self) -> None:
        """Hand everything to the file system and end the file; what is written afterwards begins another."""
        if self._writer is not None:
            self._writer.close()
        self._writer = None

    @property
    def _in_bucket(self) -> bool:
        return "://" in self._workdir

    @contextmanager
    def _writing(self, step: int) -> Iterator[None]:
        """Makes the writer that of ``tf.summary``; a file is begun where there is none."""
        if not self._in_bucket:
            self._writer = self._writer or tf.summary.create_file_writer(f"{self._workdir}/events")
            with self._writer.as_default(step):  # which flushes at its end
                yield
            return
        self._writer = self._writer or tf.summary.create_file_writer(
            f"{self._workdir}/events", max_queue=_MANY_EVENTS, flush_millis=_LONGEST_MILLIS
        )
        self._writer.set_as_default(step)
        try:
            yield
        finally:
            tf.summary.create_noop_writer().set_as_default()


def mel_spectrogram(waveform: Waveform, sample_rate: int) -> tf.Tensor:
    """Magnitudes of the mean of the channels, windows centred: (T, C) -> (ceil(T / hop), mel bands)."""
    window, hop = _window_and_hop(sample_rate)
    # A window of tfio begins at its frame: without the shift every note would be drawn half a window early.
    shifted = tf.pad(tf.reduce_mean(waveform, axis=-1), [[window // 2, 0]])
    spectrogram = tfio.audio.spectrogram(shifted, nfft=window, window=window, stride=hop)[
        : -(window // 2 // hop)
    ]
    return tfio.audio.melscale(spectrogram, sample_rate, _NUM_MELS, fmin=0, fmax=sample_rate / 2)


def decibels(mels: Sequence[tf.Tensor]) -> NDArray[np.float32]:
    """Levels of magnitudes in dB, each of 80 dB at most, relative to the loudest of the first, the mixture.

    So levels compare among sources and, since the mixture stays, among the steps of a run.
    """
    # Where the mixture is silent too, silence has to stay at the lower end of the scale.
    loudest = tf.maximum(tf.reduce_max(tf.square(mels[0])), _MIN_POWER * 10 ** (_TOP_DB / 10))
    return np.stack(
        [tfio.audio.dbscale(mel, _TOP_DB, ref=loudest, amin=_MIN_POWER) for mel in mels]
    )


def draw_spectrograms(
    levels: NDArray[np.float32], sample_rate: int, name: str
) -> NDArray[np.uint8]:
    """Mixture, reference and estimate, one above the other: dB (3, frames, mel bands) -> RGB (height, width, 3)."""
    _, hop = _window_and_hop(sample_rate)
    secs = levels.shape[1] * hop / sample_rate
    ticks = [hz for hz in _TICKS_HZ if hz <= sample_rate / 2]
    figure = Figure(_FIGURE_INCHES, _DPI, layout="constrained")
    panels = figure.subplots(3, sharex=True)
    for panel, title, level in zip(
        panels, ("mixture", f"{name}: reference", f"{name}: estimate"), levels, strict=True
    ):
        image = panel.imshow(
            level.T,
            mpl.colormaps["magma"],
            aspect="auto",  # as wide as the figure: a patch of a second fills it like a piece of a minute
            origin="lower",
            extent=(0, secs, 0, _mel(sample_rate / 2)),
            vmin=-_TOP_DB,
            vmax=0,
        )
        panel.set_yticks([_mel(hz) for hz in ticks], [f"{hz / 1000:g}" for hz in ticks])
        panel.set_title(title, loc="left")
    panels[1].set_ylabel("frequency in kHz, on the mel scale")
    panels[-1].set_xlabel("time in s")
    figure.colorbar(image, ax=panels, label="dB relative to the loudest of the mixture", aspect=60)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def _write_sound(tag: str, waveform: Waveform, sample_rate: int) -> None:
    """Of 16 bits; what is beyond full scale is clipped by the encoder."""
    tf.summary.audio(tag, waveform[None], sample_rate)


def _window_and_hop(sample_rate: int) -> tuple[int, int]:
    """In frames: a power of two, and a quarter of it."""
    window = 2 ** max(round(math.log2(_WINDOW_SECS * sample_rate)), 2)
    return window, window // 4


def _mel(hz: float) -> float:
    """The mel scale as TensorFlow has it (that of HTK)."""
    return 2595 * math.log10(1 + hz / 700)
