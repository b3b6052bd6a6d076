"""Holds the experiments: a module defines ``CONFIG``, or ``CONFIGS``, a table of several."""

import importlib
import pkgutil
from functools import cache

from configs.schema import Config


def experiments() -> list[str]:
    """Returns the names of all experiments."""
    return sorted(_by_name())


def find_experiment(name: str) -> Config:
    """Returns an experiment.

    Raises:
        ValueError: none is called so.
    """
    found = _by_name()
    if name not in found:
        raise ValueError(f"no experiment is called {name!r}; there are {', '.join(sorted(found))}.")
    return found[name]


def register(config: Config) -> None:
    """Adds an experiment that stands in no module of this package, for this process.

    Raises:
        ValueError: another one is called so.
    """
    found = _by_name()
    if found.setdefault(config.name, config) != config:
        raise ValueError(f"another experiment is called {config.name!r}; choose another name.")


@cache
def _by_name() -> dict[str, Config]:
    found = {}
    for module in pkgutil.iter_modules(__path__):
        contents = importlib.import_module(f"{__name__}.{module.name}")
        configs = contents.CONFIGS if hasattr(contents, "CONFIGS") else (contents.CONFIG,)
        for config in configs:
            found[config.name] = config
    return found
