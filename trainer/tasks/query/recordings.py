"""Finds a recording of each instrument to ask with, out of the training tracks of records."""

from collections.abc import Mapping

import numpy as np

from data_prep.audio.tracks import Waveform
from data_prep.records.full_tracks import owned_block
from data_prep.records.manifest import Manifest


def loudest_recordings(manifest: Manifest, folder: str, secs: float) -> Mapping[str, Waveform]:
    """Returns the loudest seconds of every instrument that the training split has, (T, C).

    Of each record they begin at a whole second of what it owns. Where nothing is as long, it is
    shorter.

    Args:
        manifest: of the records.
        folder: theirs.
        secs: that a recording has.

    Raises:
        ValueError: a record cannot be read.
    """
    rate = manifest.layout.sample_rate
    frames = round(secs * rate)
    loudest: dict[str, tuple[float, Waveform]] = {}
    for record in manifest.iter_records(folder, "train"):
        for name, waveform in owned_block(record, manifest.layout).sources.items():
            for start in range(0, max(len(waveform) - frames, 0) + 1, rate):
                part = waveform[start : start + frames]
                energy = float(np.sum(np.square(part, dtype=np.float64)))
                if energy > loudest.get(name, (0.0, part))[0]:
                    loudest[name] = (energy, part.copy())
    known = [name for name in manifest.layout.sources if name in loudest]
    return {name: loudest[name][1] for name in known}
