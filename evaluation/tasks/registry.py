"""Finds what a task scores and shows by the task's name, and imports it only then."""

from importlib import import_module

from evaluation.tasks.room import Room

# A line for every task that ``task.kind`` can name: the module that holds it.
ROOMS = {
    "separation": "evaluation.tasks.separation.room",
    "tagging": "evaluation.tasks.tagging.room",
    "ordering": "evaluation.tasks.ordering.room",
    "generation": "evaluation.tasks.generation.room",
    "query": "evaluation.tasks.query.room",
}


def room_of(kind: str) -> Room:
    """Returns the evaluation of a task."""
    room: Room = import_module(ROOMS[kind])
    return room
