"""Audio and spectrograms as TensorBoard gets them, the spectrograms against NumPy."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from trainer.loop import summaries
from trainer.loop.protocol import Sound, Spectrograms
from trainer.loop.summaries import Summaries

RATE, WINDOW, HOP, MELS = 22050, 2048, 512, 128
LSB = 2**-15  # of 16 bits


def to_mel(hz):
    return 2595 * np.log10(1 + np.asarray(hz) / 700)


def plain_mel_spectrogram(waveform):
    """In float64, frame by frame: windows centred on multiples of the hop, triangles on the mel
    scale.
    """
    mono = np.asarray(waveform, np.float64).mean(axis=1)
    padded = np.pad(mono, (WINDOW // 2, 2 * WINDOW))
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    starts = range(0, len(mono), HOP)
    spectrum = np.array(
        [np.abs(np.fft.rfft(hann * padded[start : start + WINDOW])) for start in starts]
    )
    bins, edges = (
        to_mel(np.fft.rfftfreq(WINDOW, 1 / RATE)),
        np.linspace(0, to_mel(RATE / 2), MELS + 2),
    )
    weights = np.maximum(0, 1 - np.abs(bins[:, None] - edges[1:-1]) / (edges[1] - edges[0]))
    weights[0] = 0
    return spectrum @ weights


def sine(hz, frames=RATE, channels=1, rate=RATE):
    wave = 0.5 * np.sin(2 * np.pi * hz * np.arange(frames) / rate)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def noise(frames, channels=1, seed=0):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (frames, channels)).astype(np.float32)


def levels(*waveforms, rate=RATE):
    return summaries.decibels([summaries.mel_spectrogram(each, rate) for each in waveforms])


def titles(name):
    return ["mixture", f"{name}: reference", f"{name}: estimate"]


def shown(rate, mixture, references, estimates, names):
    """Shows a mixture and its sources, as separation does."""
    yield Sound("mixture", mixture, rate)
    for name, reference, estimate in zip(names, references, estimates, strict=True):
        yield Sound(f"{name}/reference", reference, rate)
        yield Sound(f"{name}/estimate", estimate, rate)
        waveforms = dict(zip(titles(name), [mixture, reference, estimate], strict=True))
        yield Spectrograms(name, waveforms, rate)


def written(workdir, *, rate=RATE, mixture, references, estimates, names, step=7):
    """What the events hold: tag -> (step, bytes of the first wav or png)."""
    writer = Summaries(str(workdir))
    writer.write(step, shown(rate, mixture, references, estimates, names))
    writer.close()
    found = {}
    for path in Path(workdir, "events").iterdir():
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                plugin = value.metadata.plugin_data.plugin_name
                content = tf.make_ndarray(value.tensor)
                # An image is a list (width, height, png, ...), a sound a table of (wav, label).
                found[value.tag] = (event.step, content[2] if plugin == "images" else content[0, 0])
    return found


@pytest.mark.parametrize("channels", [1, 2])
def test_the_mel_spectrogram_is_that_of_numpy(channels):
    waveform = noise(5000, channels) + sine(1000, 5000, channels)
    expected = plain_mel_spectrogram(waveform)
    np.testing.assert_allclose(
        summaries.mel_spectrogram(waveform, RATE), expected, rtol=1e-3, atol=1e-4 * expected.max()
    )


@pytest.mark.parametrize("hz", [110, 5000])
@pytest.mark.parametrize("rate", [16000, 22050, 44100])
def test_a_sine_peaks_in_its_band(hz, rate):
    centres = np.linspace(0, to_mel(rate / 2), MELS + 2)[1:-1]
    found = np.mean(summaries.mel_spectrogram(sine(hz, rate=rate), rate), axis=0).argmax()
    assert abs(centres[found] - to_mel(hz)) <= centres[1] - centres[0]


def test_a_click_is_drawn_where_it_sounds():
    click = np.zeros((RATE, 1), np.float32)
    click[20 * HOP] = 1
    assert np.sum(summaries.mel_spectrogram(click, RATE), axis=1).argmax() == 20


def test_levels_are_in_db_of_the_mixture():
    wave = noise(RATE)
    mixture, same, quieter, louder = levels(wave, wave, wave / 10, wave * 10)
    assert mixture.max() == pytest.approx(0, abs=1e-3)
    np.testing.assert_array_equal(mixture, same)
    np.testing.assert_allclose(quieter, mixture - 20, atol=1e-3)
    np.testing.assert_allclose(louder, mixture + 20, atol=1e-3)


def test_a_level_ends_80_db_below_its_loudest():
    low, high = levels(sine(440), 10 * sine(440))
    assert low.max() - low.min() == pytest.approx(80, abs=1e-3)
    assert high.min() == pytest.approx(-60, abs=1e-2)


def test_silence_is_finite_and_dark():
    silence = np.zeros((RATE, 1), np.float32)
    for found in (levels(noise(RATE), silence)[1], levels(silence, silence, silence)):
        assert np.isfinite(found).all()
        assert found.max() <= -79.9


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rate", "channels", "frames"), [(22050, 1, 22050), (44100, 2, 1000), (22050, 1, 1)]
)
def test_events_hold_what_was_given(tmp_path, rate, channels, frames):
    mixture = noise(frames, channels)
    references, estimates = (
        np.stack([noise(frames, channels, seed) for seed in seeds]) for seeds in ((1, 2), (3, 4))
    )
    found = written(
        tmp_path,
        rate=rate,
        mixture=mixture,
        references=references,
        estimates=estimates,
        names=["vn", "vc"],
    )
    sounds = {
        "audio/mixture": mixture,
        "audio/vn/reference": references[0],
        "audio/vn/estimate": estimates[0],
        "audio/vc/reference": references[1],
        "audio/vc/estimate": estimates[1],
    }
    assert set(found) == {*sounds, "spectrogram/vn", "spectrogram/vc"}
    assert {step for step, _ in found.values()} == {7}
    for tag, waveform in sounds.items():
        decoded, decoded_rate = tf.audio.decode_wav(found[tag][1])
        assert decoded_rate == rate
        np.testing.assert_allclose(decoded, waveform, atol=2 * LSB)
    for k, name in enumerate(["vn", "vc"]):
        expected = summaries.draw_spectrograms(
            levels(mixture, references[k], estimates[k], rate=rate), rate, titles(name)
        )
        np.testing.assert_array_equal(tf.io.decode_png(found[f"spectrogram/{name}"][1]), expected)


def test_sound_beyond_full_scale_is_clipped(tmp_path):
    loud = 4 * noise(1000)
    found = written(
        tmp_path, mixture=loud, references=loud[None], estimates=loud[None], names=["vn"]
    )
    decoded, _ = tf.audio.decode_wav(found["audio/vn/estimate"][1])
    np.testing.assert_allclose(decoded, np.clip(loud, -1, 1), atol=2 * LSB)


def test_high_frequencies_are_drawn_above_low_ones_and_in_their_panel():
    mixture, silent = noise(RATE), np.zeros((RATE, 1), np.float32)

    def image(reference, estimate):
        return summaries.draw_spectrograms(
            levels(mixture, reference, estimate), RATE, titles("vn")
        ).astype(int)

    dark = image(silent, silent)

    def height(drawn):
        """The mean row of what differs from silence."""
        return np.average(np.arange(len(dark)), weights=np.abs(drawn - dark).sum(axis=(1, 2)))

    low, high = sine(220), sine(6000)
    rows = [
        height(image(*sounds))
        for sounds in ((high, silent), (low, silent), (silent, high), (silent, low))
    ]
    assert rows == sorted(rows)


def test_names_must_fit_the_sources(tmp_path):
    wave = noise(1000)
    with pytest.raises(ValueError, match="shorter"):
        written(
            tmp_path, mixture=wave, references=wave[None], estimates=wave[None], names=["vn", "vc"]
        )


def test_tensorboard_reads_everything(tmp_path):
    writer, wave = Summaries(str(tmp_path)), noise(1000)
    for step in (1, 2):
        writer.write_scalars(step, "train", {"loss": 0.5 / step})
        writer.write(step, shown(RATE, wave, wave[None], wave[None], ["vn"]))
    writer.close()
    events = EventAccumulator(str(tmp_path / "events"), size_guidance={"tensors": 0}).Reload()
    plugins = {
        tag: events.SummaryMetadata(tag).plugin_data.plugin_name for tag in events.Tags()["tensors"]
    }
    assert plugins == {
        "train/loss": "scalars",
        "audio/mixture": "audio",
        "audio/vn/reference": "audio",
        "audio/vn/estimate": "audio",
        "spectrogram/vn": "images",
    }
    assert all([event.step for event in events.Tensors(tag)] == [1, 2] for tag in plugins)


@pytest.mark.slow
def test_the_import_is_silent():
    told = subprocess.run(
        [sys.executable, "-W", "always::UserWarning", "-c", "import trainer.loop.summaries"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Warning" not in told.stderr
    assert "tensorflow_io" not in told.stderr + told.stdout
