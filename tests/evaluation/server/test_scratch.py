"""The folders of servers: for one user alone, and gone when their server is."""

import subprocess
import sys

import pytest

from evaluation.server.scratch import scratch_folder

SERVER = """
from evaluation.server.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "song").write_text("sound")
    print(folder, flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def folders(place):
    return [path for folder in place.iterdir() for path in folder.iterdir()]


def test_a_folder_is_for_its_user_alone_and_is_deleted(place):
    with scratch_folder() as folder:
        (folder / "song").write_text("sound")
        for each in (folder, folder.parent):
            assert each.stat().st_mode & 0o777 == 0o700
    assert folders(place) == []


def test_what_a_kill_left_is_deleted_by_the_next_and_what_runs_is_not(place):
    command = [sys.executable, "-c", SERVER]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as killed, subprocess.Popen(command, **pipes) as runs:
        left = killed.stdout.readline().strip()
        kept = runs.stdout.readline().strip()
        killed.kill()
        killed.wait()
        assert {left, kept} < {str(path) for path in folders(place)}
        with scratch_folder() as folder:
            found = {str(path) for path in folders(place) if path.is_dir()}
            assert found == {kept, str(folder)}
        runs.communicate("\n")
    assert folders(place) == []


def test_a_place_that_others_can_read_or_that_leads_elsewhere_is_refused(place):
    with scratch_folder() as folder:
        own = folder.parent
    own.chmod(0o755)
    with pytest.raises(ValueError, match="expected a folder of your own"), scratch_folder():
        pass
    own.rmdir()
    (place / "other").mkdir(mode=0o700)
    own.symlink_to(place / "other")
    with pytest.raises(ValueError, match="expected a folder of your own"), scratch_folder():
        pass
