"""Learns the spectra of instruments from the training split of records, and keeps them beside it.

Axes: K sources, C channels, M windows, F frequencies, P spectra.
"""

import io
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from zipfile import BadZipFile

import numpy as np

from data_prep.audio import activity
from data_prep.records.full_tracks import TrackBlock, iter_tracks_in_blocks
from data_prep.records.manifest import Manifest, load_manifest
from data_prep.storage import Folder, open_folder
from data_prep.storage.files import Checksum
from data_prep.storage.folder import making
from evaluation.classical.factorisation import Floats32, learn_spectra
from evaluation.classical.samples import EvenSample, Rows
from evaluation.estimates.bars import make_bar
from evaluation.estimates.short_time import OVERLAP, cut_windows, hop_frames, transform

FILE_NAME = "nmf_dictionaries.npz"

# Of each instrument.
_NUM_SPECTRA = 32
# What they are learnt from: of each instrument so many windows, spread over all of its music. Of
# thirteen instruments at 22.05 kHz they take 110 MB.
_MOST_WINDOWS = 2048
_SEED = 0
# Of the file, and of what is learnt from the same records.
_VERSION = 1
# In the file, beside the spectra; no source is called so.
_MADE_FROM = "made from"


@dataclass(frozen=True)
class Dictionaries:
    """Holds the spectra of every source of a vocabulary."""

    sample_rate: int
    # (P, F) of each source, in the order of the vocabulary; one that was nowhere heard has none.
    spectra: Mapping[str, Floats32]

    def checksum(self) -> str:
        """Returns what tells them from others."""
        checksum = Checksum()
        for source, spectra in self.spectra.items():
            checksum.update(source.encode())
            checksum.update(np.ascontiguousarray(spectra).tobytes())
        return checksum.digest().crc32c


def open_dictionaries(folder: str) -> Dictionaries:
    """Returns the dictionaries of a folder of records, which are learnt where none are kept there.

    Args:
        folder: path or address of the records.

    Raises:
        ValueError: there are no records, or they cannot be read.
    """
    manifest = load_manifest(folder)
    records = open_folder(folder)
    made_from = _made_from(manifest)
    spectra = _read(records, made_from)
    if spectra is None:
        spectra = learn(manifest, folder)
        _keep(records, made_from, spectra)
    sources = manifest.layout.sources
    return Dictionaries(
        manifest.layout.sample_rate, {source: spectra[source] for source in sources}
    )


def learn(manifest: Manifest, folder: str) -> dict[str, Floats32]:
    """Learns the spectra (P, F) of every source, by its name; the same records give the same.

    Raises:
        ValueError: the records cannot be read.
    """
    layout = manifest.layout
    hop = hop_frames(layout.sample_rate)
    most = max(_MOST_WINDOWS // layout.channels, 1)
    samples = {source: EvenSample(most, _magnitudes) for source in layout.sources}
    num_frames = sum(track.num_frames for track in manifest.tracks("train"))
    with make_bar("spectra of instruments", num_frames / layout.sample_rate, stays=False) as bar:
        for track in iter_tracks_in_blocks(manifest, folder, "train"):
            for block in track.blocks:
                _add_sounding(block, samples, hop)
                bar.update(len(block.mixture) / layout.sample_rate)
    num_frequencies = OVERLAP * hop // 2 + 1
    return {source: _learn_source(sample, num_frequencies) for source, sample in samples.items()}


def _add_sounding(block: TrackBlock, samples: Mapping[str, EvenSample], hop: int) -> None:
    """Adds the windows of a block in which a source sounds to the sample of that source."""
    for source, waveform in block.sources.items():
        if len(waveform) < OVERLAP * hop:
            # The end of a track, with no room for a window.
            continue
        # (M, C, window)
        windows = cut_windows(waveform[None], hop)[0]
        samples[source].add(windows[activity.rms_db(windows) > activity.INAUDIBLE_DBFS])


def _magnitudes(windows: Rows) -> Rows:
    """Returns the magnitudes (M, C, F) of windows (M, C, window)."""
    return np.abs(transform(windows)).astype(np.float32)


def _learn_source(sample: EvenSample, num_frequencies: int) -> Floats32:
    rows = sample.rows()
    if rows is None:
        return np.zeros((0, num_frequencies), np.float32)
    # (M, C, F) -> (M C, F)
    return learn_spectra(rows.reshape(-1, num_frequencies), _NUM_SPECTRA, _SEED)


def _made_from(manifest: Manifest) -> str:
    """Returns what the spectra depend on, as text."""
    values = {
        "version": _VERSION,
        "shards": [[shard.name, shard.crc32c] for shard in manifest.shards["train"]],
        "sources": manifest.layout.sources,
        "sample_rate": manifest.layout.sample_rate,
        "spectra": _NUM_SPECTRA,
        "windows": _MOST_WINDOWS,
        "seed": _SEED,
    }
    return json.dumps(values, sort_keys=True)


def _read(records: Folder, made_from: str) -> dict[str, Floats32] | None:
    """Returns what is kept; None where nothing is, or where it is of other records or damaged."""
    present = records.stat(FILE_NAME)
    if present is None:
        return None
    content = records.read_part(FILE_NAME, 0, present.num_bytes)
    try:
        with np.load(io.BytesIO(content)) as file:
            arrays = {name: file[name] for name in file.files}
    except (BadZipFile, ValueError, OSError, EOFError):
        return None
    if str(arrays.pop(_MADE_FROM, "")) != made_from:
        return None
    return arrays


def _keep(records: Folder, made_from: str, spectra: Mapping[str, Floats32]) -> None:
    """Keeps spectra beside the records, or says why not: they may be another's."""
    try:
        with making(records, FILE_NAME) as path, path.open("wb") as file:
            np.savez(file, **{_MADE_FROM: np.array(made_from), **spectra})
    except OSError as error:
        print(
            f"note: {records.url}/{FILE_NAME} cannot be written ({error.strerror}); the spectra "
            "will be learnt again the next time.",
            file=sys.stderr,
            flush=True,
        )
