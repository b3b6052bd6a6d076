"""Names metrics and aggregates as a report prints them."""

from collections.abc import Sequence

from evaluation.document.parts import Kind
from evaluation.scores.table import BASELINES, CONSTANT_GAIN, SHARES, Row

V3 = {"sdr": "SDR", "sir": "SIR", "sar": "SAR", "si_sdr": "SI-SDR", "si_sar": "SI-SAR"}
# Of version 4, the SDR of which is the SNR.
V4 = {"snr": "SDR", "isr": "ISR", "sir_v4": "SIR", "sar_v4": "SAR"}
METRIC_NAMES = {
    "snri": "SNR improvement",
    **V3,
    "snr": "SNR",
    "isr": "ISR",
    "sir_v4": "SIR v4",
    "sar_v4": "SAR v4",
    "bins": "Bins",
}
# Over figures, where there is room to say what a metric tells. Their axes are in dB.
FIGURE_TITLES = {
    "snri": "SNR improvement over the mixture",
    "sdr": "SDR: all distortion",
    "sir": "SIR: interference from other sources",
    "sar": "SAR: artefacts",
    "si_sdr": "SI-SDR: all distortion but a gain",
    "si_sar": "SI-SAR: what no gains of the sources explain",
    "snr": "SNR, which is the SDR of BSS Eval v4",
    "isr": "ISR of v4: filtering of the source",
    "sir_v4": "SIR of v4: interference",
    "sar_v4": "SAR of v4: artefacts",
}
AGGREGATE_NAMES = {
    "median_of_track_medians": "Median of track medians",
    "median_of_segments": "Median of segments",
    "mean_of_track_medians": "Mean of track medians",
    "mean_of_segments": "Mean of segments",
}

# The mixture is a sum of the sources, so that it has no artefacts, and lies 0 dB above itself:
# these metrics say nothing of it.
NOT_OF_MIXTURE = {"sar", "sar_v4", "si_sar", "snri"}

# A gain changes no other metric: those of the constant gain are the mixture's.
_OF_CONSTANT_GAIN = {"snri", "snr", "isr"}

_VERSION_3_OF = {"sir_v4": "sir", "sar_v4": "sar"}


def says_something(metric: str, system: str) -> bool:
    """Returns whether the values that a system has of a metric tell anything of that system."""
    if metric == "bins":
        # They have one answer for all bins of a source, and the majority has the better one.
        return system not in BASELINES
    if system == "mixture":
        return metric not in NOT_OF_MIXTURE
    if system == CONSTANT_GAIN:
        return metric in _OF_CONSTANT_GAIN
    return True


def kind_of(metric: str) -> Kind:
    """Returns how values of a metric are printed."""
    if metric in SHARES:
        return "share"
    return "db"


def difference_kind_of(metric: str) -> Kind:
    """Returns how differences of a metric are printed."""
    if metric in SHARES:
        return "signed_share"
    return "signed_db"


def unit_of(metric: str) -> str:
    """Returns the unit in which values of a metric are printed."""
    if metric in SHARES:
        return "%"
    return "dB"


def difference_unit_of(metric: str) -> str:
    """Returns the unit in which differences of a metric are printed."""
    if metric in SHARES:
        return "percentage points"
    return "dB"


def repeats_version_3(rows: Sequence[Row], metric: str) -> bool:
    """Returns whether a metric of version 4 has the values of version 3 in every row.

    That is so with one channel, and then it need not be shown again.
    """
    if metric not in _VERSION_3_OF:
        return False
    version_3 = _VERSION_3_OF[metric]
    return all(getattr(row, metric) == getattr(row, version_3) for row in rows)
