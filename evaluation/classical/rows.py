"""Puts the estimates of classical methods beside those of a system, to be scored like these.

What a method calls its two stems says nothing of a vocabulary: they are given to its sources in the
order that fits the references better, and the name of the row says so.

Axes: K sources of the vocabulary, J stems of a method, T frames, C channels.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from data_prep.audio.tracks import BLOCK_FRAMES, AudioFormat, Waveform
from data_prep.runtime.quantities import pluralized
from evaluation.classical.blind_nmf import assign, learn_of_mixture
from evaluation.classical.dictionaries import Dictionaries
from evaluation.classical.methods import name_method
from evaluation.classical.names import BEST_ORDER, BLIND_NMF, NMF
from evaluation.classical.nmf import DictionaryNmf
from evaluation.classical.separator import ClassicalSeparator
from evaluation.estimates.bars import watch
from evaluation.estimates.track_on_disk import Files, TrackOnDisk, write_blocks

# They tell components apart by their channels.
_OF_CHANNELS = ("ica", "pca")


@dataclass(frozen=True)
class ClassicalRows:
    """Says which methods are scored."""

    # None: NMF has learnt from no records.
    dictionaries: Dictionaries | None
    # Those that make two stems, by the name of their row.
    two_stems: dict[str, ClassicalSeparator]
    # Why others are not scored, a sentence each.
    left_out: tuple[str, ...]

    def identity(self) -> dict[str, str]:
        """Returns what the rows depend on beside the tracks and the code, as plain values."""
        if self.dictionaries is None:
            return {}
        return {NMF: self.dictionaries.checksum()}

    def add(self, track: TrackOnDisk, scratch: Path) -> TrackOnDisk:
        """Returns a track with the estimates of every method, and shows how far each is.

        Args:
            track: with its references, and the estimates of a system.
            scratch: folder of the files, which those of the next track replace.

        Raises:
            ValueError: a file of the track cannot be read.
        """
        made: dict[str, Files] = {}
        present = track.references.keys() | track.sums.keys()
        playing = [source for source in track.vocabulary if source in present]
        if playing and self.dictionaries is not None:
            made[NMF] = _write_nmf(track, DictionaryNmf(self.dictionaries), playing, scratch)
        if playing:
            made[BLIND_NMF] = _write_blind_nmf(track, playing, scratch)
        for row, separator in self.two_stems.items():
            made[row] = _write_two_stems(track, row, separator, scratch)
        # What no system has an estimate of is not scored, and is not to be because of these.
        scored = track.scored
        for row, files in made.items():
            made[row] = {source: path for source, path in files.items() if source in scored}
        return replace(track, systems={**track.systems, **made})


def choose_rows(
    vocabularies: Collection[Sequence[str]], channels: int, dictionaries: Dictionaries | None
) -> ClassicalRows:
    """Chooses the methods that can separate tracks.

    Args:
        vocabularies: the sources of every track.
        channels: of all tracks.
        dictionaries: of NMF; None where there are no records to learn from.
    """
    left_out = []
    if dictionaries is None:
        left_out.append(
            "NMF is left out: it learns how each source sounds from the training split of records, "
            "and there are none."
        )
    names = list(BEST_ORDER)
    numbers = sorted({len(vocabulary) for vocabulary in vocabularies})
    if numbers != [2]:
        found = " or ".join(map(str, numbers))
        left_out.append(
            f"ICA, PCA, HPSS and REPET are left out: each makes two stems, and the tracks have "
            f"{found} sources."
        )
        names = []
    elif channels != 2:
        left_out.append(
            "ICA and PCA are left out: they tell two sources apart by how they lie in two "
            f"channels, and the tracks have {pluralized(channels, 'channel')}."
        )
        names = [name for name in names if name not in _OF_CHANNELS]
    two_stems = {BEST_ORDER[name]: name_method(name).load() for name in names}
    return ClassicalRows(dictionaries, two_stems, tuple(left_out))


def _write_nmf(
    track: TrackOnDisk, separator: DictionaryNmf, playing: Sequence[str], scratch: Path
) -> Files:
    """Writes the estimates of the sources that play."""
    blocks = separator.iter_stream_separated(_iter_mixture(track), track.sample_rate, playing)
    slots = [separator.sources.index(source) for source in playing]
    chosen = (block[slots] for block in blocks)
    return _write(track, NMF, playing, chosen, scratch)


def _write_blind_nmf(track: TrackOnDisk, playing: Sequence[str], scratch: Path) -> Files:
    """Writes the estimates of the sources that play; one without any component is silent."""
    rate = track.sample_rate
    spectra = learn_of_mixture(_iter_mixture(track), rate, len(playing))
    slots = [track.vocabulary.index(source) for source in playing]
    owners = assign(spectra, _iter_beside(track, slots), rate, len(playing))
    of_sources = {source: spectra[owners == j] for j, source in enumerate(playing)}
    separator = DictionaryNmf(Dictionaries(rate, of_sources))
    blocks = separator.iter_stream_separated(_iter_mixture(track), rate, None)
    return _write(track, BLIND_NMF, playing, blocks, scratch)


def _write_two_stems(
    track: TrackOnDisk, row: str, separator: ClassicalSeparator, scratch: Path
) -> Files:
    """Writes two stems, each as the estimate of one source of two."""
    audio_format = AudioFormat(track.sample_rate, track.channels)
    for_track = separator.for_song(lambda: _iter_mixture(track), audio_format)
    # Of each stem and each source: the sum of their product.
    products = np.zeros((len(separator.sources), len(track.vocabulary)))

    def iter_measured() -> Iterator[Waveform]:
        start = 0
        blocks = for_track.iter_stream_separated(_iter_mixture(track), track.sample_rate, None)
        for block in blocks:
            stop = start + block.shape[1]
            if stop > start:
                references = track.read_references(start, stop)
                products[:] += np.einsum("jtc,ktc->jk", block, references)
            start = stop
            yield block

    files = _write(track, row, separator.sources, iter_measured(), scratch)
    # The sum of |s - e|^2 over both is least where the sum of their products is largest, as the
    # energies of stems and of sources are the same in any order.
    stems, slots = linear_sum_assignment(products, maximize=True)
    return {
        track.vocabulary[slot]: files[separator.sources[stem]]
        for stem, slot in zip(stems, slots, strict=True)
    }


def _write(
    track: TrackOnDisk,
    row: str,
    names: Sequence[str],
    blocks: Iterator[Waveform],
    scratch: Path,
) -> dict[str, Path]:
    """Writes blocks (J, frames, C) to files, by the name of each of J waveforms."""
    # A name of a row is none of a file, as it may hold anything.
    plain = "".join(letter if letter.isalnum() else "-" for letter in row)
    files = {name: scratch / f"{plain}-{j}.wav" for j, name in enumerate(names)}
    watched = watch(blocks, f"{track.name}: {row}", track.num_frames, track.sample_rate)
    named = (dict(zip(names, block, strict=True)) for block in watched)
    write_blocks(files, track.sample_rate, track.channels, named)
    return files


def _iter_mixture(track: TrackOnDisk) -> Iterator[Waveform]:
    """Returns the mixture of a track in consecutive blocks (frames, C)."""
    return _iter_beside(track, [])


def _iter_beside(track: TrackOnDisk, slots: Sequence[int]) -> Iterator[Waveform]:
    """Yields blocks (frames, (1 + J) C): the channels of the mixture, then those of J sources."""
    for start in range(0, track.num_frames, BLOCK_FRAMES):
        stop = min(start + BLOCK_FRAMES, track.num_frames)
        references = track.read_references(start, stop)
        mixture = track.read_mixture(start, stop, references)
        beside = np.concatenate([mixture[None], references[slots]])
        # (1 + J, T, C) -> (T, (1 + J) C)
        yield beside.swapaxes(0, 1).reshape(stop - start, -1).astype(np.float32)
