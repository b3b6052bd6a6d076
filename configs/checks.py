"""Refuses the values of fields that make no sense, in one sentence that says what was expected."""

from collections.abc import Collection
from typing import Any, get_args, get_type_hints


def require(holds: bool, name: str, value: object, expected: str) -> None:
    """Raises a ``ValueError`` that says what was expected of a field, unless it holds."""
    if not holds:
        raise ValueError(f"{name} is {value!r}; expected {expected}.")


def one_of(name: str, value: object, legal: Collection[object]) -> None:
    """Raises a ``ValueError`` that lists the legal values, unless the value is one of them."""
    require(value in legal, name, value, "one of " + ", ".join(map(str, legal)))


def require_legal_words(section: Any, prefix: str) -> None:
    """Raises a ``ValueError`` unless every field of a ``Literal`` type holds one of its words.

    Args:
        section: a dataclass.
        prefix: stands before the names of its fields, such as ``model``.
    """
    for name, hint in get_type_hints(type(section)).items():
        words = get_args(hint)
        if words and all(isinstance(word, str) for word in words):
            one_of(f"{prefix}.{name}", getattr(section, name), words)
