"""Reads the yaml that lies beside the weights of a RoFormer, as MSST's training writes it.

Its section ``model`` has the arguments of the network's class, ``audio``, ``training`` and
``inference`` what else is known of it. It may be anybody's: of tags, which in other readers run
code, that of tuples alone is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from configs.checks import shown
from configs.reading import read_text

_TUPLE = "tag:yaml.org,2002:python/tuple"
# Such files have four thousand.
_LARGEST = 2**18
_EXPECTED = "expected the yaml that belongs to the weights, as MSST writes it"


class _UnknownTag(yaml.YAMLError):
    """Says that a value has a tag that is not read."""


class _Loader(yaml.SafeLoader):
    """Makes plain values, and tuples."""

    def construct_tuple(self, node: Any) -> tuple[Any, ...]:
        """Returns the tuple of a list."""
        return tuple(self.construct_sequence(node, deep=True))

    def refuse(self, node: Any) -> None:
        """Refuses a value with any other tag."""
        line = node.start_mark.line + 1
        raise _UnknownTag(f"the tag {shown(node.tag)} in line {line}")

    yaml_constructors = {  # noqa: RUF012 (as PyYAML has it)
        **yaml.SafeLoader.yaml_constructors,
        _TUPLE: construct_tuple,
        None: refuse,
    }


@dataclass(frozen=True)
class Described:
    """Holds the fields of a yaml, by section."""

    path: Path
    sections: Mapping[str, Mapping[str, Any]]

    def field(self, section: str, name: str) -> Any:
        """Returns the value of a field; None where there is none."""
        return self.sections.get(section, {}).get(name)

    def whole_number(self, section: str, name: str) -> int | None:
        """Returns the value of a field that counts something; None where there is none.

        Raises:
            ValueError: it is no whole number above 0.
        """
        value = self.field(section, name)
        if value is not None and (type(value) is not int or value < 1):
            raise ValueError(
                f"{self.path} says {section}.{name} {shown(value)}; expected a whole number above "
                f"0."
            )
        return value

    def names(self, section: str, name: str) -> tuple[str, ...]:
        """Returns the names in a field; none where there is no such field.

        Raises:
            ValueError: it holds something else.
        """
        value = self.field(section, name)
        if value is None:
            return ()
        if not isinstance(value, list | tuple) or not all(type(each) is str for each in value):
            raise ValueError(f"{self.path} says {section}.{name} {shown(value)}; expected names.")
        return tuple(value)


def read_description(path: Path) -> Described:
    """Returns the fields of a yaml.

    Raises:
        ValueError: it is no yaml, has other tags, or no section ``model``.
    """
    if not path.is_file():
        raise ValueError(f"there is no file {path}; {_EXPECTED}.")
    values = _parse(path)
    if not isinstance(values, dict) or not isinstance(values.get("model"), dict):
        raise ValueError(f"{path} has no section model; {_EXPECTED}.")
    sections = {name: part for name, part in values.items() if isinstance(part, dict)}
    return Described(path, sections)


def _parse(path: Path) -> Any:
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"{path} is larger than {_LARGEST // 2**10} KiB; {_EXPECTED}.")
    text = read_text(path)
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except _UnknownTag as error:
        raise ValueError(
            f"{path} has {error}; of tags !!python/tuple alone is read, as others may run code."
        ) from error
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is no yaml: {_said(error)}; {_EXPECTED}.") from error
    except RecursionError as error:
        raise ValueError(f"{path} is deeper than such a file is; {_EXPECTED}.") from error
    # A value that contradicts its tag, such as !!int "a": each type fails in its own way.
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} has a value that is not what its tag says ({error}); {_EXPECTED}."
        ) from error


def _said(error: yaml.YAMLError) -> str:
    """Returns what is wrong, and in which line, in one line."""
    problem = " ".join(str(getattr(error, "problem", None) or error).split())[:200]
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return problem
    return f"in line {mark.line + 1} {problem}"
