"""A plugin of pytest for ``make soak``, which fits into more than one sitting.

A part is a test. Each run of one appends a row to ``build/soak/rows.jsonl``: the revision, the part,
its outcome, seconds and figures (what the test gave to ``record_property``). A part that has passed
at this revision is not run again, and one that was interrupted finds its folder as it left it. The
soak is whole when all parts have passed at one revision; with changes that are not committed there
is no revision, and everything is run.
"""

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "build" / "soak"
ROWS = FOLDER / "rows.jsonl"


def find_revision():
    """Returns the commit, with ``-dirty`` behind it where files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def is_committed(revision):
    return not revision.endswith("-dirty")


def passed_parts(revision):
    """Returns the parts that have passed at a revision."""
    if not ROWS.exists() or not is_committed(revision):
        return set()
    rows = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]
    own = [row for row in rows if row["revision"] == revision]
    return {row["part"] for row in own if row["outcome"] == "passed"}


def folder_of(revision, part):
    return FOLDER / revision / re.sub(r"\W+", "_", part)


def pytest_sessionstart(session):
    revision = find_revision()
    session.config.revision = revision
    if not is_committed(revision):
        shutil.rmtree(FOLDER / revision, ignore_errors=True)


@pytest.hookimpl(trylast=True)  # after -m has chosen
def pytest_collection_modifyitems(config, items):
    config.soak_parts = [item.nodeid for item in items]
    for item in items:
        if item.nodeid in passed_parts(config.revision):
            item.add_marker(pytest.mark.skip(reason="passed at this revision"))


@pytest.fixture
def soak_folder(request):
    """Is kept until its part has passed at this revision."""
    folder = folder_of(request.config.revision, request.node.nodeid)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call" and not report.skipped:
        revision = item.config.revision
        row = {
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "revision": revision,
            "part": item.nodeid,
            "outcome": report.outcome,
            "seconds": round(call.duration, 1),
            "figures": dict(item.user_properties),
        }
        FOLDER.mkdir(parents=True, exist_ok=True)
        with ROWS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        if report.passed:
            shutil.rmtree(folder_of(revision, item.nodeid), ignore_errors=True)
    return report


def pytest_terminal_summary(terminalreporter, config):
    parts = set(config.soak_parts)
    passed = passed_parts(config.revision) & parts
    terminalreporter.write_line(
        f"{config.revision}: {len(passed)} of {len(parts)} parts have passed; see {ROWS.relative_to(FOLDER.parents[1])}"
    )
    for part in sorted(parts - passed):
        terminalreporter.write_line(f"not yet: {part}")
