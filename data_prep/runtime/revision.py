"""Which code made a file."""

import subprocess
from pathlib import Path


def code_revision() -> str:
    """The commit this code was checked out at, with ``+`` where it was changed since; ``unknown`` outside git."""
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
