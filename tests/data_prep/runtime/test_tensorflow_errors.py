"""Real errors of TensorFlow, each made to happen, in words that a user understands."""

import re
import subprocess
from pathlib import Path

import pytest
import tensorflow as tf

from data_prep.runtime.tensorflow_errors import is_of_tensorflow, reason
from tests.support.commands import run_command

INNER = re.compile(
    r"\{\{|\}\}|\[\[|\[Op:|function_node|__wrapped|Traceback|File \"|\n|/job:|Detected"
)
RUN = Path(__file__).parents[2] / "before" / "files" / "run"


@tf.function(input_signature=[tf.TensorSpec(None), tf.TensorSpec(None)])
def multiply(left, right):
    return tf.matmul(left, right)


@tf.function
def require_positive(number):
    tf.debugging.Assert(number > 0, ["expected a number above 0; got", number])
    return number


@tf.function
def read(path):
    return tf.io.read_file(path)


@tf.function
def following(iterator):
    return next(iterator)


def iter_badly():
    yield 1.0
    raise ValueError("train-00003 ends early; write it again.")


def make_bad():
    return tf.data.Dataset.from_generator(
        iter_badly, output_signature=tf.TensorSpec([], tf.float32)
    )


def raise_in_map(_):
    raise ValueError("the split has no tracks; choose another.")


def read_mapped():
    numbers = tf.data.Dataset.range(3)
    list(numbers.map(lambda number: tf.py_function(raise_in_map, [number], tf.float32)))


def take_two(dataset):
    iterator = iter(dataset)
    following(iterator)
    following(iterator)


def fill(path):
    with tf.io.gfile.GFile(path, "w") as file:
        file.write("x")


ERRORS = {
    "a file": (lambda: tf.io.read_file("/nowhere/a b"), "/nowhere/a b: No such file or directory"),
    "a file in a graph": (lambda: read("/nowhere/x"), "/nowhere/x: No such file or directory"),
    "records": (
        lambda: list(tf.data.TFRecordDataset("/nowhere/train-00000.tfrecord")),
        "/nowhere/train-00000.tfrecord: No such file or directory",
    ),
    "a folder": (lambda: fill("/proc"), "/proc: Is a directory"),
    "a full disk": (lambda: fill("/dev/full"), "/dev/full: No space left on device"),
    "a generator": (lambda: list(make_bad()), "train-00003 ends early; write it again."),
    "one in a graph": (lambda: take_two(make_bad()), "train-00003 ends early; write it again."),
    "a map": (read_mapped, "the split has no tracks; choose another."),
    "an assertion": (lambda: require_positive(-1), "expected a number above 0; got -1"),
    "shapes": (
        lambda: multiply(tf.zeros((2, 3)), tf.zeros((2, 3))),
        "Matrix size-incompatible: In[0]: [2,3], In[1]: [2,3]",
    ),
    "an end": (lambda: take_two(tf.data.Dataset.range(1)), "End of sequence"),
}


@pytest.mark.parametrize(("fail", "expected"), ERRORS.values(), ids=ERRORS.keys())
def test_an_error_is_told_without_what_is_inside(fail, expected):
    with pytest.raises(tf.errors.OpError) as caught:
        fail()
    said = reason(caught.value)
    assert said.startswith(expected)
    assert not INNER.search(said)


@pytest.mark.parametrize(
    "message",
    [
        "No algorithm worked!  Error messages:\n  Profiling failure on CUDNN engine 1: OOM",
        "Graph execution error:\n\nDetected at node Conv2D defined at (most recent call last):\n"
        "<stack traces unavailable>\n2 root error(s) found.\n  (0) UNIMPLEMENTED:  DNN library is not"
        " found.\n\t [[{{node Conv2D}}]]\n [Op:__inference_f_1]",
        "{{function_node x}} Failed to allocate memory for cuBLAS [Op:MatMul]",
    ],
)
def test_what_an_accelerator_lacks_is_told(message):
    """There is none in a test: as those who have one report it."""
    said = reason(tf.errors.InternalError(None, None, message))
    assert said.startswith("the accelerator cannot compute this; most often")


@pytest.mark.parametrize("message", ["", "{{function_node x}} [Op:ReadFile]", "\n\n"])
def test_an_error_that_says_nothing_has_its_name(message):
    assert reason(tf.errors.AbortedError(None, None, message)) == "AbortedError"


@tf.function
def refuse(number):
    if number.shape.rank != 1:
        raise ValueError("the labels have no axis; give a list.")
    return number


def test_a_sentence_of_ours_stays_itself_where_a_graph_is_made():
    with pytest.raises(ValueError, match="in user code") as caught:
        refuse(tf.zeros([]))
    assert is_of_tensorflow(caught.value)
    assert reason(caught.value) == "the labels have no axis; give a list."
    assert not is_of_tensorflow(ValueError("the labels have no axis; give a list."))


@pytest.mark.slow
def test_a_full_disk_is_told_by_export(tmp_path):
    mount = ["mount", "-t", "tmpfs", "-o", "size=60k", "none", tmp_path]
    if subprocess.run(mount, check=False).returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        result = run_command("trainer.export", f"--workdir={RUN}", f"--out={tmp_path}/model")
    finally:
        subprocess.run(["umount", tmp_path], check=True)
    assert result.returncode == 1
    assert result.stderr.startswith(f"error: {tmp_path}/model.partial/")
    advice = ": No space left on device; make room there, and give the same command again.\n"
    assert result.stderr.endswith(advice)
    assert not INNER.search(result.stderr.strip())
