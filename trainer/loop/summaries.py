"""Writes what TensorBoard shows of a run, between the calls to the device."""

import math
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import tensorflow as tf
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from data_prep.audio.spectrograms import window_frames
from data_prep.audio.tracks import Waveform
from trainer.loop.protocol import Number, Picture, Shown, Sound, Spectrograms

with warnings.catch_warnings():
    # Of TensorFlow I/O only functions of TensorFlow's own operations are used. Its compiled
    # operations and file systems do not load on TensorFlow > 2.16; nothing here asks for them.
    warnings.filterwarnings("ignore", "unable to load libtensorflow_io_plugins.so", UserWarning)
    warnings.filterwarnings("ignore", "file system plugins are not loaded", UserWarning)
    import tensorflow_io as tfio

_NUM_MELS = 128
# From white to black.
_TOP_DB = 80
# What stands for silence.
_MIN_POWER = 1e-10
_TICKS_HZ = (0, 250, 500, 1000, 2000, 4000, 8000, 16000)
# As rarely as TensorFlow can be told to flush.
_MANY_EVENTS = 2**31 - 1
_LONGEST_MILLIS = (2**31 - 1) // 1000
# About the width of an enlarged TensorBoard card.
_FIGURE_WIDTH_INCHES = 8.0
_PANEL_HEIGHT_INCHES = 2.4
_DPI = 100


class Summaries:
    """Writes scalars, audio and pictures of a run into ``workdir/events``."""

    def __init__(self, workdir: str, writes: bool = True) -> None:
        """Takes the folder of the run, and whether this process writes what a run leaves."""
        self.writes = writes
        self._workdir = workdir
        self._writer: Any = None

    def write_scalars(self, step: int, group: str, scalars: Mapping[str, float]) -> None:
        """Writes figures as they stand after ``step`` steps, as group/name."""
        if not self.writes:
            return
        with self._writing(step):
            for name, value in scalars.items():
                tf.summary.scalar(f"{group}/{name}", value)

    def write(self, step: int, shown: Iterable[Shown]) -> None:
        """Writes what a task shows after ``step`` steps."""
        if not self.writes:
            return
        # An accelerator's memory belongs to the network.
        with self._writing(step), tf.device("CPU:0"):
            for item in shown:
                _write_item(item)

    def flush(self) -> None:
        """Hands everything to the file system; called at every checkpoint.

        In a bucket by ending the file: any other flush sends the whole object again, so that the
        file of a long run would be sent thousands of times. On a disk everything that is written is
        there at once.
        """
        if self._in_bucket:
            self.close()

    def close(self) -> None:
        """Hands everything to the file system and ends the file; another may follow."""
        if self._writer is not None:
            self._writer.close()
        self._writer = None

    @property
    def _in_bucket(self) -> bool:
        return "://" in self._workdir

    @contextmanager
    def _writing(self, step: int) -> Iterator[None]:
        """Makes the writer that of ``tf.summary``; a file is begun where there is none."""
        folder = f"{self._workdir}/events"
        if not self._in_bucket:
            self._writer = self._writer or tf.summary.create_file_writer(folder)
            # This flushes at its end.
            with self._writer.as_default(step):
                yield
            return
        self._writer = self._writer or tf.summary.create_file_writer(
            folder, max_queue=_MANY_EVENTS, flush_millis=_LONGEST_MILLIS
        )
        self._writer.set_as_default(step)
        try:
            yield
        finally:
            tf.summary.create_noop_writer().set_as_default()


def _write_item(item: Shown) -> None:
    if isinstance(item, Sound):
        # Encoded in 16 bits, which clips what is beyond full scale.
        tf.summary.audio(f"audio/{item.name}", item.waveform[None], item.sample_rate)
    elif isinstance(item, Spectrograms):
        waveforms = item.waveforms.values()
        mels = [mel_spectrogram(waveform, item.sample_rate) for waveform in waveforms]
        pixels = draw_spectrograms(decibels(mels), item.sample_rate, list(item.waveforms))
        tf.summary.image(f"spectrogram/{item.name}", pixels[None])
    elif isinstance(item, Picture):
        tf.summary.image(f"picture/{item.name}", item.pixels[None])
    elif isinstance(item, Number):
        tf.summary.scalar(f"number/{item.name}", item.value)


def mel_spectrogram(waveform: Waveform, sample_rate: int) -> tf.Tensor:
    """Computes magnitudes of the mean of the channels, windows centred.

    (T, C) -> (ceil(T / hop), mel bands).
    """
    window, hop = _window_and_hop(sample_rate)
    # A window of tfio begins at its frame: without the shift every note would be drawn half a
    # window early.
    shifted = tf.pad(tf.reduce_mean(waveform, axis=-1), [[window // 2, 0]])
    columns = tfio.audio.spectrogram(shifted, nfft=window, window=window, stride=hop)
    columns = columns[: -(window // 2 // hop)]
    return tfio.audio.melscale(columns, sample_rate, _NUM_MELS, fmin=0, fmax=sample_rate / 2)


def decibels(mels: Sequence[tf.Tensor]) -> NDArray[np.float32]:
    """Returns magnitudes in dB relative to the loudest of the first, 80 dB below it at most.

    So levels compare among sources and, since the mixture stays, among the steps of a run.
    """
    # Where the mixture is silent too, silence has to stay at the lower end of the scale.
    floor = _MIN_POWER * 10 ** (_TOP_DB / 10)
    loudest = tf.maximum(tf.reduce_max(tf.square(mels[0])), floor)
    return np.stack(
        [tfio.audio.dbscale(mel, _TOP_DB, ref=loudest, amin=_MIN_POWER) for mel in mels]
    )


def draw_spectrograms(
    levels: NDArray[np.float32], sample_rate: int, titles: Sequence[str]
) -> NDArray[np.uint8]:
    """Draws spectrograms one above the other.

    Args:
        levels: (panels, columns, mel bands), in dB.
        sample_rate: in Hz.
        titles: one for each panel.

    Returns:
        Pixels, (height, width, 3).
    """
    _, hop = _window_and_hop(sample_rate)
    secs = levels.shape[1] * hop / sample_rate
    height = _PANEL_HEIGHT_INCHES * len(titles)
    figure = Figure((_FIGURE_WIDTH_INCHES, height), _DPI)
    # Every text is known, so that the margins are too: a layout that measures them first takes
    # longer than the drawing.
    figure.subplots_adjust(
        left=0.085, right=0.99, bottom=0.46 / height, top=1 - 0.27 / height, hspace=0.15
    )
    panels = figure.subplots(len(titles), sharex=True, squeeze=False)[:, 0]
    for panel, title, level in zip(panels, titles, levels, strict=True):
        image = _draw_panel(panel, level, sample_rate, secs)
        panel.set_title(title, loc="left")
    panels[len(panels) // 2].set_ylabel("frequency in kHz, on the mel scale")
    panels[-1].set_xlabel("time in s")
    label = "dB relative to the loudest of the mixture"
    figure.colorbar(image, ax=list(panels), label=label, aspect=60, fraction=0.12, pad=0.03)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def _draw_panel(panel: Axes, level: NDArray[np.float32], sample_rate: int, secs: float) -> Any:
    ticks = [hz for hz in _TICKS_HZ if hz <= sample_rate / 2]
    panel.set_yticks([_mel(hz) for hz in ticks], [f"{hz / 1000:g}" for hz in ticks])
    return panel.imshow(
        level.T,
        mpl.colormaps["magma"],
        # As wide as the figure: a patch of a second fills it like a piece of a minute.
        aspect="auto",
        origin="lower",
        extent=(0, secs, 0, _mel(sample_rate / 2)),
        vmin=-_TOP_DB,
        vmax=0,
    )


def _window_and_hop(sample_rate: int) -> tuple[int, int]:
    """Returns the frames of the analysis window, a power of two, and of a quarter of it."""
    window = window_frames(sample_rate)
    return window, window // 4


def _mel(hz: float) -> float:
    """Returns a frequency on the mel scale as TensorFlow has it (that of HTK)."""
    return 2595 * math.log10(1 + hz / 700)
