"""Refuses the values of fields that make no sense, in one sentence that says what was expected."""

import reprlib
from collections.abc import Collection, Mapping
from typing import Any, get_args, get_type_hints

# Of what a sentence shows of a value: somebody else may have written it, of any size and depth.
_SHORT = reprlib.Repr()
_SHORT.maxstring = 100
_SHORT.maxother = 100
_SHORT.maxlist = 20
_SHORT.maxtuple = 20


def shown(value: object) -> str:
    """Returns a value as a sentence shows it, with dots for the middle of a long one."""
    return _SHORT.repr(value)


def require(holds: bool, name: str, value: object, expected: str) -> None:
    """Raises a ``ValueError`` that says what was expected of a field, unless it holds."""
    if not holds:
        raise ValueError(f"{name} is {shown(value)}; expected {expected}.")


def one_of(name: str, value: object, legal: Collection[object]) -> None:
    """Raises a ``ValueError`` that lists the legal values, unless the value is one of them."""
    require(value in legal, name, value, "one of " + ", ".join(map(str, legal)))


def require_within(section: Any, prefix: str, limits: Mapping[str, tuple[float, float]]) -> None:
    """Raises a ``ValueError`` unless the fields of a section lie within their limits.

    Args:
        section: a dataclass.
        prefix: stands before the names of its fields, such as ``model``.
        limits: field -> the lowest and the highest legal value.
    """
    for name, (lowest, highest) in limits.items():
        value = getattr(section, name)
        expected = f"from {lowest:,} to {highest:,}"
        require(lowest <= value <= highest, f"{prefix}.{name}", value, expected)


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
