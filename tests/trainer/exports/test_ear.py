"""A SavedModel that hears what plays: what the tagger hears, whatever the length."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import configs
from tests.support.commands import run_command
from tests.trainer.exports.untrained_run import SMALL, make_run
from trainer.exports.ear import Ear
from trainer.inference.listener import TrainedListener
from trainer.tasks.tagging.pieces import piece_labels, piece_probabilities
from trainer.tasks.tagging.tagger import Tagger

pytestmark = pytest.mark.slow

# Some of those of the tagger, in another order.
SOURCES = ("vn", "cl", "vc")


def config_of(*overrides):
    return configs.load("smoke", [*SMALL, f"data.sources={','.join(SOURCES)}", *overrides])


@pytest.fixture(scope="module")
def tagger(tmp_path_factory):
    """A tagger with a median filter, which hears some of what noise might be."""
    folder = tmp_path_factory.mktemp("tagger")
    make_run(folder, ["task.median_secs=0.1"], "smoke_tagger")
    listener = TrainedListener(str(folder), "latest")
    assert listener.median_columns > 1
    activity = listener.smoothed(listener.activity(noise(20_000)))
    # Between what is heard of one instrument and another.
    middle = float(np.median(piece_probabilities(activity, 0.3)))
    return Tagger(listener, dict.fromkeys(listener.sources, middle), 0.3)


def noise(num_frames, channels=1):
    return (
        (0.2 * np.random.default_rng(0).standard_normal((num_frames, channels)))
        .cumsum(axis=0)
        .clip(-1, 1)
        .astype(np.float32)
    )


@pytest.mark.parametrize(("num_frames", "channels"), [(20_000, 1), (140_001, 2), (1, 1), (0, 1)])
def test_it_hears_what_the_tagger_hears(tagger, num_frames, channels):
    ear = Ear(tagger, config_of())
    song = noise(num_frames, channels)
    found = ear.recognise(song)
    activity = tagger.hear([song], 8000)
    every = piece_probabilities(activity, tagger.share)
    expected = [every[tagger.sources.index(name)] for name in SOURCES]
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-5)
    heard = piece_labels(activity, tagger.thresholds, tagger.share)
    assert found["labels"].numpy().tolist() == [float(name in heard) for name in SOURCES]
    if num_frames == 20_000:
        assert 0 < len(heard) < 4
    ear.require_agreement(found, song)
    with pytest.raises(ValueError, match="the tagger hears something else"):
        ear.require_agreement({"probabilities": found["probabilities"] + 0.01}, song)


def test_networks_that_do_not_fit_are_refused(tagger):
    with pytest.raises(ValueError, match="does not know sax, which the network separates"):
        Ear(tagger, config_of("data.sources=vn,sax"))
    with pytest.raises(ValueError, match="hears 8000 Hz and the separator 4000 Hz"):
        Ear(tagger, config_of("audio.sample_rate=4000"))


USE = """
import sys
import numpy as np
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
waveform = np.random.default_rng(0).standard_normal((9000, 2)).astype(np.float32)
labels = model.recognise(waveform)["labels"]
assert model.separate(waveform, labels).shape == (4, 9000, 2)
print(labels.numpy().tolist())
"""


def test_the_command_joins_two_runs(tmp_path):
    for name, experiment in (("separator", "smoke"), ("tagger", "smoke_tagger")):
        (tmp_path / name).mkdir()
        make_run(tmp_path / name, [], experiment)
    flags = [f"--workdir={tmp_path / 'separator'}", "--checkpoint=latest"]
    tagger = f"--tagger={tmp_path / 'tagger'}"
    done = run_command("trainer.export", *flags, tagger, "--format=onnx")
    assert done.returncode == 1
    assert "--tagger goes with --format=saved_model alone" in done.stderr
    done = run_command("trainer.export", *flags, f"--tagger={tmp_path / 'separator'}")
    assert done.returncode == 1
    assert "is no run that hears instruments" in done.stderr
    done = run_command("trainer.export", *flags, tagger)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "separator" / "saved_model"
    used = subprocess.run(
        [sys.executable, "-c", USE, str(folder)], capture_output=True, text=True, check=False
    )
    assert used.returncode == 0, used.stderr
    assert hasattr(tf.saved_model.load(str(folder)), "recognise")
