"""Tells whether a folder of one-shots is there already, and is the one that is wanted."""

from pathlib import Path

from data_prep.shots.prepared import (
    FILE_NAME,
    OneShots,
    ShotSettings,
    Source,
    changed_sounds,
    load_one_shots,
)


def finished_before(out: Path, settings: ShotSettings, source: Source) -> OneShots | None:
    """Returns what the folder holds if it is what is wanted; None where nothing is there.

    Raises:
        ValueError: it holds something else.
    """
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; expected a folder, or nothing yet.")
    if not out.is_dir() or not any(out.iterdir()):
        return None
    if not (out / FILE_NAME).exists():
        raise ValueError(
            f"{out} holds files that were not written here; expected an empty or new folder."
        )
    finished = load_one_shots(out)
    if (finished.settings, finished.source) != (settings, source):
        changed = "settings" if finished.settings != settings else "sounds or splits"
        raise ValueError(
            f"{out} holds one-shots of other {changed}; give another folder, or remove this one."
        )
    changed_sound = next(changed_sounds(finished, out), None)
    if changed_sound is not None:
        raise ValueError(changed_sound)
    print(f"{out} is there already.")
    return finished
