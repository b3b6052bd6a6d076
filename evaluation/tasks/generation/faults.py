"""Names what is wrong with sounds that a run draws, each fault by a rule that a page can print.

Axes: N sounds, T frames, J columns, F bins.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from evaluation.document.numbers import decibels, percent
from evaluation.tasks.generation.resemblance import Resemblance
from evaluation.tasks.generation.sound_sets import SoundSet
from trainer.tasks.generation.distances import WINDOW_FRAMES, Levels
from trainer.tasks.generation.sounds import Sounds

# Drawn sounds are this much nearer to each other than training sounds are, or less.
_COLLAPSED = 1 / 3
# A line is so far above the median of so many bins on either side.
LINE_DB = 20.0
_BINS_AROUND = 16
# The window smears a line over so many bins on either side.
_BINS_OF_A_LINE = 2
# Energy before the attack over that of the sound.
CLICK_DB = -40.0
# A real sound rises before its peak.
_RISE_SECS = 0.005
# Of training sounds, of which one of twenty may begin even earlier ...
_USUAL = 95
# ... and of drawn ones, of which a quarter may not.
_MOST_CLICKS = 0.25
SILENT_DBFS = -40.0
_MOST_SILENT = 0.01
# Drawn sounds are this much nearer to training sounds than these to each other, or less.
_MEMORISED = 1 / 2
# Of levels of nothing.
_LEAST_POWER = 1e-12

Floats = NDArray[np.float64]


class Fault(NamedTuple):
    """Says whether drawn sounds have a fault, and by which figure."""

    name: str
    is_found: bool
    # A clause that says what was found.
    found: str
    # The rule in words.
    rule: str


def find_faults(
    drawn: SoundSet,
    training: SoundSet,
    alike: Resemblance,
    num_active: int | None,
    sample_rate: int,
    attack_secs: float,
) -> list[Fault]:
    """Looks for each fault that has a name.

    Args:
        drawn: sounds by dice.
        training: the sounds that the run has learnt from.
        alike: how the drawn ones lie among real ones.
        num_active: numbers that differ from sound to sound; None where the run hears no sounds.
        sample_rate: of all sounds.
        attack_secs: where the peak of a sound is.
    """
    return [
        find_collapse(alike.drawn.apart_db, alike.training.apart_db, num_active),
        find_comb(drawn.levels, training.levels, sample_rate),
        find_click(drawn.sounds, training.sounds, sample_rate, attack_secs),
        find_silence(drawn.sounds),
        find_memorising(alike.drawn.to_training_db, alike.training.to_training_db),
    ]


def find_collapse(drawn_db: float, training_db: float, num_active: int | None) -> Fault:
    """Says whether all drawn sounds are nearly the same one.

    Args:
        drawn_db: the median distance of two drawn sounds. The nearest ones say nothing: of many
            sounds of a few numbers some are always alike.
        training_db: the same of training sounds.
        num_active: numbers that differ from sound to sound; None where nobody knows.
    """
    found = (
        f"two drawn sounds are {decibels(drawn_db)} dB apart, two training sounds "
        f"{decibels(training_db)} dB"
    )
    if num_active == 0:
        found += ", and no number differs from sound to sound"
    return Fault(
        "collapse",
        num_active == 0 or drawn_db < _COLLAPSED * training_db,
        found,
        "No number of sounds is active, or the median distance of two drawn sounds is less than a "
        "third of that of two training sounds.",
    )


def find_comb(drawn: Levels, training: Levels, sample_rate: int) -> Fault:
    """Says whether drawn sounds, (N, J, F) in dB, share a line that training sounds do not have."""
    heights = line_heights(drawn)
    # A line of the training sounds may be a bin away.
    known = maximum_filter1d(line_heights(training), 2 * _BINS_OF_A_LINE + 1)
    is_line = (heights > LINE_DB) & (known <= LINE_DB)
    # Where there is none, the highest place is named.
    bin_number = int(np.where(is_line, heights, heights - 1000).argmax())
    hertz = bin_number * sample_rate / WINDOW_FRAMES
    found = (
        f"at {hertz:,.0f} Hz the mean spectrum is {decibels(heights[bin_number])} dB above its "
        f"neighbours, that of training sounds {decibels(known[bin_number])} dB"
    )
    return Fault(
        "comb",
        bool(is_line.any()),
        found,
        f"A bin of the mean of levels over drawn sounds and time is more than {LINE_DB:g} dB above "
        f"the median of {_BINS_AROUND} bins on either side, and nothing there is in that of "
        f"training sounds.",
    )


def line_heights(levels: Levels) -> Floats:
    """Returns how far the mean level of each bin is above the median around it, (F,), in dB."""
    mean = levels.mean(axis=(0, 1), dtype=np.float64)
    # Beyond the ends there is nothing to compare with.
    padded = np.pad(mean, _BINS_AROUND, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _BINS_AROUND + 1)
    return np.asarray(mean - np.nanmedian(windows, axis=1))


def find_click(drawn: Sounds, training: Sounds, sample_rate: int, attack_secs: float) -> Fault:
    """Says whether drawn sounds (N, T) begin before their attack, as training sounds do not."""
    num_frames = _early_frames(sample_rate, attack_secs)
    known = early_levels(training, num_frames)
    limit = max(CLICK_DB, float(np.percentile(known, _USUAL)))
    share = float(np.mean(early_levels(drawn, num_frames) > limit))
    found = (
        f"{percent(share)} of the drawn sounds have more than {decibels(limit)} dB of their energy "
        f"in their first {1000 * num_frames / sample_rate:.3g} ms, of the training sounds "
        f"{percent(float(np.mean(known > limit)))}"
    )
    return Fault(
        "click",
        share > _MOST_CLICKS,
        found,
        f"More than a quarter of the drawn sounds have more than {decibels(CLICK_DB, 0)} dB of "
        f"their energy earlier than {1000 * _RISE_SECS:g} ms before the attack, and more than all "
        f"training sounds but one of twenty.",
    )


def early_levels(sounds: Sounds, num_frames: int) -> Floats:
    """Returns the energy of the first frames over that of all, (N,), in dB."""
    powers = np.square(sounds, dtype=np.float64)
    early = powers[:, :num_frames].sum(axis=1)
    whole = powers.sum(axis=1)
    # A silent sound has no click.
    shares = np.where(whole > _LEAST_POWER, early / np.maximum(whole, _LEAST_POWER), 0.0)
    return np.asarray(10 * np.log10(np.maximum(shares, _LEAST_POWER)))


def early_db_of(sounds: Sounds, sample_rate: int, attack_secs: float) -> float:
    """Returns the median energy of sounds (N, T) before their attack over that of all, in dB."""
    return float(np.median(early_levels(sounds, _early_frames(sample_rate, attack_secs))))


def _early_frames(sample_rate: int, attack_secs: float) -> int:
    return max(0, round((attack_secs - _RISE_SECS) * sample_rate))


def find_silence(drawn: Sounds) -> Fault:
    """Says whether some of the drawn sounds (N, T) can hardly be heard."""
    peaks = np.abs(drawn).max(axis=1)
    share = float(np.mean(peaks < 10 ** (SILENT_DBFS / 20)))
    silent = decibels(SILENT_DBFS, 0)
    return Fault(
        "silence",
        share > _MOST_SILENT,
        f"{percent(share)} of the drawn sounds have a peak below {silent} dBFS",
        f"More than one of a hundred drawn sounds has a peak below {silent} dBFS.",
    )


def find_memorising(drawn_db: float, training_db: float) -> Fault:
    """Says whether drawn sounds are copies of training sounds.

    Args:
        drawn_db: the median distance of drawn sounds to the nearest training sound.
        training_db: that of training sounds to the nearest other one.
    """
    return Fault(
        "memorising",
        drawn_db < _MEMORISED * training_db,
        f"a drawn sound is {decibels(drawn_db)} dB from the nearest training sound, one of these "
        f"{decibels(training_db)} dB from the next",
        "The median distance of drawn sounds to the nearest training sound is less than half of "
        "that of training sounds to the nearest other one.",
    )
