"""Where files end up: a folder on a disk or in a bucket, and files that are whole or not there.

folder   what every folder can do, and how a file is made in it
local    a folder on a disk
bucket   a folder in a Cloud Storage bucket
faults   why a request to Cloud Storage failed
files    checksums, names, and files that replace others
"""

import re
from pathlib import Path

from data_prep.storage.folder import Folder
from data_prep.storage.local import LocalFolder

__all__ = ["Folder", "LocalFolder", "is_bucket", "open_folder"]


def open_folder(url: str) -> Folder:
    """The folder at a path or a ``gs://`` address.

    Raises:
        ValueError: the address is of a kind that is not supported.
    """
    if is_bucket(url):
        from data_prep.storage.bucket import (
            BucketFolder,
        )  # takes a second to import, which only buckets need

        return BucketFolder(url)
    return LocalFolder(Path(url))


def is_bucket(url: str) -> bool:
    """Whether an address leads to a bucket, not to a disk.

    Raises:
        ValueError: it leads to neither, as with a typo in ``gs://``.
    """
    if url.startswith("gs://"):
        return True
    if scheme := re.match(
        r"[A-Za-z][\w+.-]*:/+", url
    ):  # else gs:/bucket would be a folder called gs:
        raise ValueError(
            f"{url} begins with {scheme[0]}; expected the path of a folder, or gs://BUCKET/FOLDER."
        )
    return False
