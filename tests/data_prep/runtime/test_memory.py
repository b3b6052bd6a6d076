"""What a process keeps of the memory that it frees."""

import subprocess
import sys

import pytest

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
