"""What a process keeps of the memory that it frees."""

import subprocess
import sys

import numpy as np
import pytest

from data_prep.runtime.memory import ran_out

# Prints how many pages the kernel gave to a hundred arrays of 16 MiB, one after the other.
ARRAYS = """
import resource
import numpy as np
from data_prep.runtime.memory import keep_freed_memory
if {keeps}:
    keep_freed_memory()
np.ones(2**21)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    np.ones(2**21)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def num_pages(keeps):
    # glibc raises its thresholds by itself where large arrays come and go, unless it is told not to.
    fixed = {"MALLOC_MMAP_THRESHOLD_": str(2**17), "MALLOC_TRIM_THRESHOLD_": str(2**17)}
    arguments = [sys.executable, "-c", ARRAYS.format(keeps=keeps)]
    done = subprocess.run(arguments, env=fixed, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone can be told")
def test_arrays_that_come_and_go_take_the_same_memory():
    pages_of_an_array = num_pages(keeps=False) / 100
    assert pages_of_an_array > 1
    assert num_pages(keeps=True) < 5 * pages_of_an_array


# Prints how much is held, in MiB, after a hundred arrays of 1 MiB were freed between small ones, and
# after that was given back.
HELD = """
import numpy as np
from data_prep.runtime.memory import give_back_freed_memory
def held():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) // 256
arrays = [(np.ones(2**17), np.ones(2**9)) for _ in range(100)]
arrays = [small for _, small in arrays]
before = held()
give_back_freed_memory()
print(before - held())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone can be told")
def test_what_was_freed_between_what_is_held_is_given_back():
    fixed = {"MALLOC_MMAP_THRESHOLD_": str(2**25)}
    done = subprocess.run(
        [sys.executable, "-c", HELD], env=fixed, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) > 80


class ResourceExhaustedError(Exception):
    """Is called as TensorFlow's error is."""


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (ImportError("libtensorflow_cc.so.2: failed to map segment from shared object"), True),
        (ImportError("No module named 'tensorflow'"), False),
        (ResourceExhaustedError("OOM when allocating tensor with shape[9] and type float"), True),
        (ResourceExhaustedError("failed to allocate memory"), True),
        (ResourceExhaustedError("/a/ckpt-1.index; No space left on device"), False),
        (ValueError("memory"), False),
    ],
)
def test_what_says_that_memory_ran_out(error, expected):
    assert ran_out(error) == expected


def test_numpy_says_it_too():
    with pytest.raises(MemoryError) as caught:
        np.empty(2**60, np.int8)
    assert ran_out(caught.value)
