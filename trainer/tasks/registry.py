"""Finds what belongs to a task by its name, and imports it only then.

A task is a package of two modules: ``step`` (``make_networks``, ``make_objectives``,
``batch_shapes``; Keras alone) and ``task`` (``make_task``; TensorFlow).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from configs import Config
from trainer.loop.protocol import Task

if TYPE_CHECKING:
    # It imports TensorFlow, which a step does without.
    from data_prep.records.manifest import Manifest

# A line for every task that ``task.kind`` can name: the package that holds it.
PACKAGES = {
    "separation": "trainer.tasks.separation",
    "tagging": "trainer.tasks.tagging",
    "ordering": "trainer.tasks.ordering",
    "generation": "trainer.tasks.generation",
    "query": "trainer.tasks.query",
}


def step_of(config: Config) -> Any:
    """Returns the module ``step`` of the task of an experiment."""
    return import_module(f"{PACKAGES[config.task.kind]}.step")


def make_task(config: Config, manifest: "Manifest", folder: str) -> Task:
    """Makes the task of an experiment on the records in a folder.

    Raises:
        ValueError: the records do not fit the experiment.
    """
    module = import_module(f"{PACKAGES[config.task.kind]}.task")
    task: Task = module.make_task(config, manifest, folder)
    return task
