"""A small network behind the page, in the process of the tests."""

import pytest

import configs
from tests.evaluation.server.page_server import page_server
from trainer.inference.separator import Separator
from trainer.networks import make_network

SMALL = ["audio.sample_rate=8000", "model.num_levels=2", "model.num_filters=2"]
SMALL += ["model.estimate_frames=101", "data.sources=fl,vn"]


@pytest.fixture(scope="session")
def separator():
    config = configs.load("smoke", SMALL)
    return Separator(config, make_network(config))


@pytest.fixture(scope="module")
def server(separator, tmp_path_factory):
    """Serves the page to the tests of a module, which leave no song; songs lie in a place of theirs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(tmp_path_factory.mktemp("place")))
        with page_server(separator) as served:
            yield served


@pytest.fixture(autouse=True)
def no_song_stays(request):
    """Removes the songs of a test."""
    yield
    if "server" in request.fixturenames:
        served = request.getfixturevalue("server")
        for each in served.songs.describe():
            served.songs.remove(served.songs.find(each["key"]))
