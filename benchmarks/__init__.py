"""Timings of the project beside rivals, measured in the same run; each prints a ratio."""

from importlib import import_module

import_module("data_prep")  # silences TensorFlow, so before a benchmark imports that
