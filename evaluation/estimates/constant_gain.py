"""Learns the constant gain, the cheapest rival of a network: the mixture times a number per source.

The number is the gain of the source against the mixture that is best by least squares over the
training split,

    g_k = sum <s_k, x> / sum <x, x>                                                         (1)

with the mixture x and the source s_k. Both sums run over all frames and channels of those tracks of
the split that have k among their labels, also over frames in which k rests. A source that is in no
such track has the gain 0, and so has one whose tracks are silent.

Axes: T frames, C channels.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from configs.reading import parse_object
from data_prep.audio.tracks import Waveform
from data_prep.records.full_tracks import iter_tracks_in_blocks
from data_prep.records.manifest import Manifest
from data_prep.runtime.quantities import pluralized
from data_prep.storage import Folder, is_bucket
from data_prep.storage.files import replacing
from evaluation.estimates.bars import make_bar
from evaluation.estimates.opened_run import OpenedRun, find_training_records

FILE_NAME = "constant_gain.json"
# Of that file, and of what the gains are.
SCHEMA_VERSION = 1
# What they are learnt from.
_SPLIT = "train"

# By the name of the source, in the order of the slots.
Gains = Mapping[str, float]


@dataclass(frozen=True)
class ConstantGain:
    """Holds the gains that were learnt for a run, or says why there are none."""

    # Empty where there are none.
    gains: Gains
    # What they were learnt from, in words, or why they were not.
    words: str


def constant_gain_of(opened: OpenedRun) -> ConstantGain:
    """Returns the gains of the records that a run was trained on.

    They are learnt once and kept in a file. One of other records, or one that was changed, is not
    believed but replaced.

    Args:
        opened: the run. Its training records are sought in the folder of the tracks that are
            scored, then where they were when the run began.

    Returns:
        The gains; none where these records are in neither folder, which a printed sentence says.

    Raises:
        ValueError: a training record is damaged, or holds values that are not finite numbers.
    """
    manifest = opened.training_manifest
    num_tracks = pluralized(len(manifest.tracks(_SPLIT)), "track")
    words = f"the {num_tracks} of the training split, at {manifest.layout.sample_rate:,} Hz"
    made_from = _identity(manifest)
    kept = _read(opened.shared, made_from)
    if kept is not None:
        return ConstantGain(kept, words)
    folder = find_training_records(opened)
    if folder is None:
        trained_on = "the records that the run was trained on"
        if opened.run.imported is not None:
            trained_on = "training records"
        why_none = f"{trained_on} are not in {' or '.join(opened.training_places)}"
        print(f"note: the constant gain is left out: {why_none}.", flush=True)
        return ConstantGain({}, why_none)
    gains = learn_gains(manifest, folder)
    _keep(opened.shared, made_from, gains)
    print(f"constant gain learnt from {words}", flush=True)
    return ConstantGain(gains, words)


def learn_gains(manifest: Manifest, folder: str) -> dict[str, float]:
    """Computes equation (1) for every source, one record at a time, and shows how far it is.

    Args:
        manifest: of the records.
        folder: of the records, on a disk or in a bucket.

    Raises:
        ValueError: a record is damaged, or holds values that are not finite numbers.
    """
    sources = manifest.layout.sources
    rate = manifest.layout.sample_rate
    # <s_k, x> and <x, x> of equation (1), over the tracks so far.
    products = dict.fromkeys(sources, 0.0)
    energies = dict.fromkeys(sources, 0.0)
    secs = sum(track.num_frames for track in manifest.tracks(_SPLIT)) / rate
    with make_bar("constant gain", secs, stays=False) as bar:
        for track in iter_tracks_in_blocks(manifest, folder, _SPLIT):
            for block in track.blocks:
                energy = _product(block.mixture, block.mixture)
                for source in track.labels:
                    energies[source] += energy
                # A source that rests in the block is not there, and adds nothing.
                for source, waveform in block.sources.items():
                    products[source] += _product(waveform, block.mixture)
                bar.update(len(block.mixture) / rate)
            if not all(map(math.isfinite, (*products.values(), *energies.values()))):
                raise ValueError(
                    f"the records of {track.name} in {folder} hold values that are not finite "
                    "numbers; write the records again."
                )
    gains = dict.fromkeys(sources, 0.0)
    for source in sources:
        if energies[source] > 0:
            gains[source] = products[source] / energies[source]
    return gains


def _product(one: Waveform, other: Waveform) -> float:
    """Returns the inner product of two waveforms (T, C), in float64 whatever they are in."""
    # A product of matrices has threads, which wait for each other on a busy machine.
    return float(np.einsum("tc,tc->", one, other, dtype=np.float64))


def _identity(manifest: Manifest) -> str:
    """Returns a checksum of what gains depend on: the training records, and what a gain is."""
    shards = [[shard.name, shard.crc32c] for shard in manifest.shards.get(_SPLIT, ())]
    return _checksum([SCHEMA_VERSION, shards, manifest.layout.sources])


def _read(folder: Folder, made_from: str) -> Gains | None:
    """Returns the gains of some records if the file has them as they were written, else None."""
    text = folder.read_text(FILE_NAME)
    if text is None:
        return None
    try:
        gains = parse_object(text, FILE_NAME).get("gains")
    except ValueError:
        return None
    if not isinstance(gains, dict) or text != _text(made_from, gains):
        return None
    return gains


def _keep(folder: Folder, made_from: str, gains: Gains) -> None:
    """Writes the file; whoever reads it meanwhile finds the old one or the new one whole."""
    text = _text(made_from, gains)
    if is_bucket(folder.url):
        folder.write_text(FILE_NAME, text)
        return
    # Not by way of a scratch folder, which another evaluation of the run might remove.
    with replacing(Path(folder.url) / FILE_NAME) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def _text(made_from: str, gains: Gains) -> str:
    """Returns the text of the file: a number is written with the digits that bring it back."""
    said = {"schema_version": SCHEMA_VERSION, "made_from": made_from, "gains": gains}
    return json.dumps({**said, "checksum": _checksum(said)}, indent=1) + "\n"


def _checksum(values: Any) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]
