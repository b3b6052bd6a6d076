"""docs/reading-a-report.md against the code: every status, metric and aggregate is there."""

import re
from pathlib import Path

import pytest

from evaluation.report.metric_names import AGGREGATE_NAMES, METRIC_NAMES
from evaluation.scores.table import STATUSES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reading-a-report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_is_explained(status):
    assert f"`{status}`" in PAGE


@pytest.mark.parametrize("name", [name.split()[0] for name in METRIC_NAMES.values()])
def test_every_metric_is_explained(name):
    assert re.search(rf"\*\*{name}\*\*|\| {name} \|", PAGE)


@pytest.mark.parametrize("name", AGGREGATE_NAMES.values())
def test_every_aggregate_is_named(name):
    assert name.lower() in PAGE.lower()


def test_the_readme_leads_to_it():
    assert "(docs/reading-a-report.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
