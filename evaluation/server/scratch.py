"""Makes the folder in which a server keeps songs, and leaves nothing of it.

All servers of a user have folders in one place. Each keeps its own by a lock, which the system
drops when the process ends, however it ends: what no server keeps, the next one deletes.
"""

import shutil
import stat
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from data_prep.runtime.system import user_number
from data_prep.storage.lock import held

_OTHERS = 0o077
# What data_prep.storage.lock calls the lock beside a folder.
_LOCK = ".lock"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yields an empty folder that only this user can read, and deletes it in the end.

    Raises:
        ValueError: the place of such folders belongs to somebody else.
    """
    place = _place()
    names = {path.name.removesuffix(_LOCK) for path in place.iterdir()}
    for name in names:
        # Another server that runs keeps its folder.
        with suppress(ValueError), held(str(place / name), beside=True):
            shutil.rmtree(place / name, ignore_errors=True)
    folder = place / str(uuid.uuid4())
    # The folder is there only while it is kept, so that none deletes it that begins meanwhile.
    with held(str(folder), beside=True):
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _place() -> Path:
    """Returns where the folders of this user's servers lie, as TMPDIR or the system says."""
    user = user_number()
    place = Path(tempfile.gettempdir()) / f"source-separate-{user}"
    place.mkdir(mode=0o700, exist_ok=True)
    found = place.lstat()
    # Windows has no such modes, and a temporary folder for each user.
    is_closed = sys.platform == "win32" or not found.st_mode & _OTHERS
    is_ours = sys.platform == "win32" or found.st_uid == user
    if not (stat.S_ISDIR(found.st_mode) and is_ours and is_closed):
        raise ValueError(
            f"{place} is open to other users or belongs to one; expected a folder of your own: "
            f"delete it, or set TMPDIR to another place."
        )
    return place
