"""Chooses the backend of Keras, which is read once, when Keras is imported."""

import os

from configs import Config, GenerationSettings

TENSORFLOW = "tensorflow"


def choose_backend(backend: str) -> None:
    """Lets Keras be imported with a backend."""
    os.environ["KERAS_BACKEND"] = backend


def require_backend(config: Config, backend: str) -> None:
    """Refuses what JAX does not train yet.

    Raises:
        ValueError: the experiment is such.
    """
    task = config.task
    is_adversarial = isinstance(task, GenerationSettings) and task.method == "adversarial"
    if is_adversarial and backend != TENSORFLOW:
        raise ValueError(
            f"task.method=adversarial penalises gradients of gradients by TensorFlow, and is not "
            f"there on JAX yet; --backend is {backend}, expected {TENSORFLOW}."
        )
