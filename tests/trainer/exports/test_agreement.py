"""How far an export is from the network, and what is refused."""

import numpy as np
import pytest

from tests.trainer.exports.untrained_run import LABELLED, make_run
from trainer.exports.agreement import Agreement, Trial, require_agreement
from trainer.exports.formats import EXACT, ROUNDED
from trainer.inference.separator import TrainedSeparator

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def separator(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    make_run(folder, LABELLED)
    return TrainedSeparator(str(folder), "7")


@pytest.fixture(scope="module")
def trial(separator):
    return Trial(separator, hop_frames=30000)


def estimate_of(separator):
    """The network as an export would be, which is called with a vector of labels."""
    names = {(1, 0, 1, 0): ["cl", "vc"], (-1, -1, -1, -1): None}
    return lambda waveform, labels: separator.estimate(waveform, names[tuple(labels)])


def test_the_song_is_real_and_fills_whole_windows(trial):
    assert trial.song.shape == (60000, 1)
    # Six seconds at the 8 kHz of the run, and then again from the start.
    num_frames = next(n for n in range(1, 60000) if np.array_equal(trial.song[n:], trial.song[:-n]))
    assert 6 * 8000 < num_frames < 7 * 8000
    assert 0.01 < np.abs(trial.song).mean() < 0.5


def test_the_network_agrees_with_itself(trial, separator):
    agreement = trial.measure(estimate_of(separator))
    assert (agreement.max_error, agreement.snr_db) == (0, None)
    assert agreement.speed > 1


@pytest.mark.parametrize("case", [(1, 0, 1, 0), (-1, -1, -1, -1)])
def test_one_wrong_frame_in_either_case_is_found(trial, separator, case):
    estimate = estimate_of(separator)

    def spoilt(waveform, labels):
        estimates = estimate(waveform, labels).copy()
        if tuple(labels) == case:
            estimates[0, -1, 0] += 0.25
        return estimates

    agreement = trial.measure(spoilt)
    assert agreement.max_error == pytest.approx(0.25, rel=1e-6)
    energy = np.square(estimate(trial.song, case)).sum()
    assert agreement.snr_db == pytest.approx(10 * np.log10(energy / 0.25**2), abs=1e-3)


def test_of_two_cases_the_worse_one_counts(trial, separator):
    estimate = estimate_of(separator)

    def spoilt(waveform, labels):
        estimates = estimate(waveform, labels).copy()
        estimates[0, 7, 0] += 0.5 if labels[0] == 1 else 0.001
        return estimates

    agreement = trial.measure(spoilt)
    assert agreement.max_error == pytest.approx(0.5, rel=1e-6)
    energy = np.square(estimate(trial.song, (1, 0, 1, 0))).sum()
    assert agreement.snr_db == pytest.approx(10 * np.log10(energy / 0.25), abs=1e-3)


def test_a_song_that_is_shorter_than_a_window_fills_two(separator):
    assert Trial(separator, hop_frames=70000).song.shape == (140000, 1)


def test_estimates_that_are_no_numbers_are_refused(trial, separator):
    broken = lambda waveform, labels: estimate_of(separator)(waveform, labels) * np.nan  # noqa: E731
    with pytest.raises(ValueError, match="the error is nan of full scale"):
        require_agreement(trial.measure(broken), EXACT, "onnx")


@pytest.mark.parametrize(
    ("error", "ratio_db", "tolerance", "refused"),
    [
        (1e-7, 120.0, EXACT, False),
        (0.0, None, EXACT, False),
        (2e-5, 120.0, EXACT, True),
        (1e-7, 59.0, EXACT, True),
        (1e-7, float("-inf"), EXACT, True),
        (float("nan"), 120.0, EXACT, True),
        (1e-7, float("nan"), EXACT, True),
        (0.01, 25.0, ROUNDED, False),
        (0.01, 24.9, ROUNDED, True),
    ],
)
def test_the_tolerance_of_each_format(error, ratio_db, tolerance, refused):
    agreement = Agreement(error, ratio_db, speed=1.0)
    if not refused:
        require_agreement(agreement, tolerance, "tflite")
        return
    with pytest.raises(ValueError, match=r"^as tflite the network estimates something else: .*\.$"):
        require_agreement(agreement, tolerance, "tflite")
