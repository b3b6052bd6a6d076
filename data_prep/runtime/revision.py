"""Says which code makes a file."""

import subprocess
from pathlib import Path


def code_revision() -> str:
    """Returns the commit that this code was checked out at.

    It ends in ``+`` where the code was changed since, and is ``unknown`` outside git.
    """
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return answer.stdout.strip()
