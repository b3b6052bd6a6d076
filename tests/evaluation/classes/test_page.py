"""docs/classify.md against the code that it describes."""

import re
from pathlib import Path

from evaluation.classes.hearing import SHORTEST_SECS
from evaluation.classes.linear import PENALTIES
from evaluation.scores.bootstrap import MIN_TRACKS, RESAMPLES

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/classify.md").read_text(encoding="utf-8")


def test_the_readme_leads_to_the_page():
    assert "(docs/classify.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_flag_of_the_page_is_one():
    source = (ROOT / "evaluation/classify.py").read_text(encoding="utf-8")
    source += (ROOT / "trainer/inference/checkpoint_flags.py").read_text(encoding="utf-8")
    source += (ROOT / "benchmarks/style/__main__.py").read_text(encoding="utf-8")
    defined = set(re.findall(r'DEFINE_\w+\(\s*"(\w+)"', source))
    # One of pip's is named, too.
    named = set(re.findall(r"--(\w+)", PAGE.replace("--no-deps", "")))
    assert named <= defined
    assert {"root", "csv", "groups", "ungrouped", "folds", "workdir"} <= named


def test_numbers_of_the_page_are_those_of_the_code():
    assert f"shorter than {SHORTEST_SECS} s" in PAGE
    assert f"groups drawn again {RESAMPLES:,} times" in PAGE
    assert MIN_TRACKS == 6
    assert "Below six groups" in PAGE
    weakest, *_ = sorted(PENALTIES)
    assert f"one of {weakest}, 1, 10, ..., {max(PENALTIES):,.0f}" in PAGE


def test_what_is_cited_is_listed_and_the_other_way_round():
    text, references = PAGE.split("## References")
    cited = set(re.findall(r"\b[A-Z][a-z]+ 20\d\d\b", text))
    assert cited == set(re.findall(r"^- ([^:]+): ", references, re.MULTILINE))
