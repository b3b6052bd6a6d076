"""Separates waveforms of other programs: what ``evaluation.load_separator`` returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from data_prep.audio.tracks import Waveform
from evaluation.recognition.recognition_flag import AUTO
from evaluation.songs.networks import NamedNetwork, name_runs, name_untrained
from trainer.loop.workdir import require_run

# It imports TensorFlow, for which whoever imports this module does not wait.
if TYPE_CHECKING:
    from evaluation.recognition.recogniser import Recogniser
    from trainer.inference.base import BaseSeparator

# Of a waveform: (seconds that are done, seconds of all of it).
Progress = Callable[[float, float], None]


class LoadedSeparator:
    """Is the network of a run as a function of waveforms, and a tagger that listens for it, if any.

    Attributes:
        sources: the names of what it estimates, which are its labels too.
        sample_rate: that it was trained at; waveforms may have any.
        channels: that it hears together, 1 or 2; waveforms may have any number.
        step: how many steps of training its weights have seen, of several runs those of the first.
    """

    def __init__(self, separator: BaseSeparator, recogniser: Recogniser | None = None) -> None:
        """Wraps a separator, and what hears its labels; :func:`load_separator` makes one."""
        self._separator = separator
        self._recogniser = recogniser
        self.sources: tuple[str, ...] = separator.sources
        self.sample_rate: int = separator.config.audio.sample_rate
        self.channels: int = separator.config.audio.channels
        self.step: int = separator.step

    def __call__(
        self,
        waveform: ArrayLike,
        sample_rate: int,
        labels: Sequence[str] | str | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Waveform]:
        """Estimates the sources of a waveform.

        Args:
            waveform: (frames, channels), or (frames,) for one channel; full scale is 1.
            sample_rate: of the waveform, in Hz.
            labels: the instruments that play, or ``auto``: those that the tagger hears, which None
                means where there is a tagger, and elsewhere that they are not known.
            progress: is called after each stretch with the seconds that are done, and all seconds.

        Returns:
            By the name of each source its estimate, float32, of the shape and rate of the waveform.

        Raises:
            ValueError: the waveform is empty, of another shape, or holds values that are no finite
                numbers; a label is unknown; the network never learnt to do without labels; or
                there is no tagger to hear them.
        """
        whole = np.asarray(waveform, np.float32)
        # (T,) -> (T, 1)
        columns = whole[:, None] if whole.ndim == 1 else whole
        if labels == AUTO or (labels is None and self._recogniser is not None):
            labels = self.listen(columns, sample_rate)
        parts: dict[str, list[Waveform]] = {source: [] for source in self.sources}
        num_done = 0
        for block in self.stream([columns], sample_rate, labels):
            for source, part in block.items():
                parts[source].append(part)
            num_done += len(part)
            if progress is not None:
                progress(num_done / sample_rate, len(columns) / sample_rate)
        return {
            source: np.concatenate(found).reshape(whole.shape) for source, found in parts.items()
        }

    def listen(self, waveform: ArrayLike, sample_rate: int) -> tuple[str, ...]:
        """Returns the sources that the tagger hears in a waveform, which may be none.

        Args:
            waveform: (frames, channels), or (frames,) for one channel; full scale is 1.
            sample_rate: of the waveform, in Hz.

        Raises:
            ValueError: there is no tagger, or the waveform is refused as by calling the separator.
        """
        if self._recogniser is None:
            raise ValueError(
                f"labels={AUTO!r} needs a run that hears which instruments play; name one with "
                "load_separator(..., tagger=RUN), or name the instruments."
            )
        whole = np.asarray(waveform, np.float32)
        columns = _require_waveform(whole[:, None] if whole.ndim == 1 else whole)
        _require_rate(sample_rate)
        return self._recogniser.listen([columns], sample_rate).labels

    def stream(
        self,
        blocks: Iterable[ArrayLike],
        sample_rate: int,
        labels: Sequence[str] | None = None,
    ) -> Iterator[dict[str, Waveform]]:
        """Yields the estimates of a waveform that comes in blocks, for what is too long for memory.

        Args:
            blocks: consecutive ones of the waveform, (frames, channels), of any lengths.
            sample_rate: of the waveform, in Hz.
            labels: the instruments that play; None: not known. They are named where there is a
                tagger, too, as it listens to a waveform as a whole before any is separated.

        Yields:
            Consecutive blocks by the name of each source, (frames, channels), as many frames
            together as came. Their lengths are those of the network's windows.

        Raises:
            ValueError: as from calling the separator, or labels are left to a tagger.
        """
        if labels == AUTO or (labels is None and self._recogniser is not None):
            raise ValueError(
                "a stream is separated as it comes, and a tagger hears a waveform as a whole "
                "first; name the instruments that play, or give all of it at once."
            )
        checked = (_require_waveform(np.asarray(block, np.float32)) for block in blocks)
        _require_rate(sample_rate)
        for estimates in self._separator.iter_stream_separated(checked, sample_rate, labels):
            yield dict(zip(self.sources, estimates, strict=True))


def load_separator(
    workdir: str | Sequence[str],
    checkpoint: str = "best",
    weights: str = "average",
    passes: int = 1,
    tagger: str | None = None,
) -> LoadedSeparator:
    """Restores the network of a run, or those of several, whose estimates are averaged.

    Args:
        workdir: path or ``gs://`` address of the run, or several that have the same sources, rate
            and channels.
        checkpoint: ``best`` (in validation), ``latest``, or a number of steps.
        weights: ``average``, the moving average where the run kept one, or ``raw``.
        passes: how often each network hears a waveform, each time shifted otherwise; the estimates
            are averaged.
        tagger: path or address of a run that hears which instruments play, for who does not name
            them.

    Raises:
        ValueError: there is no such run or checkpoint, it is damaged, the runs do not estimate the
            same, there are not so many passes, or the tagger does not know what they estimate.
    """
    workdirs = [workdir] if isinstance(workdir, str) else workdir
    heard_by = "" if tagger is None else require_run(tagger)
    return _load(name_runs(workdirs, checkpoint, weights, passes, tagger=heard_by))


def untrained_separator(
    config: str, overrides: Sequence[str] = (), passes: int = 1
) -> LoadedSeparator:
    """Makes the network of an experiment with random weights: what training must improve on.

    Args:
        config: name of the experiment, such as ``smoke``.
        overrides: of its fields, ``section.field=value``; ``train.seed`` gives the weights.
        passes: as of :func:`load_separator`.

    Raises:
        ValueError: there is no such experiment, an override makes no sense, or there are not so
            many passes.
    """
    return _load(name_untrained(config, overrides, passes))


def _load(named: NamedNetwork) -> LoadedSeparator:
    return LoadedSeparator(named.load_told(), named.load_recogniser())


def _require_rate(sample_rate: int) -> None:
    if not sample_rate > 0:
        raise ValueError(f"expected a sample rate in Hz, above 0; got {sample_rate}.")


def _require_waveform(block: Waveform) -> Waveform:
    if block.ndim != 2 or block.size == 0:
        raise ValueError(
            f"expected a waveform of the shape (frames, channels), or (frames,) of one channel, "
            f"with at least one frame; got the shape {block.shape}."
        )
    if not np.isfinite(block).all():
        raise ValueError("the waveform holds values that are not finite numbers.")
    return block
