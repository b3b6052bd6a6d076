"""What TensorFlow does with memory that it has used."""

import subprocess
import sys

import pytest

CODE = """
import re
from pathlib import Path
from trainer.inference.memory import return_freed_memory
return_freed_memory()
import tensorflow as tf

def megabytes():
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1e3

numbers = tf.random.uniform([2**26])
taken = megabytes()
del numbers
print(taken - megabytes())
"""


@pytest.mark.slow
def test_what_was_freed_goes_back_to_the_system():
    said = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    # Of 268 MB.
    assert float(said.stdout) > 250
