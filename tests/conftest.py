"""Settings of all tests, and what several of them share."""

import os

import pytest
from hypothesis import settings

from tests.support.gcs import Gcs

# NumPy and SciPy look for it when they are imported: threads that wait for each other make small
# products slow, by ten times on a busy machine.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# XLA looks for it when it is first used: what it makes is compiled once and computed once or twice
# here.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
# TensorFlow looks for it when it is imported.
os.environ |= {"GCS_RETRY_CONFIG_INIT_DELAY_TIME_US": "10000", "GCS_RETRY_CONFIG_MAX_RETRIES": "3"}

settings.register_profile(
    "default", deadline=None, derandomize=True
)  # machines differ in speed, examples must not
settings.load_profile("default")


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """Eighteen short pieces in the layout of URMP, with the splits ``synthetic``; whoever spoils
    them copies them.
    """
    from data_prep.synthetic import write_urmp  # only now: it imports NumPy

    root = tmp_path_factory.mktemp("corpus")
    write_urmp(root, num_pieces=18, secs=2.0, seed=3)
    return root


@pytest.fixture(scope="session")
def gcs(tmp_path_factory):
    """Cloud Storage on the loopback address, for processes with ``gcs.environment``."""
    served = Gcs(tmp_path_factory.mktemp("gcs"))
    yield served
    served.stop()


@pytest.fixture
def bucket(gcs, monkeypatch):
    """A new bucket that this process reaches too."""
    for name, value in gcs.variables.items():
        monkeypatch.setenv(name, value)
    yield gcs.create()
    gcs.heal()
    assert gcs.refused() == []  # nothing left the loopback address
