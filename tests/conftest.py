"""Settings of all tests."""

from hypothesis import settings

settings.register_profile("default", deadline=None, derandomize=True)  # machines differ in speed, examples must not
settings.load_profile("default")
