"""Finds the runs whose estimates are averaged, and refuses those whose estimates have no mean.

It needs no TensorFlow, so that commands refuse runs before they import it.
"""

from collections.abc import Sequence

from configs import Config
from trainer.loop.workdir import TrainingRun, load_run, require_run


def find_runs(workdirs: Sequence[str]) -> dict[str, TrainingRun]:
    """Finds one run, or several whose estimates can be averaged.

    Returns:
        Path or address -> the run, in the same order.

    Raises:
        ValueError: there is no run, one is named twice, or they do not estimate the same.
    """
    places = [require_run(workdir) for workdir in workdirs]
    if not places:
        raise ValueError("expected the folder of a run; got none.")
    for number, place in enumerate(places):
        if place in places[:number]:
            raise ValueError(f"{place} is named twice; the mean of a run with itself is that run.")
    runs = {place: load_run(place) for place in places}
    first = places[0]
    for place, run in runs.items():
        _require_same(first, runs[first].config, place, run.config)
    return runs


def _require_same(first: str, config: Config, other: str, other_config: Config) -> None:
    """Refuses two runs whose estimates have no mean; every value in which they differ is named."""
    pairs = {
        "task": (config.task.kind, other_config.task.kind),
        "sources": (", ".join(config.data.sources), ", ".join(other_config.data.sources)),
        "sample_rate": (config.audio.sample_rate, other_config.audio.sample_rate),
        "channels": (config.audio.channels, other_config.audio.channels),
    }
    fields = [
        f"{name} ({ours} / {theirs})" for name, (ours, theirs) in pairs.items() if ours != theirs
    ]
    if fields:
        raise ValueError(
            f"{first} and {other} cannot be averaged, as they differ in {', '.join(fields)}; name "
            f"runs with the same sources, rate and channels."
        )
