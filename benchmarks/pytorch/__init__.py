"""Holds the PyTorch sides of benchmarks, scripts that need none of our packages."""
