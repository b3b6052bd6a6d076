"""Corpora to records: tracks are read, cut into excerpts, encoded into sharded TFRecords and listed in a manifest."""

import os
import sys

from data_prep.runtime.interruption import end_at_once_while_importing

end_at_once_while_importing(__name__)

# Before TensorFlow is imported anywhere: its start-up notices would bury the first lines a user should read. With a
# bucket they stay: the same log tells of requests that failed and are tried again.
_BUCKET = any("gs://" in argument for argument in sys.argv)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "0" if _BUCKET else "3")
if _BUCKET:
    os.environ.setdefault("TF_CPP_VMODULE", "retrying_utils=1")
    os.environ.setdefault(
        "GCS_RETRY_CONFIG_MAX_RETRIES", "24"
    )  # about ten minutes; TensorFlow's own ten take three
