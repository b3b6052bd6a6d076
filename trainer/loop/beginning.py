"""Makes what a run begins with, variables of another one if so (``train.begin_from``).

A variable is taken where its path after the name of its network, and its shape, agree, if that run
has learnt it: an encoder that put clips in order becomes that of a separator or tagger of the same
kind.
"""

from collections.abc import Iterator, Sequence

import keras

from configs import Begun, Train
from data_prep.runtime.quantities import pluralized
from trainer.loop.optimisation import NOT_BEGUN, Optimisation
from trainer.loop.protocol import Devices, Learnt, Networks, Task

# Named on the screen of each kind; config.json names all.
_MOST_NAMES = 8


def make_optimisation(
    task: Task, settings: Train, devices: Devices, begun: Begun = NOT_BEGUN
) -> Optimisation:
    """Makes the networks of a task, and what changes their weights.

    Args:
        task: makes networks and objectives.
        settings: of the run.
        devices: where it runs.
        begun: what the run has begun with, where it continues; its variables are to be restored.
    """
    with devices.scope():
        networks = task.make_networks()
        if settings.begin_from and begun == NOT_BEGUN:
            begun = begin(networks, task.read_learnt())
            if devices.is_writer:
                print(describe(begun, settings.freeze_begun), flush=True)
        if settings.freeze_begun:
            freeze(networks, begun.taken)
        return Optimisation(settings, networks, task.make_objectives(networks), begun)


def begin(networks: Networks, learnt: Learnt) -> Begun:
    """Gives networks what they can take of what another run has learnt.

    Returns:
        What was taken, and what begins fresh.

    Raises:
        ValueError: nothing of it fits.
    """
    values = learnt.values
    sources: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    for path, value in values.items():
        sources.setdefault((_within(path), value.shape), []).append(path)
    taken = []
    fresh = []
    for variable in _variables(networks):
        found = sources.get((_within(variable.path), tuple(variable.shape)), [])
        source = _choose(found, variable.path)
        if source is None:
            fresh.append(variable.path)
        else:
            variable.assign(values[source])
            taken.append(variable.path)
    if not taken:
        raise ValueError(
            f"nothing that {learnt.checkpoint} has learnt has the path and shape of a variable of "
            f"this run; networks of the same kind and size share theirs (train.begin_from)."
        )
    return Begun(learnt.checkpoint, tuple(taken), tuple(fresh))


def freeze(networks: Networks, paths: Sequence[str]) -> None:
    """Keeps training from changing the variables of these paths."""
    wanted = set(paths)
    for variable in _variables(networks):
        if variable.path in wanted:
            variable.trainable = False


def describe(begun: Begun, is_frozen: bool) -> str:
    """Says in words what was taken, and what begins fresh."""
    kept = ", which stay as they are" if is_frozen else ""
    lines = [
        f"Begins with {_count(begun.taken)} of {begun.checkpoint}{kept}: {_name(begun.taken)}",
        f"{_count(begun.fresh)} fresh: {_name(begun.fresh)}",
    ]
    return "\n".join(lines if begun.fresh else lines[:1])


def _variables(networks: Networks) -> Iterator[keras.Variable]:
    for network in networks.values():
        yield from network.weights


def _within(path: str) -> str:
    """Returns the path of a variable after the name of its network."""
    return path.partition("/")[2]


def _choose(sources: Sequence[str], path: str) -> str | None:
    """Returns the source of a variable: the only one, or of several that of the same path."""
    if len(sources) == 1:
        return sources[0]
    return path if path in sources else None


def _count(paths: Sequence[str]) -> str:
    return pluralized(len(paths), "variable")


def _name(paths: Sequence[str]) -> str:
    named = ", ".join(paths[:_MOST_NAMES])
    more = len(paths) - _MOST_NAMES
    return named if more <= 0 else f"{named} and {more} more (config.json names all)"
