"""Separate audio files with a trained network; every estimate has the rate, channels and length of its file.

    python -m evaluation.separate --workdir=runs/urmp_labels song.wav --labels=vn,vc --out=stems

writes stems/song/vn.wav and stems/song/vc.wav.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import chain
from pathlib import Path

import av
import numpy as np
import soxr
from absl import flags
from numpy.typing import NDArray

from configs import Config, instruments
from configs.schema import WEIGHTS
from data_prep import command
from data_prep.storage import is_bucket, making, open_folder
from data_prep.tracks import Waveform
from evaluation.progress import watch
from evaluation.stored import write_blocks
from trainer.checkpoints import restore_network
from trainer.conditioning import UNKNOWN
from trainer.tiling import make_block_estimator
from trainer.wave_unet import make_network
from trainer.workdir import load_run

FLAGS = flags.FLAGS


class Separator:
    """A trained network as a function of waveforms."""

    def __init__(self, workdir: str, checkpoint: str = "best", weights: str = "average") -> None:
        """Restore the network of a run; ``ValueError`` where there is none."""
        self.config: Config = load_run(workdir).config
        network = make_network(self.config)
        self.step = restore_network(workdir, network, checkpoint, weights)
        found = hashlib.sha256()
        for weight in network.weights:
            found.update(weight.numpy().tobytes())
        self.checksum = found.hexdigest()  # of the weights
        self._iter_blocks = make_block_estimator(network, self.config.model.geometry())

    def label_vector(self, labels: Sequence[str] | None) -> NDArray[np.float32]:
        """The vector (K,) that the network takes for labels, or for not knowing them (None).

        Raises:
            ValueError: a label is unknown, or the network never learnt to do without labels.
        """
        sources = self.config.data.sources
        if labels is not None:
            return np.array(instruments.multi_hot(labels, sources), np.float32)
        if not self.config.takes_unknown_labels:
            raise ValueError(
                "this network was trained to be told the instruments and never without (train.label_dropout is 0); "
                f"name them with --labels, of {', '.join(sources)}."
            )
        return np.full(len(sources), UNKNOWN, np.float32)

    def estimate(self, mixture: Waveform, labels: Sequence[str] | None) -> Waveform:
        """Estimates (K, T, C) of a mixture (T, C) at the rate and channels of the records; see ``label_vector``."""
        return np.concatenate(list(self.iter_blocks(mixture, labels)), axis=1)

    def iter_blocks(self, mixture: Waveform, labels: Sequence[str] | None) -> Iterator[Waveform]:
        """The same in consecutive blocks (K, frames, C), for estimates that do not fit in memory."""
        return self._iter_blocks(mixture, self.label_vector(labels))

    def separate(self, waveform: Waveform, sample_rate: int, labels: Sequence[str] | None) -> Waveform:
        """Estimates (K, T, C) of a waveform (T, C) of any rate, length and channel count.

        A mono network separates each channel by itself; a stereo network hears a mono file twice, and the mean of
        its two channels is returned.
        """
        return np.concatenate(list(self.iter_separated(waveform, sample_rate, labels)), axis=1)

    def iter_separated(self, waveform: Waveform, sample_rate: int, labels: Sequence[str] | None) -> Iterator[Waveform]:
        """The same in consecutive blocks (K, frames, C), for estimates that do not fit in memory."""
        rate, channels = self.config.audio.sample_rate, self.config.audio.channels
        blocks: Iterator[Waveform]
        resampled = soxr.resample(waveform, sample_rate, rate, quality="HQ")
        if channels == 1:
            by_channel = [self.iter_blocks(resampled[:, [c]], labels) for c in range(waveform.shape[1])]
            blocks = (np.concatenate(parts, axis=2) for parts in zip(*by_channel, strict=True))
        elif waveform.shape[1] == 1:
            twice = self.iter_blocks(np.repeat(resampled, 2, axis=1), labels)
            blocks = (block.mean(axis=2, keepdims=True) for block in twice)
        elif waveform.shape[1] == 2:
            blocks = self.iter_blocks(resampled, labels)
        else:
            raise ValueError(f"the file has {waveform.shape[1]} channels; a stereo network separates 1 or 2.")
        return _fit(_resample(blocks, rate, sample_rate), len(waveform))


def _resample(blocks: Iterator[Waveform], rate: int, sample_rate: int) -> Iterator[Waveform]:
    """Consecutive blocks (K, frames, C) at another rate, the same as if each of the K were resampled whole."""
    first = next(blocks)
    streams = [soxr.ResampleStream(rate, sample_rate, first.shape[2], quality="HQ") for _ in first]

    def convert(block: Waveform, last: bool) -> Waveform:
        parts = zip(streams, np.ascontiguousarray(block), strict=True)
        return np.stack([stream.resample_chunk(part, last=last) for stream, part in parts])

    yield from (convert(block, last=False) for block in chain([first], blocks))
    yield convert(first[:, :0], last=True)


def _fit(blocks: Iterator[Waveform], num_frames: int) -> Iterator[Waveform]:
    """Consecutive blocks (K, frames, C) of so many frames together: the end cut off, or zeros behind it."""
    for block in blocks:
        kept = block[:, :num_frames]
        num_frames -= kept.shape[1]
        yield kept
    yield np.zeros((len(kept), num_frames, kept.shape[2]), np.float32)


def read_audio(path: Path) -> tuple[Waveform, int]:
    """The first audio stream of a file: (T, C) float32 and its rate.

    Raises:
        ValueError: the file is missing, holds no audio or cannot be decoded.
    """
    if not path.is_file():
        raise ValueError(f"there is no file {path}.")
    try:
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            resampler = av.AudioResampler(format="fltp")
            decoded = [*container.decode(stream), None]  # None hands over what the resampler still holds
            blocks = [part.to_ndarray() for frame in decoded for part in resampler.resample(frame)]
            rate = stream.rate
    except (av.FFmpegError, IndexError, OSError) as error:
        why = getattr(error, "strerror", None) or "it has no audio stream"  # else the number of the error comes first
        raise ValueError(
            f"{path} is no sound file that can be decoded ({why}); expected wav, flac, mp3 or m4a."
        ) from error
    waveform = np.concatenate(blocks, axis=1).T.astype(np.float32) if blocks else np.zeros((0, 1), np.float32)
    if not len(waveform):
        raise ValueError(f"{path} holds no audio frames.")
    if not np.isfinite(waveform).all():
        raise ValueError(f"{path} holds values that are not finite numbers.")
    return waveform, rate


def separate_files(
    separator: Separator, paths: Sequence[Path], labels: Sequence[str] | None, out: str | Path
) -> list[str]:
    """Write ``OUT/FILE/SOURCE.wav`` for every file and label, or for every source where labels are None.

    In float, because an estimate may exceed full scale and clipping would be an error of the file alone.

    Returns:
        The paths or addresses of what was written.

    Raises:
        ValueError: a label is unknown or a file cannot be read; nothing is written for that file.
    """
    if twice := [path.stem for path in paths if [other.stem for other in paths].count(path.stem) > 1]:
        raise ValueError(f"two files are called {twice[0]!r}; separate them into different folders with --out.")
    separator.label_vector(labels)  # before the first file is read
    sources = separator.config.data.sources
    chosen = [name for name in sources if labels is None or name in labels]
    written = []
    for path in paths:
        waveform, rate = read_audio(path)
        blocks = watch(separator.iter_separated(waveform, rate, labels), path.name, len(waveform), rate)
        with ExitStack() as stack:
            folder = stack.enter_context(closing(open_folder(f"{out}/{path.stem}")))
            targets = {name: stack.enter_context(making(folder, f"{name}.wav")) for name in chosen}
            write_blocks(targets, rate, waveform.shape[1], (dict(zip(sources, block, strict=True)) for block in blocks))
            written += [f"{folder.url}/{name}.wav" for name in chosen]
        print(f"{path.name}: {', '.join(chosen)} -> {folder.url}", flush=True)
    return written


def main(arguments: Sequence[str]) -> None:
    """Flags -> separator -> one call."""
    paths = [Path(argument) for argument in arguments[1:]]
    if not paths:
        raise ValueError("name at least one audio file to separate.")
    out = open_folder(FLAGS.out)
    if is_bucket(out.url):
        out.check()
    separator = Separator(open_folder(FLAGS.workdir).url, FLAGS.checkpoint, FLAGS.weights)
    labels = None
    if FLAGS.labels is not None:
        labels = [label.strip() for label in FLAGS.labels.split(",") if label.strip()]
        if not labels:
            raise ValueError("--labels names nothing; leave it out where the instruments are not known.")
    separate_files(separator, paths, labels, out.url)


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "folder of the run", required=True)
    flags.DEFINE_string(
        "labels", None, "instruments that play, separated by commas; leave out where they are not known"
    )
    flags.DEFINE_string("out", "separated", "folder to write to")
    flags.DEFINE_string("checkpoint", "best", "best (in validation), latest, or a number of steps")
    flags.DEFINE_enum("weights", "average", WEIGHTS, "the moving average where the run kept one, or the raw weights")
    command.run(main, takes_files=True)
