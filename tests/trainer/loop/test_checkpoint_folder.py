"""Which checkpoints a folder holds, whatever a kill or a stranger left in it."""

from pathlib import Path

import pytest
import tensorflow as tf

from trainer.loop.checkpoint_folder import CheckpointFolder, list_steps

PARTS = ("index", "data-00000-of-00001")


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path / "run" / "checkpoints")


def save(folder, *steps, keep=2):
    """Saves a variable that is the number of the step."""
    variable = tf.Variable(0)
    kept = CheckpointFolder(folder, keep)
    for step in steps:
        variable.assign(step)
        kept.save(tf.train.Checkpoint(variable=variable), step)


def files(folder):
    return {path.name for path in Path(folder).iterdir()}


def files_of(*steps):
    return {f"ckpt-{step}.{part}" for step in steps for part in PARTS}


def test_the_newest_stay_and_tensorflow_finds_the_last(folder):
    save(folder, 3, 7, 20)
    assert list_steps(folder) == [20, 7]
    assert files(folder) == {"checkpoint", *files_of(7, 20)}
    newest = tf.train.latest_checkpoint(folder)
    assert newest == f"{folder}/ckpt-20"
    variable = tf.Variable(0)
    tf.train.Checkpoint(variable=variable).restore(newest).assert_consumed()
    assert int(variable) == 20


def test_what_is_saved_again_after_an_older_one_stays(folder):
    """A run that went back may save fewer steps than it had: these are the newest then."""
    save(folder, 20, 30)
    save(folder, 25)
    assert list_steps(folder) == [25, 30]
    save(folder, 12, keep=1)
    assert list_steps(folder) == [12]
    assert files(folder) == {"checkpoint", *files_of(12)}


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00", b"model_checkpoint_path: 7\n"])
def test_without_a_list_the_files_tell(folder, content):
    save(folder, 4, 15)
    Path(f"{folder}/checkpoint").unlink()
    if content is not None:
        Path(f"{folder}/checkpoint").write_bytes(content)
    assert list_steps(folder) == [15, 4]
    save(folder, 16)
    assert list_steps(folder) == [16, 15]
    assert files(folder) == {"checkpoint", *files_of(15, 16)}


def asking_for_all_memory(index):
    """An index that says of one of its blocks that it has 2^61 bytes."""
    size = bytes([128] * 8 + [32])
    return index[:-48] + (bytes(3) + size).ljust(40, b"\0") + index[-8:]


@pytest.mark.parametrize(
    "damage",
    [
        lambda index: index[:0],
        lambda index: index[:40],
        lambda index: index[:-1],
        asking_for_all_memory,
    ],
)
def test_a_first_checkpoint_that_is_not_whole_is_none(folder, damage):
    save(folder, 8)
    Path(f"{folder}/checkpoint").unlink()
    index = Path(f"{folder}/ckpt-8.index")
    index.write_bytes(damage(index.read_bytes()))
    assert list_steps(folder) == []
    save(folder, 8)
    assert list_steps(folder) == [8]


def test_several_that_are_not_whole_are_refused(folder):
    save(folder, 8, 9)
    Path(f"{folder}/checkpoint").unlink()
    for step in (8, 9):
        Path(f"{folder}/ckpt-{step}.index").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"none of 2 checkpoints in .* is whole; restore them"):
        list_steps(folder)


@pytest.mark.parametrize(
    "name", ["../../other/ckpt-8", "{other}/ckpt-8", "sub/ckpt-8", "..", "gs://elsewhere/ckpt-8"]
)
@pytest.mark.parametrize("of_all", ["", "all_"])
def test_nothing_outside_is_read_or_deleted(folder, name, of_all):
    other = folder.replace("/run/checkpoints", "/other")
    save(other, 8)
    save(folder, 1, 2)
    line = f'{of_all}model_checkpoint_path{"s" if of_all else ""}: "{name.format(other=other)}"\n'
    listed = Path(f"{folder}/checkpoint").read_bytes()
    Path(f"{folder}/checkpoint").write_bytes(line.encode() + listed)
    for use in (list_steps, save):
        with pytest.raises(ValueError, match=r"/checkpoint names .*; expected checkpoints beside"):
            use(folder)
    assert files(other) == {"checkpoint", *files_of(8)}
    assert files(folder) == {"checkpoint", *files_of(1, 2)}
    Path(f"{folder}/checkpoint").unlink()
    save(folder, 3, 4, 5)
    assert files(other) == {"checkpoint", *files_of(8)}


def test_files_that_are_no_checkpoints_stay(folder):
    save(folder, 1)
    names = {"ckpt-1.index.mine", "ckpt-12.index", "notes.txt", "ckpt-x.index"}
    for name in names:
        Path(f"{folder}/{name}").write_bytes(b"mine")
    save(folder, 2, 3, keep=1)
    assert files(folder) == {"checkpoint", *names, *files_of(3)}


def test_what_a_kill_left_half_saved_is_deleted_and_no_more(folder, tmp_path):
    save(folder, 1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").touch()
    Path(f"{folder}/ckpt-3_temp").symlink_to(tmp_path / "mine")
    for name in ("ckpt-2_temp", "ckpt-2_temporary", "my-ckpt-2_temp"):
        Path(f"{folder}/{name}").mkdir()
        Path(f"{folder}/{name}/part-00000-of-00001.index.tempstate12").touch()
    save(folder, 2)
    kept = {"ckpt-3_temp", "ckpt-2_temporary", "my-ckpt-2_temp"}
    assert files(folder) == {"checkpoint", *kept, *files_of(1, 2)}
    assert (tmp_path / "mine/notes.txt").exists()


@pytest.mark.parametrize("name", [None, "ckpt-1.index", "ckpt-1.data-00000-of-00001"])
def test_a_deletion_that_a_kill_ended_is_done_by_the_next_job(folder, name):
    save(folder, 1, 2, 3, keep=3)
    if name:
        Path(f"{folder}/{name}").unlink()
    save(folder, keep=2)
    assert files(folder) == {"checkpoint", *files_of(2, 3)}
    assert list_steps(folder) == [3, 2]
