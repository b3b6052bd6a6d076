"""Folders on a disk: files whole or not there, and one sentence where the disk fails."""

import errno
import os
import subprocess
import sys

import pytest

from data_prep.storage import LocalFolder, open_folder
from data_prep.storage.files import Digest, in_the_making, replacing
from data_prep.storage.folder import making
from tests.support.versions import check_versions


@pytest.fixture
def folder(tmp_path):
    folder = open_folder(str(tmp_path / "a" / "b"))
    folder.check()
    return folder


def test_files_come_and_go(folder, tmp_path):
    assert folder.list_names() == []
    assert folder.stat("a.txt") is None
    assert folder.read_text("a.txt") is None
    folder.write_text("a.txt", "123456789")
    assert folder.stat("a.txt") == Digest(9, "4waSgw==")  # the check value of CRC-32C, 0xe3069283
    (tmp_path / "made").write_text("other")
    folder.put(tmp_path / "made", "a.txt")
    assert not (tmp_path / "made").exists()
    assert folder.read_text("a.txt") == "other"
    folder.delete("a.txt")
    folder.delete("a.txt")
    folder.write_text("b.txt", "")
    assert folder.list_names() == ["b.txt"]
    folder.close()
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["b.txt"]


def test_of_those_who_know_the_same_version_one_replaces_it(folder, tmp_path):
    check_versions(folder)
    assert [path.name for path in (tmp_path / "a" / "b").iterdir() if path.is_file()] == []


def test_what_fails_halfway_leaves_nothing(folder):
    folder.write_text("a.txt", "before")
    with pytest.raises(OSError, match="disk full"), making(folder, "a.txt") as path:
        path.write_text("hal")
        raise OSError(errno.ENOSPC, "disk full")
    assert folder.read_text("a.txt") == "before"
    assert list(folder.scratch.iterdir()) == []


def test_folders_that_cannot_be_written_to_are_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        ValueError, match=r"file/records cannot be written to \(Not a directory\); choose"
    ):
        LocalFolder(tmp_path / "file" / "records").check()


def test_another_file_is_overwritten_only_where_that_is_asked_for(folder):
    folder.write_text("a.txt", "before")
    with (
        pytest.raises(ValueError, match=r"a\.txt is there already and"),
        making(folder, "a.txt", False) as path,
    ):
        path.write_text("after")
    assert folder.read_text("a.txt") == "before"
    with making(folder, "a.txt", overwrite=False) as path:
        path.write_text("before")
    assert list(folder.scratch.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts file systems")
def test_a_full_disk_is_one_sentence(tmp_path):
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "none", tmp_path], check=False
    ).returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        folder = LocalFolder(tmp_path)
        with pytest.raises(OSError, match="No space left"):
            folder.write_text("a.txt", "x" * 100_000)
        assert folder.list_names() == []
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_what_dead_processes_were_making_is_deleted_and_no_more(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    own = in_the_making(tmp_path / "a[b].wav").name
    machine = own.split(".")[-2].split("-")[0]
    kept = [
        own,  # this process lives
        f"a[b].wav.{machine}-1.partial",  # so does this one
        f"a[b].wav.0123abcd-{ended.pid}.partial",  # of another machine, for all that is known
        f"a.wav.{machine}-{ended.pid}.partial",  # to become another file
        "a[b].wav.partial",  # made by nobody of ours
        f"a[b].wav.{machine}-.partial",
    ]
    for name in kept:
        (tmp_path / name).touch()
    (tmp_path / f"a[b].wav.{machine}-{ended.pid}.partial").mkdir()
    (tmp_path / f"a[b].wav.{machine}-{ended.pid}.partial" / "report.md").touch()
    with replacing(tmp_path / "a[b].wav") as path:
        path.write_text("whole")
    assert {each.name for each in tmp_path.iterdir()} == {"a[b].wav", *kept}
