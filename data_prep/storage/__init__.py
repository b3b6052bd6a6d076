"""Keeps files in a folder on a disk or in a bucket; a file is whole or not there.

folder      what every folder can do, and how a file is made in it
local       a folder on a disk
bucket      a folder in a Cloud Storage bucket
stand_ins   a folder in a bucket that is looked through like one on a disk
lock        one job per folder
file_lock   the lock of an open file, as each system has it
lease       the same where there are no locks
faults      how requests are tried again, and why one failed
files       checksums, names, and files that replace others
"""

import re
from pathlib import Path

from data_prep.storage.folder import Folder, VersionedText
from data_prep.storage.local import LocalFolder

__all__ = ["Folder", "LocalFolder", "VersionedText", "is_bucket", "open_folder"]


def open_folder(url: str, patience_secs: float | None = None) -> Folder:
    """Opens the folder at a path or a ``gs://`` address, whether it is there or not.

    Args:
        url: path or address.
        patience_secs: for how long a request to a bucket that fails is tried again, if it may pass;
            unless given, for as long as a job of days should wait.

    Raises:
        ValueError: the address is of a kind that is not supported.
    """
    if is_bucket(url):
        # Takes a second to import, which only buckets need.
        from data_prep.storage.bucket import PATIENCE_SECS, BucketFolder

        if patience_secs is None:
            patience_secs = PATIENCE_SECS
        return BucketFolder(url, patience_secs)
    return LocalFolder(Path(url))


def is_bucket(url: str) -> bool:
    """Returns whether an address leads to a bucket, not to a disk.

    Raises:
        ValueError: it leads to neither, as with a typo in ``gs://``, or it is empty.
    """
    if not url:
        # As of a variable that is not set: it would be the folder where the command runs.
        raise ValueError("expected the path of a folder, or gs://BUCKET/FOLDER; got nothing.")
    if url.startswith("gs://"):
        return True
    # Else gs:/bucket would be a folder called gs: (one letter is a drive of Windows).
    scheme = re.match(r"[A-Za-z][\w+.-]+:/+", url)
    if scheme:
        raise ValueError(
            f"{url} begins with {scheme[0]}; expected the path of a folder, or gs://BUCKET/FOLDER."
        )
    return False
