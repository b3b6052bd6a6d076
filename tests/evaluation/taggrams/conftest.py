"""A tagger that hears tones."""

import pytest

from tests.evaluation.taggrams import tone_run
from trainer.tasks.tagging.tagger import name_tagger


@pytest.fixture(scope="session")
def workdir(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("tagger") / "run"
    tone_run.make_run(workdir)
    return workdir


@pytest.fixture(scope="session")
def tagger(workdir):
    return name_tagger(str(workdir)).load()
