"""BSS Eval, SI-SDR and SNR: against mir_eval and museval, against least squares on the explicit
matrix, by hand.
"""

import tracemalloc
from functools import partial

import mir_eval
import museval.metrics
import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.audio import activity
from evaluation.metrics import bss_eval, least_squares, solvers
from evaluation.metrics.si_sdr import si_sar, si_sdr, span

GOLDEN_TOLERANCE_DB = 1e-6  # mir_eval and museval solve the same equations in another order
LEAST_SQUARES_TOLERANCE_DB = 1e-6
NO_DIGITS_TOLERANCE_DB = 1e-3  # where the truth itself depends on which directions rounding leaves
SAME_SUMS_TOLERANCE_DB = 1e-8  # the same sums in another order


def use(solver, monkeypatch):
    """Begin with one of the solvers; where it has no digits, those behind it follow as always."""
    monkeypatch.setattr(solvers, "_DENSE_SIZE", 0)
    if solver != "schur":
        monkeypatch.setattr(solvers, "_schur", lambda _: None)
    if solver == "svd":
        monkeypatch.setattr(least_squares, "iter_solvers", lambda *_, **__: iter(()))


def delayed_matrix(references, filter_taps):
    """Every reference at every delay below ``filter_taps`` as a column, (T + L - 1, J L)."""
    num_sources, frames = references.shape
    matrix = np.zeros((frames + filter_taps - 1, num_sources * filter_taps))
    for j in range(num_sources):
        for delay in range(filter_taps):
            matrix[delay : delay + frames, j * filter_taps + delay] = references[j]
    return matrix


def explicit_least_squares(references, estimates, filter_taps):
    """SDR, SIR and SAR straight from their definition, shape (3, J)."""

    def project(signals, onto):
        matrix = delayed_matrix(onto, filter_taps)
        return matrix @ np.linalg.lstsq(matrix, signals)[0]

    def decibels(numerator, denominator):
        return 10 * np.log10(np.sum(numerator**2) / np.sum(denominator**2))

    columns = []
    for j, estimate in enumerate(np.pad(estimates, ((0, 0), (0, filter_taps - 1)))):
        target, explained = project(estimate, references[j : j + 1]), project(estimate, references)
        columns.append(
            [
                decibels(target, estimate - target),
                decibels(target, explained - target),
                decibels(explained, estimate - explained),
            ]
        )
    return np.transpose(columns)


def least_squares_images(references, estimates, filter_taps):
    """ISR, SIR and SAR of v4 straight from their definition, (J, T, C) twice -> (3, J)."""

    def project(signals, onto):
        matrix = delayed_matrix(np.moveaxis(onto, -1, 1).reshape(-1, onto.shape[1]), filter_taps)
        return matrix @ np.linalg.lstsq(matrix, signals)[0]

    def decibels(numerator, denominator):
        return 10 * np.log10(np.sum(numerator**2) / np.sum(denominator**2))

    columns = []
    sources, estimates = (
        np.pad(each, ((0, 0), (0, filter_taps - 1), (0, 0))) for each in (references, estimates)
    )
    for reference, source, estimate in zip(references, sources, estimates, strict=True):
        target, explained = project(estimate, reference[None]), project(estimate, references)
        columns.append(
            [
                decibels(source, target - source),
                decibels(target, explained - target),
                decibels(explained, estimate - explained),
            ]
        )
    return np.transpose(columns)


def noise(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


def imperfect(references, seed=99):
    """Estimates with interference, filtering and noise."""
    smeared = scipy.signal.lfilter([0.8, 0.3], [1.0], references)
    return (
        smeared
        + 0.2 * references.sum(axis=0)
        + 0.1 * references.std() * noise(seed, *references.shape)
    )


def low_passed(seed, num_sources, frames):
    """Noise below half the band, 50 dB down above."""
    return scipy.signal.sosfilt(
        scipy.signal.cheby2(8, 50, 0.5, output="sos"), noise(seed, num_sources, frames)
    )


def notes(seed, num_sources, frames):
    """Tones of six partials with a noise floor as of 12 bits: a source each."""
    time = np.arange(frames) / 22050
    rng = np.random.default_rng(seed)
    partials = [
        [np.sin(2 * np.pi * pitch * i * time + rng.uniform(0, 6)) / i for i in range(1, 7)]
        for pitch in rng.uniform(110, 880, num_sources)
    ]
    return np.sum(partials, axis=1) + 2e-4 * noise(seed + 1, num_sources, frames)


def band_limited(seed, num_sources, frames, stop_db):
    """Noise below an eighth of the band, ``stop_db`` down above, faded at both ends so that no edge
    fills the band.
    """
    spectra = np.fft.rfft(noise(seed, num_sources, frames))
    band = np.where(np.linspace(0, 1, spectra.shape[1]) < 1 / 8, 1.0, 10 ** (-stop_db / 20))
    return np.fft.irfft(spectra * band, frames) * np.hanning(frames) ** 4


def stereo(make, num_sources, frames, side=0.5):
    """Sources (J, T, 2) whose channels differ by a signal of their own at ``side`` of the common
    one.
    """
    middle, sides = (make(seed, num_sources, frames) for seed in (11, 12))
    return np.stack([middle + side * sides, middle - side * sides], axis=-1)


def imperfect_images(references):
    """As ``imperfect``, with channels that leak into each other: (J, T, C) -> the same."""
    channels = range(references.shape[-1])
    estimates = np.stack([imperfect(references[..., c], 90 + c) for c in channels], axis=-1)
    return estimates + 0.1 * estimates[..., ::-1]


@pytest.mark.filterwarnings("ignore:mir_eval:FutureWarning")
@pytest.mark.parametrize(
    ("make", "num_sources", "frames"),
    [
        (noise, 1, 1500),
        (noise, 2, 3001),
        (noise, 3, 3000),
        (noise, 4, 3200),
        (low_passed, 2, 4000),
        (notes, 2, 5000),
    ],
)
def test_agrees_with_mir_eval(make, num_sources, frames, monkeypatch):
    monkeypatch.setattr(
        least_squares, "_project_by_svd", None
    )  # the fast way must do; the slow one would hide its errors
    # The Gram matrices of the last two have condition numbers of 4e8 and 6e6; beyond 1e9 mir_eval
    # is no reference.
    references = make(num_sources, num_sources, frames)
    estimates = imperfect(references)
    sdr, sir, sar = bss_eval.bss_eval_sources(references, estimates)
    golden = mir_eval.separation.bss_eval_sources(references, estimates, compute_permutation=False)
    np.testing.assert_allclose(sdr, golden[0], rtol=0, atol=GOLDEN_TOLERANCE_DB)
    np.testing.assert_allclose(sar, golden[2], rtol=0, atol=GOLDEN_TOLERANCE_DB)
    if num_sources == 1:
        assert np.all(sir == np.inf)
    else:
        np.testing.assert_allclose(sir, golden[1], rtol=0, atol=GOLDEN_TOLERANCE_DB)


@pytest.mark.parametrize("stop_db", [0, 100, 140, 150, 160, 170, 200, 300])
@pytest.mark.parametrize("num_sources", [2, 3])
def test_agrees_with_least_squares_however_ill_conditioned(num_sources, stop_db, monkeypatch):
    # The condition number of the Gram matrix is 4 at 0 dB, 3e14 at 140, where Cholesky still
    # serves, 3e30 at 300.
    references = band_limited(7, num_sources, 1500, stop_db)
    estimates = imperfect(references)
    truth = explicit_least_squares(references, estimates, 32)
    tolerance = LEAST_SQUARES_TOLERANCE_DB if stop_db < 200 else NO_DIGITS_TOLERANCE_DB
    for solver in ("schur", "cholesky"):
        use(solver, monkeypatch)
        scores = bss_eval.bss_eval_sources(references, estimates, 32)
        np.testing.assert_allclose(scores, truth, rtol=0, atol=tolerance, err_msg=solver)


def museval_images(references, estimates, filter_taps):
    """SDR, ISR, SIR and SAR, shape (4, J)."""
    everything = {"window": np.inf, "hop": np.inf, "filters_len": filter_taps}
    return np.array(museval.metrics.bss_eval(references, estimates, **everything)[:4])[..., 0]


@pytest.mark.parametrize(
    ("references", "filter_taps"),
    [
        (noise(1, 1, 900, 1), 32),
        (noise(2, 3, 1501, 1), 32),
        (noise(3, 1, 900, 2), 32),
        (noise(4, 3, 1500, 2), 32),
        (noise(4, 2, 1500, 3), 32),
        (low_passed(5, 2, 1500)[..., None], 32),  # the condition number of the Gram matrix is 1e6
        (stereo(low_passed, 2, 1500), 32),  # 5e6
        (stereo(notes, 2, 1500, side=0.9), 32),  # 3e8
        (stereo(noise, 2, 1500, side=1e-3), 32),  # 2e6
        (stereo(noise, 2, 3000), 512),
    ],
)
def test_images_agree_with_museval(references, filter_taps, monkeypatch):
    monkeypatch.setattr(least_squares, "_project_by_svd", None)
    estimates = imperfect_images(references)
    sdr, isr, sir, sar = bss_eval.bss_eval_images(references, estimates, filter_taps)
    golden = museval_images(references, estimates, filter_taps)
    if len(references) == 1:
        assert np.all(sir == np.inf)
        golden[2] = np.inf
    np.testing.assert_allclose([sdr, isr, sir, sar], golden, rtol=0, atol=GOLDEN_TOLERANCE_DB)


@pytest.mark.parametrize(
    "references",
    [  # In brackets the condition number of the Gram matrix, and how far museval is off there, dB.
        band_limited(7, 2, 1500, 140)[..., None],  # mono (3e14, 1e-4)
        band_limited(7, 2, 1500, 160)[..., None],  # (3e16, 1.0)
        stereo(partial(band_limited, stop_db=100), 2, 1500),  # (2e11, 2e-8)
        stereo(partial(band_limited, stop_db=140), 2, 1500),  # (2e15, 4e-4)
        stereo(
            partial(band_limited, stop_db=140), 2, 1500, side=1e-3
        ),  # as of lossy coding, nearly mono (4e20, 0.14)
        stereo(noise, 2, 1500, side=1e-5),  # nearly mono (3e10, 2e-8)
        stereo(noise, 2, 1500, side=1e-9),  # (3e18, 0.23)
        stereo(notes, 2, 1500, side=1e-5),  # (2e18, 0.9)
        noise(3, 2, 1500)[..., None] * [0.8, 0.37],  # mono, panned
        noise(3, 2, 1500)[..., None] * [1.0, 0.0],  # one channel is silent
    ],
)
def test_images_agree_with_least_squares_however_ill_conditioned(references, monkeypatch):
    estimates = imperfect_images(references)
    truth = least_squares_images(references, estimates, 32)
    for solver in ("schur", "cholesky", "svd"):
        use(solver, monkeypatch)
        scores = bss_eval.bss_eval_images(references, estimates, 32)
        np.testing.assert_allclose(
            scores[1:], truth, rtol=0, atol=LEAST_SQUARES_TOLERANCE_DB, err_msg=solver
        )


@pytest.mark.parametrize("side", [0, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3])
def test_nearly_mono_stereo_is_no_reason_to_be_slow(side, monkeypatch):
    monkeypatch.setattr(least_squares, "_project_by_svd", None)
    references = stereo(noise, 2, 800, side)
    estimates = imperfect_images(references)
    truth = least_squares_images(references, estimates, 8)
    scores = bss_eval.bss_eval_images(references, estimates, 8)
    np.testing.assert_allclose(scores[1:], truth, rtol=0, atol=NO_DIGITS_TOLERANCE_DB)


def test_a_stereo_reference_twice_adds_nothing():
    references = stereo(noise, 3, 800)
    references[1] = 0.5 * references[0]
    estimates = imperfect_images(references)
    truth = least_squares_images(references, estimates, 8)
    scores = bss_eval.bss_eval_images(references, estimates, 8)
    np.testing.assert_allclose(scores[1:], truth, rtol=0, atol=NO_DIGITS_TOLERANCE_DB)


def test_factorising_the_matrix_takes_the_memory_that_is_reckoned_with():
    references, signals = noise(3, 8, 9000), noise(4, 6, 9000)
    delays = least_squares.Delays(references, 128)
    tracemalloc.start()
    least_squares._project_by_svd(delays, signals)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    reckoned = least_squares.rare_bytes(8 * 128)
    assert 0.5 * reckoned < peak < 1.1 * reckoned


def test_where_the_matrix_is_too_large_the_rest_is_right_to_tenths(monkeypatch):
    """Not a line of it is built: references that depend on each other, and hardly any noise outside
    the band.
    """
    monkeypatch.setattr(least_squares, "_MOST_BYTES", 0)
    monkeypatch.setattr(least_squares, "_project_by_svd", None)
    references = stereo(noise, 3, 1500)
    references[1] = 0.5 * references[0]
    estimates = imperfect_images(references)
    truth = least_squares_images(references, estimates, 32)
    scores = bss_eval.bss_eval_images(references, estimates, 32)
    np.testing.assert_allclose(scores[1:], truth, rtol=0, atol=NO_DIGITS_TOLERANCE_DB)
    for stop_db in (160, 200, 300):
        references = band_limited(7, 2, 1500, stop_db)[..., None]
        estimates = imperfect_images(references)
        truth = least_squares_images(references, estimates, 32)
        scores = bss_eval.bss_eval_images(references, estimates, 32)
        np.testing.assert_allclose(scores[1:], truth, rtol=0, atol=0.5)


def test_images_of_one_channel_differ_from_sources_in_isr_alone():
    references = noise(8, 3, 900)
    estimates = np.stack([imperfect(references, seed) for seed in (1, 2)])
    _, sir, sar = bss_eval.bss_eval_sources(references, estimates, 16)
    images = bss_eval.bss_eval_images(references[..., None], estimates[..., None], 16)
    assert np.array_equal(images[2], sir)
    assert np.array_equal(images[3], sar)
    np.testing.assert_allclose(images[0], snr(references, estimates))


def test_images_of_a_decomposition_known_by_hand():
    # Orthogonal signals of unit energy and filters of one tap, from any channel to any.
    left, right, other, artifacts = np.eye(4, 50)
    references = np.stack([np.stack([left, right]), np.stack([other, 0 * other])]).swapaxes(1, 2)
    estimate = np.stack([1.5 * left + 1 * right + 3 * other, 0.5 * right + 2 * artifacts], axis=-1)
    estimates = np.stack([estimate, references[1] + 0.5 * references[0]])
    sdr, isr, sir, sar = bss_eval.bss_eval_images(references, estimates, 1)
    # s = (left, right), P_j e = (1.5 left + right, 0.5 right)
    spatial, target, interference, artifact = 0.25 + 1 + 0.25, 2.25 + 1 + 0.25, 9, 4
    errors = [spatial + interference + artifact, spatial, interference, artifact]
    by_hand = 10 * np.log10(np.divide([2, 2, target, target + interference], errors))
    np.testing.assert_allclose([sdr[0], isr[0], sir[0], sar[0]], by_hand)
    assert sir[1] == pytest.approx(10 * np.log10(1 / 0.5))
    assert min(isr[1], sar[1]) > 200


def test_half_the_gain_is_an_error_to_images_alone():
    references = stereo(noise, 2, 600)
    sdr, isr, sir, sar = bss_eval.bss_eval_images(references, 0.5 * references, 16)
    np.testing.assert_allclose([sdr, isr], 20 * np.log10(2), rtol=0, atol=SAME_SUMS_TOLERANCE_DB)
    assert np.min([sir, sar]) > 200


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), gain=st.floats(1e-4, 1e4), order=st.permutations(range(3)))
def test_images_do_not_depend_on_the_level_of_a_source_or_on_the_order_of_sources_and_channels(
    seed, gain, order
):
    references = noise(seed, 3, 300, 2)
    estimates = imperfect_images(references)
    scores = np.array(bss_eval.bss_eval_images(references, estimates, 8))
    # A reference and its estimate louder together, and for SIR and SAR the estimate alone.
    gains = np.array([gain, 1.0, 1.0])[:, None, None]
    louder = bss_eval.bss_eval_images(gains * references, gains * estimates, 8)
    np.testing.assert_allclose(louder, scores, rtol=0, atol=SAME_SUMS_TOLERANCE_DB)
    louder = bss_eval.bss_eval_images(references, gains * estimates, 8)
    np.testing.assert_allclose(louder[2:], scores[2:], rtol=0, atol=SAME_SUMS_TOLERANCE_DB)
    permuted = bss_eval.bss_eval_images(
        references[order][..., ::-1], estimates[order][..., ::-1], 8
    )
    np.testing.assert_allclose(permuted, scores[:, order], rtol=0, atol=SAME_SUMS_TOLERANCE_DB)


@pytest.mark.parametrize("delay", [0, 3])
def test_a_reference_that_filters_of_another_make_adds_nothing(delay):
    first, other = noise(1, 2, 1000)
    first[:8] = first[-8:] = 0
    references = np.stack([first, 0.5 * np.roll(first, delay), other])
    estimates = imperfect(references)
    scores = np.array(bss_eval.bss_eval_sources(references, estimates, 16))
    np.testing.assert_allclose(
        scores,
        explicit_least_squares(references, estimates, 16),
        rtol=0,
        atol=LEAST_SQUARES_TOLERANCE_DB,
    )
    if delay == 0:
        without = np.array(bss_eval.bss_eval_sources(references[::2], estimates[::2], 16))
        np.testing.assert_allclose(scores[:, ::2], without, rtol=0, atol=LEAST_SQUARES_TOLERANCE_DB)


def test_more_filters_than_frames_explain_everything():
    references = noise(1, 2, 20)
    _, _, sar = bss_eval.bss_eval_sources(references, imperfect(references), 64)
    assert np.all(sar > 200)


def test_sets_of_estimates_are_scored_as_one_by_one():
    references = noise(3, 3, 700)
    sets = np.stack([[imperfect(references, i + 10 * j) for i in range(2)] for j in range(2)])
    together = np.array(bss_eval.bss_eval_sources(references, sets, 20))
    assert together.shape == (3, 2, 2, 3)
    for index in np.ndindex(2, 2):
        alone = bss_eval.bss_eval_sources(references, sets[index], 20)
        np.testing.assert_allclose(together[:, *index], alone, rtol=0, atol=SAME_SUMS_TOLERANCE_DB)


def test_ratios_of_a_decomposition_known_by_hand():
    # Orthogonal signals of unit energy and filters of one tap: the projections can be read off.
    first, second, artifacts = np.eye(3, 50)
    estimates = np.stack(
        [4 * first + 2 * second + 1 * artifacts, 1 * first + 3 * second + 0.5 * artifacts]
    )
    sdr, sir, sar = bss_eval.bss_eval_sources(np.stack([5 * first, 0.1 * second]), estimates, 1)
    np.testing.assert_allclose(sdr, 10 * np.log10([16 / 5, 9 / 1.25]))
    np.testing.assert_allclose(sir, 10 * np.log10([16 / 4, 9 / 1]))
    np.testing.assert_allclose(sar, 10 * np.log10([20 / 1, 10 / 0.25]))


def test_a_silent_reference_spans_nothing():
    first, second, artifacts = np.eye(3, 50)
    estimates = np.stack([2 * first + artifacts, 3 * first + artifacts])
    energies = bss_eval.energies(np.stack([0 * second, first])[..., None], estimates[..., None], 1)
    np.testing.assert_allclose(energies.target, [0, 9])
    np.testing.assert_allclose(energies.distortion, [5, 1])
    np.testing.assert_allclose(energies.interference, [4, 0], atol=1e-12)
    np.testing.assert_allclose(energies.projection, [4, 9])
    np.testing.assert_allclose(energies.artifacts, [1, 1])
    nothing = bss_eval.energies(np.zeros((2, 50, 1)), estimates[..., None], 1)
    np.testing.assert_allclose(nothing[2:], [[0, 0], [5, 10], [0, 0], [0, 0], [5, 10]])


def test_a_very_soft_reference_is_no_dependent_one():
    references = noise(6, 2, 400)
    estimates = imperfect(references)
    soft = references * [[1.0], [1e-17]]
    np.testing.assert_allclose(
        bss_eval.bss_eval_sources(soft, estimates, 8),
        bss_eval.bss_eval_sources(references, estimates, 8),
        atol=1e-8,
    )


def snr(references, estimates):
    return activity.snr(references[..., None], estimates[..., None])


def test_a_perfect_estimate_and_one_at_half_the_gain():
    references = noise(5, 3, 2000)
    for gain in (1.0, 0.5):
        assert np.min(bss_eval.bss_eval_sources(references, gain * references, 64)) > 200
        assert np.all(si_sdr(references, gain * references) == np.inf)
    assert np.all(snr(references, references) == np.inf)
    np.testing.assert_allclose(snr(references, 0.5 * references), 20 * np.log10(2))


def test_a_delay_within_the_filters_costs_v3_nothing_and_the_others_everything():
    references = np.pad(noise(5, 2, 2000), ((0, 0), (0, 10)))
    delayed = np.roll(references, 10, axis=1)
    assert np.min(bss_eval.bss_eval_sources(references, delayed, 11)) > 200
    assert np.max(bss_eval.bss_eval_sources(references, delayed, 10)[0]) < 0
    assert np.max(si_sdr(references, delayed)) < -10
    assert np.max(snr(references, delayed)) < 0


def test_orthogonal_noise_gives_its_level():
    reference, error = np.eye(2, 100)
    estimate = reference + 0.1 * error
    assert snr(reference, estimate) == pytest.approx(20)
    assert si_sdr(reference, estimate) == pytest.approx(20)
    assert snr(reference, 3 * estimate) == pytest.approx(10 * np.log10(1 / 4.09))
    assert si_sdr(reference, 3 * estimate) == pytest.approx(20)
    assert si_sdr(reference, error) == -np.inf
    assert np.isnan(si_sdr(reference, 0 * error))


def test_channels_share_one_scale_and_one_sum():
    references, estimates = np.array([[[1.0, 2.0]] * 3]), np.array([[[1.0, 1.0]] * 3])  # (1, 3, 2)
    assert activity.snr(references, estimates) == pytest.approx([10 * np.log10(5)])
    scale = 3 / 5
    error = (scale - 1) ** 2 + (2 * scale - 1) ** 2
    assert si_sdr(references, estimates, axis=(-2, -1)) == pytest.approx(
        [10 * np.log10(scale**2 * 5 / error)]
    )


def si_sar_by_least_squares(references, estimates):
    """Le Roux et al. 2019, Section 2, on the matrix of references."""
    columns = references.reshape(len(references), -1).T
    ratios = []
    for column, estimate in zip(columns.T, estimates.reshape(len(estimates), -1), strict=True):
        scale = np.linalg.lstsq(column[:, None], estimate)[0]
        projection = columns @ np.linalg.lstsq(columns, estimate)[0]
        artifacts = np.sum((estimate - projection) ** 2)
        ratios.append(10 * np.log10(np.sum((scale * column) ** 2) / artifacts))
    return ratios


@pytest.mark.parametrize("num_sources", [1, 2, 7])
@pytest.mark.parametrize("quietest", [1, 1e-4])
def test_si_sar_is_that_of_least_squares(num_sources, quietest):
    references = noise(6, num_sources, 400, 2)
    # Sources that have much in common, and one that is quiet.
    references += noise(7, 1, 400, 2)
    references[-1] *= quietest
    estimates = references + 0.1 * noise(8, num_sources, 400, 2) + 0.2 * references.sum(axis=0)
    found = si_sar(references, estimates, span(references))
    np.testing.assert_allclose(found, si_sar_by_least_squares(references, estimates), atol=1e-9)
    # Of one source alone, all distortion is artefacts.
    if num_sources == 1:
        assert found == pytest.approx(si_sdr(references, estimates, (-2, -1)))


def test_si_sar_forgives_all_that_gains_of_the_sources_make():
    references = noise(9, 3, 500, 1)
    mixture = np.tile(references.sum(axis=0), (3, 1, 1))
    assert si_sar(references, mixture, span(references)).min() > 250
    # A source twice changes nothing of what they span.
    twice = np.concatenate([references, 0.5 * references[:1]])
    assert len(span(twice)) == 3
    estimates = references + noise(10, 3, 500, 1)
    np.testing.assert_allclose(
        si_sar(references, estimates, span(twice)),
        si_sar(references, estimates, span(references)),
        atol=1e-9,
    )


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), gain=st.floats(1e-4, 1e4), sign=st.sampled_from([-1, 1]))
def test_v3_and_si_sdr_do_not_depend_on_gain(seed, gain, sign):
    references = noise(seed, 2, 300)
    estimates = imperfect(references, seed + 1)
    scores = bss_eval.bss_eval_sources(references, estimates, 8)
    gains = sign * np.array([[gain], [1.0]])
    for changed in ((references, gains * estimates), (gains * references, estimates)):
        np.testing.assert_allclose(
            bss_eval.bss_eval_sources(*changed, 8), scores, rtol=0, atol=SAME_SUMS_TOLERANCE_DB
        )
        np.testing.assert_allclose(
            si_sdr(*changed),
            si_sdr(references, estimates),
            rtol=0,
            atol=SAME_SUMS_TOLERANCE_DB,
        )


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), order=st.permutations(range(3)))
def test_another_order_of_the_sources_gives_the_scores_in_that_order(seed, order):
    references = noise(seed, 3, 300)
    estimates = imperfect(references, seed + 1)
    scores = np.array(bss_eval.bss_eval_sources(references, estimates, 8))
    permuted = bss_eval.bss_eval_sources(references[order], estimates[order], 8)
    np.testing.assert_allclose(permuted, scores[:, order], rtol=0, atol=SAME_SUMS_TOLERANCE_DB)


@pytest.mark.parametrize(
    ("references", "estimates", "message"),
    [
        (
            np.ones((2, 9, 2)),
            np.ones((2, 9, 2)),
            r"and nothing empty; got \(2, 9, 2\) and \(2, 9, 2\)",
        ),
        (np.ones(9), np.ones(9), r"got \(9,\) and \(9,\)"),
        (np.ones((2, 9)), np.ones((3, 9)), r"got \(2, 9\) and \(3, 9\)"),
        (np.ones((2, 9)), np.ones((2, 8)), r"got \(2, 9\) and \(2, 8\)"),
        (np.ones((2, 0)), np.ones((2, 0)), "nothing empty"),
        (np.ones((2, 9)), np.ones((0, 2, 9)), "nothing empty"),
        (np.diag([1.0, np.nan]), np.eye(2), r"reference \[1\] has values that are not finite"),
        (
            np.eye(2),
            np.stack([np.eye(2), np.diag([np.inf, 1])]),
            r"estimate \[1 0\] has values that are not finite",
        ),
        (np.diag([1.0, 0.0]), np.eye(2), r"reference \[1\] is silent"),
        (np.eye(2), np.diag([0.0, 1.0]), r"estimate \[0\] is silent"),
    ],
)
def test_refuses_what_is_not_defined(references, estimates, message):
    with pytest.raises(ValueError, match=message):
        bss_eval.bss_eval_sources(references, estimates, 2)


@pytest.mark.parametrize(
    ("references", "estimates", "message"),
    [
        (
            np.ones((2, 9)),
            np.ones((2, 9)),
            r"\(sources, frames, channels\).* nothing empty; got \(2, 9\) and \(2, 9\)",
        ),
        (np.ones((2, 9, 1)), np.ones((2, 9, 2)), r"got \(2, 9, 1\) and \(2, 9, 2\)"),
        (
            np.ones((2, 9, 2)),
            np.full((2, 9, 2), np.nan),
            r"estimate \[0\] has values that are not finite",
        ),
        (np.ones((2, 9, 2)) * [[[1.0]], [[0.0]]], np.ones((2, 9, 2)), r"reference \[1\] is silent"),
    ],
)
def test_images_refuse_what_is_not_defined(references, estimates, message):
    with pytest.raises(ValueError, match=message):
        bss_eval.bss_eval_images(references, estimates, 2)
